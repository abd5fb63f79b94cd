#include "xgrad/kernels/scan.hpp"

#include <algorithm>

#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad::kernels {
namespace {

// run(first, last) for parts of the outer axes.
template <class Run>
void over_outer(AxisView view, const Run& run) {
  const std::size_t pieces = std::min(view.outer, pieces_for(view.elements()));
  parallel_for(pieces,
               [&](std::size_t k) { run(view.outer * k / pieces, view.outer * (k + 1) / pieces); });
}

// Rows of n numbers, R at a time: an addition need not wait for the one before.
template <std::size_t R, class T>
void running_sums_of_rows(const T* x, T* y, std::size_t n, bool reverse, bool accumulate) {
  T total[R] = {};
  for (std::size_t step = 0; step < n; ++step) {
    const std::size_t i = reverse ? n - 1 - step : step;
    for (std::size_t r = 0; r < R; ++r) {
      total[r] += x[r * n + i];
      y[r * n + i] = accumulate ? y[r * n + i] + total[r] : total[r];
    }
  }
}

template <class T>
void running_sum_of(const T* x, T* y, std::size_t n, std::size_t inner, bool reverse,
                    bool accumulate) {
  Scratch<T> total(inner, T(0));
  for (std::size_t step = 0; step < n; ++step) {
    const std::size_t row = (reverse ? n - 1 - step : step) * inner;
    for (std::size_t j = 0; j < inner; ++j) {
      total[j] += x[row + j];
      y[row + j] = accumulate ? y[row + j] + total[j] : total[j];
    }
  }
}

template <class T>
void product_backward_of(const T* x, const T* gy, T* gx, std::size_t n, std::size_t inner,
                         bool accumulate) {
  Scratch<T> before(n * inner, T(1)), after(inner, T(1));
  for (std::size_t i = inner; i < n * inner; ++i) before[i] = before[i - inner] * x[i - inner];
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t j = 0; j < inner; ++j) {
      const std::size_t at = i * inner + j;
      const T g = gy[j] * before[at] * after[j];
      gx[at] = accumulate ? gx[at] + g : g;
      after[j] *= x[at];
    }
  }
}

}  // namespace

template <class T>
void running_sum(const T* x, T* y, AxisView view, bool reverse, bool accumulate) {
  const std::size_t size = view.n * view.inner;
  over_outer(view, [&](std::size_t o, std::size_t last) {
    constexpr std::size_t kRows = 8;
    for (; view.inner == 1 && o + kRows <= last; o += kRows) {
      running_sums_of_rows<kRows>(x + o * size, y + o * size, view.n, reverse, accumulate);
    }
    for (; o < last; ++o) {
      running_sum_of(x + o * size, y + o * size, view.n, view.inner, reverse, accumulate);
    }
  });
}

template <class T>
void product_backward(const T* x, const T* gy, T* gx, AxisView view, bool accumulate) {
  const std::size_t size = view.n * view.inner;
  over_outer(view, [&](std::size_t o, std::size_t last) {
    for (; o < last; ++o) {
      product_backward_of(x + o * size, gy + o * view.inner, gx + o * size, view.n, view.inner,
                          accumulate);
    }
  });
}

#define XGRAD_INSTANTIATE(T)                                     \
  template void running_sum(const T*, T*, AxisView, bool, bool); \
  template void product_backward(const T*, const T*, T*, AxisView, bool);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
