// The logarithm of a sum of exponentials.

#include <algorithm>
#include <limits>

#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/kernels/softmax.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/reduction_plan.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/softmax.hpp"

namespace xgrad {

using detail::Rule;
using kernels::AxisView;

namespace {

template <class T>
constexpr T kInfinity = std::numeric_limits<T>::infinity();

Shape along(const AxisView& v) { return {v.outer, v.n, v.inner}; }
Shape kept(const AxisView& v) { return {v.outer, 1, v.inner}; }

// The largest x of each row and the logarithm of the sum of the others' exponentials, which their
// sum would round.
template <class T>
struct LogSumExp {
  AxisView view;
  Tensor<T> maximum, log_sum;
};

template <class T>
void set_scales(const T* log_sum, const T* gy, std::size_t n, T* scale) {
  std::transform(log_sum, log_sum + n, gy, scale,
                 [](T l, T g) { return l == -kInfinity<T> ? T(0) : kernels::softmax_scale(l, g); });
}

// gx = gy softmax(x), 0 where every x is -infinity.
template <class T>
void logsumexp_backward(const void* attributes, Backward<T>& b) {
  const auto& s = *static_cast<const LogSumExp<T>*>(attributes);
  if (b.recording()) {
    const Tensor<T> none = reshape(s.log_sum == -kInfinity<T>, kept(s.view));
    const Tensor<T> p = softmax(where(none, 0, reshape(b.input(0), along(s.view))), 1);
    const Tensor<T> g = where(none, 0, reshape(b.gradient(), kept(s.view)));
    return b.add(0, reshape(g * p, b.input_shape(0)));
  }
  const Tensor<T> scale = Tensor<T>::uninitialized(b.gradient().shape());
  set_scales(s.log_sum.data(), b.gradient().data(), scale.size(), scale.node()->data);
  const auto [gx, accumulate] = detail::FastPath(b).accumulator(0);
  kernels::exponentials(b.input(0).data(), s.maximum.data(), scale.data(), gx, s.view, accumulate);
}

template <class T>
const Rule<T> kLogsumexp = {"logsumexp", &logsumexp_backward<T>,
                            &detail::destroy_attributes<LogSumExp<T>>};

template <class T>
Tensor<T> computed(const Tensor<T>& x, LogSumExp<T>& s, const Shape& shape) {
  const detail::Untraced untraced;
  if (s.view.elements() == 0) {
    s.maximum = s.log_sum = Tensor<T>::filled(shape, -kInfinity<T>);
    return s.maximum.clone();
  }
  s.maximum = Tensor<T>::uninitialized(shape);
  s.log_sum = Tensor<T>::uninitialized(shape);
  kernels::log_sum_exp(x.data(), s.maximum.node()->data, s.log_sum.node()->data, s.view);
  return s.maximum + s.log_sum;
}

template <class T>
Tensor<T> logsumexp_of(const Tensor<T>& x, const AxisView& view, const Shape& shape) {
  LogSumExp<T> s{view, {}, {}};
  const Tensor<T> y = computed(x, s, shape);
  detail::record<T>(y, kLogsumexp<T>, {&x}, {.inputs = 1}, s);
  detail::log_again(y,
                    [=](const auto& operands) { return logsumexp_of(operands[0], view, shape); });
  detail::describe_rows(y, view, &logsumexp_of<T>);
  const std::size_t rows = view.rows();
  const auto forward = [view, rows](const auto& a) {
    kernels::log_sum_exp(a.x[0], a.kept, a.kept + rows, view);
    std::transform(a.kept, a.kept + rows, a.kept + rows, a.y, [](T m, T l) { return m + l; });
  };
  const auto backward = [view, rows](const auto& a) {
    T* const scale = a.kept + 2 * rows;
    set_scales(a.kept + rows, a.gy, rows, scale);
    kernels::exponentials(a.x[0], a.kept, scale, a.gx[0], view, a.adds(0));
  };
  detail::describe_arrays(y, forward, backward, {.kept = 3 * rows});
  return y;
}

}  // namespace

template <class T>
Tensor<T> logsumexp(const Tensor<T>& x, const Axes& axes, ReduceOptions options) {
  const auto plan = detail::plan_reduction("logsumexp", x.shape(), axes);
  return detail::reduce_groups(x, plan, options.keep_dims, &logsumexp_of<T>);
}

#define XGRAD_INSTANTIATE(T) \
  template Tensor<T> logsumexp(const Tensor<T>&, const Axes&, ReduceOptions);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
