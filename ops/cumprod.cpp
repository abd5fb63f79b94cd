#include "xgrad/ops/cumprod.hpp"

#include <algorithm>

#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/kernels/scan.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/reduction_plan.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad {

using detail::Rule;
using kernels::AxisView;

namespace {

// Along the middle axis: the element before (or after) each one, `first` where there is none.
template <class T>
Tensor<T> before(const Tensor<T>& x, bool reverse, T first) {
  const std::size_t n = x.shape()[1];
  if (n == 0) return x;
  const Tensor<T> end = full<T>({x.shape()[0], 1, x.shape()[2]}, first);
  if (reverse) return concat({slice(x, 1, 1, n), end}, 1);
  return concat({end, slice(x, 1, 0, n - 1)}, 1);
}

// y[i] = b[i] + a[i] y[i - 1] along the middle axis, or from the end. It is its own adjoint: the
// gradient by b is such a recurrence in the other direction.
template <class T>
Tensor<T> recurrence(const Tensor<T>& a, const Tensor<T>& b, bool reverse);

template <class T>
void recurrence_backward(const void* attributes, Backward<T>& b) {
  const bool reverse = *static_cast<const bool*>(attributes);
  const Tensor<T> gb = recurrence<T>(before(b.input(0), !reverse, T(0)), b.gradient(), !reverse);
  if (b.needs(0)) b.add(0, gb * before(b.output(), reverse, T(0)));
  if (b.needs(1)) b.add(1, gb);
}

template <class T>
const Rule<T> kRecurrence = {"recurrence", &recurrence_backward<T>, nullptr};

AxisView view_of(const Shape& shape) { return {shape[0], shape[1], shape[2]}; }

template <class T>
Tensor<T> recurrence(const Tensor<T>& a, const Tensor<T>& b, bool reverse) {
  Tensor<T> y = Tensor<T>::uninitialized(a.shape());
  kernels::recurrence(a.data(), b.data(), y.node()->data, view_of(a.shape()), reverse);
  detail::record<T>(y, kRecurrence<T>, {&a, &b}, {.inputs = 1, .output = true}, reverse);
  detail::log_again(y, [reverse](const auto& o) { return recurrence(o[0], o[1], reverse); });
  return y;
}

template <class T>
void cumprod_backward(const void* attributes, Backward<T>& b) {
  const auto& view = *static_cast<const AxisView*>(attributes);
  if (b.recording()) {
    const Shape rows{view.outer, view.n, view.inner};
    const Tensor<T> x = reshape(b.input(0), rows), y = reshape(b.output(), rows);
    const Tensor<T> after = recurrence(before(x, true, T(0)), reshape(b.gradient(), rows), true);
    return b.add(0, reshape(before(y, false, T(1)) * after, b.input_shape(0)));
  }
  const auto [gx, accumulate] = detail::FastPath(b).accumulator(0);
  kernels::running_product_backward(b.input(0).data(), b.output().data(), b.gradient().data(), gx,
                                    view, accumulate);
}

template <class T>
const Rule<T> kCumprod = {"cumprod", &cumprod_backward<T>, nullptr};

}  // namespace

template <class T>
Tensor<T> cumprod(const Tensor<T>& x, std::ptrdiff_t axis) {
  const AxisView view = detail::view_along("cumprod", x.shape(), axis);
  Tensor<T> y = Tensor<T>::uninitialized(x.shape());
  kernels::running_product(x.data(), y.node()->data, view);
  detail::record<T>(y, kCumprod<T>, {&x}, {.inputs = 1, .output = true}, view);
  detail::log_again(y, [axis](const auto& o) { return cumprod(o[0], axis); });
  return y;
}

template Tensor<float> cumprod(const Tensor<float>&, std::ptrdiff_t);
template Tensor<double> cumprod(const Tensor<double>&, std::ptrdiff_t);

}  // namespace xgrad
