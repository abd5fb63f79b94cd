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

// Some rows of a pack of columns: what is in `total` and `part` is loaded once for them.
template <class Rows, class T, class Width>
[[gnu::always_inline]] inline void few_rows(Rows rows, const T* x, T* y, std::ptrdiff_t step,
                                            Width width, const T* total, T* part, bool accumulate) {
  const auto before = load(total, width);
  auto sum = load(part, width);
  for (std::size_t r = 0; r < rows; ++r, x += step, y += step) {
    sum = sum + load(x, width);
    const auto all = before + sum;
    store(accumulate ? load(y, width) + all : all, y, width);
  }
  store(sum, part, width);
}

template <class T>
void columns(const T* x, T* y, std::size_t rows, std::ptrdiff_t step, std::size_t n, const T* total,
             T* part, bool accumulate);

// Rows shorter than a pack, of which a load would wait for the store of the one before: their sums
// are added as a whole.
template <class T>
void add_narrow_columns(const T* x, T* y, std::size_t rows, std::ptrdiff_t step, std::size_t n,
                        const T* total, T* part) {
  constexpr std::size_t kRows = 64;
  T sums[kRows * Pack<T, Arch>::size];
  for (std::size_t done = 0; done < rows; done += kRows) {
    const std::size_t count = rows - done < kRows ? rows - done : kRows, last = (count - 1) * n;
    const std::ptrdiff_t from = static_cast<std::ptrdiff_t>(done) * step;
    columns(x + from, step < 0 ? sums + last : sums, count, step, n, total, part, false);
    T* const to = step < 0 ? y + from - last : y + from;
    each_lane_group<Pack<T, Arch>>(
        count * n, [&](std::size_t i, std::size_t, auto width)
                       XGRAD_INLINE { put(load(sums + i, width), to + i, width, true); });
  }
}

template <class T>
void columns(const T* x, T* y, std::size_t rows, std::ptrdiff_t step, std::size_t n, const T* total,
             T* part, bool accumulate) {
  using P = Pack<T, Arch>;
  const auto each = [&](auto how_many) XGRAD_INLINE {
    for (; rows >= how_many && rows > 0; rows -= how_many) {
      const auto strip = [&](std::size_t j, auto width) XGRAD_INLINE {
        few_rows(how_many, x + j, y + j, step, width, total + j, part + j, accumulate);
      };
      if (n >= 4) {
        each_lane_group<P>(
            n, [&](std::size_t j, std::size_t, auto width) XGRAD_INLINE { strip(j, width); });
      } else {
        for (std::size_t j = 0; j < n; ++j) strip(j, One());
      }
      x += static_cast<std::ptrdiff_t>(how_many) * step;
      y += static_cast<std::ptrdiff_t>(how_many) * step;
    }
  };
  if (accumulate && n < P::size) return add_narrow_columns(x, y, rows, step, n, total, part);
  if (n <= 4 * P::size) return each(std::size_t{rows});
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
