#include "xgrad/kernels/extrema.hpp"

#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/rows.hpp"

#define XGRAD_INLINE __attribute__((always_inline))

namespace xgrad::kernels {
namespace {

template <class T>
void extremum_backward_kernel(const T* x, const T* y, const T* gy, T* gx, AxisView view,
                              bool accumulate) {
  using P = Pack<T, Arch>;
  each_row<P>(view, [&](std::size_t first, std::size_t result, const auto& row) {
    const P best = row.load_result(y + result);
    const T other = y[result] == T(0) ? T(1) : T(0);  // not a tie, for lanes that are not in memory
    const auto chosen = [&](std::size_t at, auto width) XGRAD_INLINE {
      const P v = load(x + first + at, width, other);
      return v == best || v != v;
    };
    const P ties = sum_along<P>(row, [&](std::size_t at, auto width) XGRAD_INLINE {
      return where(chosen(at, width), P(1), P(0));
    });
    const P share = row.load_result(gy + result) / ties;
    row.each_alone([&](std::size_t at, auto width) XGRAD_INLINE {
      put(where(chosen(at, width), share, P(0)), gx + first + at, width, accumulate);
    });
  });
}

}  // namespace

template <Isa I, class T>
ExtremumKernels<T> make_extremum_kernels() {
  return {&extremum_backward_kernel<T>};
}

template ExtremumKernels<float> make_extremum_kernels<kIsa, float>();
template ExtremumKernels<double> make_extremum_kernels<kIsa, double>();

}  // namespace xgrad::kernels
