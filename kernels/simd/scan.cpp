#include "xgrad/kernels/scan.hpp"

#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/rows.hpp"

#define XGRAD_INLINE __attribute__((always_inline))

namespace xgrad::kernels {
namespace {

// One number, for the columns that are too few for a pack.
struct One {};
template <class T>
[[gnu::always_inline]] inline T load(const T* p, One) {
  return *p;
}
template <class T>
[[gnu::always_inline]] inline void store(T x, T* p, One) {
  *p = x;
}

// R rows of a pack of columns: what is in `total` and `part` is loaded once for them.
template <std::size_t R, class T, class Width>
[[gnu::always_inline]] inline void few_rows(const T* x, T* y, std::ptrdiff_t step, Width width,
                                            const T* total, T* part, bool accumulate) {
  const auto before = load(total, width);
  auto sum = load(part, width);
  for (std::size_t r = 0; r < R; ++r, x += step, y += step) {
    sum = sum + load(x, width);
    const auto all = before + sum;
    store(accumulate ? load(y, width) + all : all, y, width);
  }
  store(sum, part, width);
}

template <class T>
void columns(const T* x, T* y, std::size_t rows, std::ptrdiff_t step, std::size_t n, const T* total,
             T* part, bool accumulate) {
  const auto each = [&](auto how_many) XGRAD_INLINE {
    constexpr std::size_t R = how_many;
    const auto strip = [&](std::size_t j, auto width) XGRAD_INLINE {
      few_rows<R>(x + j, y + j, step, width, total + j, part + j, accumulate);
    };
    for (; rows >= R; rows -= R) {
      if (n >= 4) {
        each_pack<Pack<T, Arch>>(
            n, [&](std::size_t j, auto width, auto) XGRAD_INLINE { strip(j, width); });
      } else {
        for (std::size_t j = 0; j < n; ++j) strip(j, One());
      }
      x += static_cast<std::ptrdiff_t>(R) * step;
      y += static_cast<std::ptrdiff_t>(R) * step;
    }
  };
  each(Quarter<4>());
  each(Quarter<1>());
}

}  // namespace

template <Isa I, class T>
ScanKernels<T> make_scan_kernels() {
  return {&columns<T>};
}

template ScanKernels<float> make_scan_kernels<kIsa, float>();
template ScanKernels<double> make_scan_kernels<kIsa, double>();

}  // namespace xgrad::kernels
