#include "xgrad/kernels/extrema.hpp"

#include <algorithm>
#include <functional>

#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/parallel.hpp"

namespace xgrad::kernels {
namespace {

// True when b takes the place of a: better, or the first NaN.
template <class Better, class T>
bool displaces(T a, T b) {
  return Better()(b, a) || (b != b && a == a);
}

template <class Better, class T>
void first_best(const T* x, std::int64_t* at, AxisView view) {
  for (std::size_t o = 0; o < view.outer; ++o, x += view.n * view.inner, at += view.inner) {
    std::fill_n(at, view.inner, std::int64_t{0});
    for (std::size_t i = 1; i < view.n; ++i) {
      for (std::size_t j = 0; j < view.inner; ++j) {
        const T best = x[static_cast<std::size_t>(at[j]) * view.inner + j];
        if (displaces<Better>(best, x[i * view.inner + j])) at[j] = static_cast<std::int64_t>(i);
      }
    }
  }
}

}  // namespace

template <class T>
void extremum_backward(const T* x, const T* y, const T* gy, T* gx, AxisView view, bool accumulate) {
  static const ExtremumKernels<T> kernels =
      choose([]<Isa I>() { return make_extremum_kernels<I, T>(); });
  const std::size_t pieces = std::min(view.outer, pieces_for(view.elements()));
  parallel_for(pieces, [&](std::size_t k) {
    const std::size_t begin = view.outer * k / pieces, end = view.outer * (k + 1) / pieces;
    const std::size_t first = begin * view.n * view.inner, row = begin * view.inner;
    kernels.backward(x + first, y + row, gy + row, gx + first, {end - begin, view.n, view.inner},
                     accumulate);
  });
}

template <class T>
void first_largest(const T* x, std::int64_t* at, AxisView view) {
  first_best<std::greater<T>>(x, at, view);
}
template <class T>
void first_smallest(const T* x, std::int64_t* at, AxisView view) {
  first_best<std::less<T>>(x, at, view);
}

#define XGRAD_INSTANTIATE(T)                                                         \
  template void extremum_backward(const T*, const T*, const T*, T*, AxisView, bool); \
  template void first_largest(const T*, std::int64_t*, AxisView);                    \
  template void first_smallest(const T*, std::int64_t*, AxisView);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
