#include "xgrad/ops/softmax.hpp"

#include "xgrad/autograd/elementwise.hpp"
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

// gx = y (gy - sum(gy y))
template <class T>
void softmax_backward(const void* attributes, Backward<T>& b) {
  const auto& [view, axis] = *static_cast<const Along*>(attributes);
  const Tensor<T> y = b.output(), gy = b.gradient();
  if (b.recording()) return b.add(0, y * (gy - sum(gy * y, axis, {.keep_dims = true})));
  const auto [gx, accumulate] = b.accumulator(0);
  kernels::softmax_backward(y.data(), gy.data(), gx, view, accumulate);
}

// gx = gy - exp(y) sum(gy), where a sum of 0 makes 0 of anything
template <class T>
void log_softmax_backward(const void* attributes, Backward<T>& b) {
  const auto& [view, axis] = *static_cast<const Along*>(attributes);
  const Tensor<T> y = b.output(), gy = b.gradient();
  if (b.recording())
    return b.add(0, gy - detail::chain(sum(gy, axis, {.keep_dims = true}), exp(y)));
  const auto [gx, accumulate] = b.accumulator(0);
  kernels::log_softmax_backward(y.data(), gy.data(), gx, view, accumulate);
}

template <class T>
const Rule<T> kSoftmax = {"softmax", &softmax_backward<T>, nullptr};
template <class T>
const Rule<T> kLogSoftmax = {"log_softmax", &log_softmax_backward<T>, nullptr};

template <class T>
Tensor<T> normalized(const Rule<T>& rule, void (*kernel)(const T*, T*, AxisView),
                     const Tensor<T>& x, std::ptrdiff_t axis) {
  const AxisView view = detail::view_along(rule.name, x.shape(), axis);
  Tensor<T> y = Tensor<T>::uninitialized(x.shape());
  kernel(x.data(), y.node()->data, view);
  detail::record<T>(y, rule, {&x}, {.output = true}, Along{view, axis});
  return y;
}

}  // namespace

template <class T>
Tensor<T> softmax(const Tensor<T>& x, std::ptrdiff_t axis) {
  return normalized(kSoftmax<T>, &kernels::softmax<T>, x, axis);
}

template <class T>
Tensor<T> log_softmax(const Tensor<T>& x, std::ptrdiff_t axis) {
  return normalized(kLogSoftmax<T>, &kernels::log_softmax<T>, x, axis);
}

#define XGRAD_INSTANTIATE(T)                                    \
  template Tensor<T> softmax(const Tensor<T>&, std::ptrdiff_t); \
  template Tensor<T> log_softmax(const Tensor<T>&, std::ptrdiff_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
