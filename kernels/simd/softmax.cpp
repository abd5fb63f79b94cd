#include "xgrad/kernels/softmax.hpp"

#include <algorithm>
#include <limits>

#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/rows.hpp"

#define XGRAD_INLINE __attribute__((always_inline))

namespace xgrad::kernels {
namespace {

template <class T>
constexpr T kNothing = -std::numeric_limits<T>::infinity();

template <class T, class Row>
[[gnu::always_inline]] inline Pack<T, Arch> largest_of(const T* x, const Row& row) {
  using P = Pack<T, Arch>;
  P m[4] = {P(kNothing<T>), P(kNothing<T>), P(kNothing<T>), P(kNothing<T>)};
  row.each([&](std::size_t at, auto width, auto q)
               XGRAD_INLINE { m[q] = larger(m[q], load(x + at, width, kNothing<T>)); });
  return row.largest(m);
}

// sum exp(x - m).
template <class P, class T, class Row>
[[gnu::always_inline]] inline P sum_of_exponentials(const T* x, P m, const Row& row) {
  return sum_along<P>(row, [&](std::size_t at, auto width)
                               XGRAD_INLINE { return exp(load(x + at, width, kNothing<T>) - m); });
}

// log sum exp(x - m), m being the largest x. Close to 0, where one x stands out, the sum of the
// others says more than 1 + that sum.
template <class P, class T, class Row>
[[gnu::always_inline]] inline P log_sum_of_exponentials(const T* x, P m, const Row& row) {
  const P s = sum_of_exponentials(x, m, row);
  const auto close = s >= P(1) && s < P(2);
  if (!any(close)) return log(s);
  const P others = sum_along<P>(row, [&](std::size_t at, auto width) XGRAD_INLINE {
    const P v = load(x + at, width, kNothing<T>);
    return where(v == m, P(0), exp(v - m));
  });
  return where(close, log1p(others), log(s));
}

template <class T>
void softmax_kernel(const T* x, T* y, AxisView view) {
  using P = Pack<T, Arch>;
  each_row<P>(view, [&](std::size_t first, std::size_t, const auto& row) {
    const T* const from = x + first;
    T* const to = y + first;
    const P m = largest_of(from, row);
    const P s = sum_along<P>(row, [&](std::size_t at, auto width) XGRAD_INLINE {
      const P e = exp(load(from + at, width, kNothing<T>) - m);
      store(e, to + at, width);
      return e;
    });
    const P factor = T(1) / s;
    row.each_alone([&](std::size_t at, auto width)
                       XGRAD_INLINE { store(load(to + at, width) * factor, to + at, width); });
  });
}

template <class T>
void softmax_backward_kernel(const T* y, const T* gy, T* gx, AxisView view, bool accumulate) {
  using P = Pack<T, Arch>;
  each_row<P>(view, [&](std::size_t first, std::size_t, const auto& row) {
    const T *const p = y + first, *const g = gy + first;
    Two<P> s = sum_along<Two<P>>(row, [&](std::size_t at, auto width) XGRAD_INLINE {
      const P v = load(p + at, width), w = load(g + at, width);
      return Two<P>(v * w, where(v > P(T(0.5)), w, P(0)));
    });
    const P most = s.second;
    if (any(most != P(0))) {
      s.first = sum_along<P>(row, [&](std::size_t at, auto width) XGRAD_INLINE {
        return load(p + at, width) * (load(g + at, width) - most);
      });
    }
    row.each_alone([&](std::size_t at, auto width) XGRAD_INLINE {
      put(load(p + at, width) * ((load(g + at, width) - most) - s.first), gx + first + at, width,
          accumulate);
    });
  });
}

template <class T>
void log_softmax_kernel(const T* x, T* y, AxisView view) {
  using P = Pack<T, Arch>;
  each_row<P>(view, [&](std::size_t first, std::size_t, const auto& row) {
    const T* const from = x + first;
    T* const to = y + first;
    const P m = largest_of(from, row), s = log_sum_of_exponentials(from, m, row);
    row.each_alone([&](std::size_t at, auto width)
                       XGRAD_INLINE { store(load(from + at, width) - m - s, to + at, width); });
  });
}

// g - exp(l) s for l near 0.
template <class P>
[[gnu::noinline]] P less_the_rest(P g, P s, P l) {
  return (g - s) - where(s == P(0), P(0), expm1(l) * s);
}

template <class T>
void log_softmax_backward_kernel(const T* y, const T* gy, T* gx, AxisView view, bool accumulate) {
  using P = Pack<T, Arch>;
  each_row<P>(view, [&](std::size_t first, std::size_t, const auto& row) {
    const T *const log_p = y + first, *const g = gy + first;
    const P s = sum_along<P>(
        row, [&](std::size_t at, auto width) XGRAD_INLINE { return load(g + at, width); });
    row.each_alone([&](std::size_t at, auto width) XGRAD_INLINE {
      const P l = load(log_p + at, width, kNothing<T>), w = load(g + at, width);
      P result = w - where(s == P(0), P(0), exp(l) * s);
      const auto stands_out = l > P(T(kLogHalf));
      if (any(stands_out)) result = where(stands_out, less_the_rest(w, s, l), result);
      put(result, gx + first + at, width, accumulate);
    });
  });
}

template <class T>
void log_sum_exp_of_rows(const T* x, T* maximum, T* log_sum, AxisView view) {
  using P = Pack<T, Arch>;
  each_row<P>(view, [&](std::size_t first, std::size_t result, const auto& row) {
    P m = largest_of(x + first, row);
    // inf - inf is no shift.
    m = where(m == P(kNothing<T>) || m == P(-kNothing<T>), P(0), m);
    row.store_result(m, maximum + result);
    row.store_result(log_sum_of_exponentials(x + first, m, row), log_sum + result);
  });
}

// A row of fewer numbers leaves lanes of a register empty, and has its maximum, sum and logarithm to itself:
// as many rows as there are lanes take hardly longer side by side. All of them go that way, so that a row
// has the same bits alone and among others.
constexpr std::size_t kShortRow = 16;

template <class T>
void log_sum_exp_kernel(const T* x, T* maximum, T* log_sum, AxisView view) {
  constexpr std::size_t W = Pack<T, Arch>::size;
  if (view.inner != 1 || view.n > kShortRow) return log_sum_exp_of_rows(x, maximum, log_sum, view);
  alignas(64) T column[kShortRow * W] = {}, m[W], sum[W];
  for (std::size_t row = 0; row < view.outer; row += W) {
    const std::size_t rows = std::min(view.outer - row, W);
    const T* from = x + row * view.n;
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t i = 0; i < view.n; ++i) column[i * W + r] = *from++;
    }
    log_sum_exp_of_rows(column, m, sum, AxisView{1, view.n, W});
    std::copy_n(m, rows, maximum + row);
    std::copy_n(sum, rows, log_sum + row);
  }
}

template <class T>
void exponentials_kernel(const T* x, const T* shift, const T* scale, T* y, AxisView view,
                         bool accumulate) {
  using P = Pack<T, Arch>;
  each_row<P>(view, [&](std::size_t first, std::size_t result, const auto& row) {
    const P a = row.load_result(shift + result), factor = row.load_result(scale + result);
    row.each_alone([&](std::size_t at, auto width) XGRAD_INLINE {
      const P e = where(factor == P(0), P(0), factor * exp(load(x + first + at, width) - a));
      put(e, y + first + at, width, accumulate);
    });
  });
}

}  // namespace

template <Isa I, class T>
SoftmaxKernels<T> make_softmax_kernels() {
  return {&softmax_kernel<T>,     &softmax_backward_kernel<T>,
          &log_softmax_kernel<T>, &log_softmax_backward_kernel<T>,
          &log_sum_exp_kernel<T>, &exponentials_kernel<T>};
}

template SoftmaxKernels<float> make_softmax_kernels<kIsa, float>();
template SoftmaxKernels<double> make_softmax_kernels<kIsa, double>();

}  // namespace xgrad::kernels
