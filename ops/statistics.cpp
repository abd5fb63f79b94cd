// The reductions that are made of squares, powers and exponentials.

#include <algorithm>
#include <cmath>
#include <limits>

#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/moments.hpp"
#include "xgrad/kernels/formulas/elementary.hpp"
#include "xgrad/kernels/softmax.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reduction_plan.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad {

using detail::Rule;
using kernels::AxisView;

namespace {

template <class T>
constexpr T kInfinity = std::numeric_limits<T>::infinity();

Shape along(const AxisView& v) { return {v.outer, v.n, v.inner}; }
Shape kept(const AxisView& v) { return {v.outer, 1, v.inner}; }

template <class T>
struct Squares {
  AxisView view;
  Tensor<T> center;  // the mean of each row, or undefined for 0
};

// gx = 2 gy (x - center); a center that is the mean adds nothing, the deviations from it being 0 in
// sum.
template <class T>
void squares_backward(const void* attributes, Backward<T>& b) {
  const auto& [view, center] = *static_cast<const Squares<T>*>(attributes);
  if (b.recording()) {
    const Tensor<T> x = reshape(b.input(0), along(view));
    const Tensor<T> d = center.defined() ? x - mean(x, 1, {.keep_dims = true}) : x;
    return b.add(0, reshape(2 * reshape(b.gradient(), kept(view)) * d, b.input_shape(0)));
  }
  const Tensor<T> scale = 2 * b.gradient();
  const auto [gx, accumulate] = b.accumulator(0);
  kernels::deviations(b.input(0).data(), center.defined() ? center.data() : nullptr, scale.data(),
                      gx, view, accumulate);
}

template <class T>
const Rule<T> kSquares = {"sum_of_squares", &squares_backward<T>,
                          &detail::destroy_attributes<Squares<T>>};

template <class T>
Tensor<T> sum_of_squares(const Tensor<T>& x, const AxisView& view, const Shape& shape,
                         bool centered) {
  Squares<T> s{view, {}};
  if (centered) {
    const NoGrad guard;
    s.center = mean(reshape(x, along(view)), 1);
  }
  Tensor<T> y = Tensor<T>::uninitialized(shape);
  kernels::squares(x.data(), centered ? s.center.data() : nullptr, y.node()->data, view);
  detail::record<T>(y, kSquares<T>, {&x}, {.inputs = 1}, s);
  return y;
}

// sum x^2, or sum (x - mean)^2.
template <class T>
Tensor<T> sum_of_squares(const char* operation, const Tensor<T>& x, const Axes& axes,
                         bool keep_dims, bool centered) {
  const auto plan = detail::plan_reduction(operation, x.shape(), axes);
  if (plan.count == 1) {
    return sum_of_squares(x, plan.groups[0], plan.result(keep_dims), centered);
  }
  const Tensor<T> d = centered ? x - mean(x, axes, {.keep_dims = true}) : x;
  return sum(square(d), axes, {.keep_dims = keep_dims});
}

template <class T>
void logsumexp_backward(const void* attributes, Backward<T>& b) {
  const auto& view = *static_cast<const AxisView*>(attributes);
  const Tensor<T> y = b.output();
  const Tensor<T> shift = where(y == -kInfinity<T>, 0, y);
  if (b.recording()) {
    const Tensor<T> x = reshape(b.input(0), along(view));
    const Tensor<T> p = exp(x - reshape(shift, kept(view)));
    return b.add(0, reshape(reshape(b.gradient(), kept(view)) * p, b.input_shape(0)));
  }
  const auto [gx, accumulate] = b.accumulator(0);
  kernels::exponentials(b.input(0).data(), shift.data(), b.gradient().data(), gx, view, accumulate);
}

template <class T>
const Rule<T> kLogsumexp = {"logsumexp", &logsumexp_backward<T>, nullptr};

template <class T>
Tensor<T> logsumexp_of(const Tensor<T>& x, const AxisView& view, const Shape& shape) {
  Tensor<T> y = Tensor<T>::filled(shape, -kInfinity<T>);
  if (view.elements() != 0) {
    Tensor<T> log_sum = Tensor<T>::uninitialized(shape);
    T *const m = y.node()->data, *const s = log_sum.node()->data;
    kernels::log_sum_exp(x.data(), m, s, view);
    std::transform(m, m + y.size(), s, m, [](T a, T b) { return a + b; });
  }
  detail::record<T>(y, kLogsumexp<T>, {&x}, {.inputs = 1, .output = true}, view);
  return y;
}

// (sum |x|^p)^(1/p), with the slope 0 where a power has none at 0.
template <class T>
Tensor<T> general_norm(const Tensor<T>& x, T p, const Axes& axes, ReduceOptions options) {
  const Tensor<T> size = abs(x), zero = size == 0;
  const Tensor<T> s = sum(where(zero, 0, pow(where(zero, 1, size), p)), axes, options);
  const Tensor<T> empty = s == 0;
  return where(empty, 0, pow(where(empty, 1, s), 1 / p));
}

}  // namespace

template <class T>
Tensor<T> var(const Tensor<T>& x, const Axes& axes, VarianceOptions options) {
  const Tensor<T> s = sum_of_squares("var", x, axes, options.keep_dims, true);
  const double n = s.size() == 0 ? 0 : static_cast<double>(x.size() / s.size());
  const double divisor = n - options.correction;
  return s * (divisor > 0 ? 1 / divisor : std::numeric_limits<double>::quiet_NaN());
}

template <class T>
Tensor<T> stddev(const Tensor<T>& x, const Axes& axes, VarianceOptions options) {
  return detail::apply(primitives::Root{}, var(x, axes, options));
}

template <class T>
Tensor<T> norm(const Tensor<T>& x, double p, const Axes& axes, ReduceOptions options) {
  if (!(p > 0)) detail::fail("norm", "p must be positive: p = ", p);
  if (p == 2) {
    return detail::apply(primitives::Root{},
                         sum_of_squares("norm", x, axes, options.keep_dims, false));
  }
  if (p == 1) return sum(abs(x), axes, options);
  if (std::isinf(p)) return max(abs(x), axes, options);
  return general_norm(x, static_cast<T>(p), axes, options);
}

template <class T>
Tensor<T> logsumexp(const Tensor<T>& x, const Axes& axes, ReduceOptions options) {
  const auto plan = detail::plan_reduction("logsumexp", x.shape(), axes);
  return detail::reduce_groups(x, plan, options.keep_dims, &logsumexp_of<T>);
}

#define XGRAD_INSTANTIATE(T)                                                     \
  template Tensor<T> var(const Tensor<T>&, const Axes&, VarianceOptions);        \
  template Tensor<T> stddev(const Tensor<T>&, const Axes&, VarianceOptions);     \
  template Tensor<T> norm(const Tensor<T>&, double, const Axes&, ReduceOptions); \
  template Tensor<T> logsumexp(const Tensor<T>&, const Axes&, ReduceOptions);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
