#include "xgrad/ops/softmax.hpp"

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/kernels/softmax.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reduction_plan.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad {

using detail::Rule;
using kernels::AxisView;

namespace {

struct Along {
  AxisView view;
  std::ptrdiff_t axis;
};

// gx = y (gy - sum(gy y)), whatever constant is taken off gy: the gy of a y that is nearly 1, so that
// what the others add up to is not what is left of a difference.
template <class T>
void softmax_backward(const void* attributes, Backward<T>& b) {
  const auto& [view, axis] = *static_cast<const Along*>(attributes);
  const Tensor<T> y = b.output(), gy = b.gradient();
  if (b.recording()) {
    const Tensor<T> most = sum(where(y > 0.5, gy, 0), axis, {.keep_dims = true}).detach();
    const Tensor<T> g = gy - most;
    return b.add(0, y * (g - sum(g * y, axis, {.keep_dims = true})));
  }
  const auto [gx, accumulate] = detail::FastPath(b).accumulator(0);
  kernels::softmax_backward(y.data(), gy.data(), gx, view, accumulate);
}

// gx = gy - exp(y) sum(gy), where a sum of 0 makes 0 of anything; likewise of a y that is nearly 0.
template <class T>
void log_softmax_backward(const void* attributes, Backward<T>& b) {
  const auto& [view, axis] = *static_cast<const Along*>(attributes);
  const Tensor<T> y = b.output(), gy = b.gradient();
  if (b.recording()) {
    const Tensor<T> s = sum(gy, axis, {.keep_dims = true});
    const Tensor<T> most = (gy - s) - detail::chain(s, expm1(y)),
                    other = gy - detail::chain(s, exp(y));
    return b.add(0, where(y > kernels::kLogHalf, most, other));
  }
  const auto [gx, accumulate] = detail::FastPath(b).accumulator(0);
  kernels::log_softmax_backward(y.data(), gy.data(), gx, view, accumulate);
}

template <class T>
const Rule<T> kSoftmax = {"softmax", &softmax_backward<T>, nullptr};
template <class T>
const Rule<T> kLogSoftmax = {"log_softmax", &log_softmax_backward<T>, nullptr};

template <class T>
struct Kernels {
  void (*forward)(const T*, T*, AxisView);
  void (*backward)(const T*, const T*, T*, AxisView, bool);
};

template <class T>
Tensor<T> normalized(const Rule<T>& rule, Kernels<T> kernels, const Tensor<T>& x,
                     std::ptrdiff_t axis) {
  const AxisView view = detail::view_along(rule.name, x.shape(), axis);
  Tensor<T> y = Tensor<T>::uninitialized(x.shape());
  kernels.forward(x.data(), y.node()->data, view);
  detail::record<T>(y, rule, {&x}, {.output = true}, Along{view, axis});
  detail::log_again(
      y, [=, &rule](const auto& operands) { return normalized(rule, kernels, operands[0], axis); });
  const auto rows = [=, &rule](const auto& o, const AxisView& v, const Shape& shape) {
    return detail::view(normalized(rule, kernels, detail::view(o, {v.outer, v.n, v.inner}), 1),
                        shape);
  };
  detail::describe_rows(y, view, rows);
  detail::describe_arrays(
      y, [=](const auto& a) { kernels.forward(a.x[0], a.y, view); },
      [=](const auto& a) { kernels.backward(a.y, a.gy, a.gx[0], view, a.adds(0)); });
  return y;
}

}  // namespace

template <class T>
Tensor<T> softmax(const Tensor<T>& x, std::ptrdiff_t axis) {
  return normalized<T>(kSoftmax<T>, {&kernels::softmax<T>, &kernels::softmax_backward<T>}, x, axis);
}

template <class T>
Tensor<T> log_softmax(const Tensor<T>& x, std::ptrdiff_t axis) {
  return normalized<T>(kLogSoftmax<T>,
                       {&kernels::log_softmax<T>, &kernels::log_softmax_backward<T>}, x, axis);
}

#define XGRAD_INSTANTIATE(T)                                    \
  template Tensor<T> softmax(const Tensor<T>&, std::ptrdiff_t); \
  template Tensor<T> log_softmax(const Tensor<T>&, std::ptrdiff_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
