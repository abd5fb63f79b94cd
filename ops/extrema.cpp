#include "xgrad/ops/extrema.hpp"

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/extrema.hpp"
#include "xgrad/kernels/reduce.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/reduction_plan.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad {

using detail::Rule;
using kernels::AxisView;

namespace {

void require_elements(const char* operation, std::size_t n, const Shape& shape) {
  if (n != 0) return;
  detail::fail(operation, "no elements along the reduced axes: x ", shape);
}

struct Extremum {
  AxisView view;  // of the only group of axes
  Shape kept;     // the result with reduced axes of size 1
  bool one_group;
};

template <class T>
void extremum_backward(const void* attributes, Backward<T>& b) {
  const auto& [view, kept, one_group] = *static_cast<const Extremum*>(attributes);
  const Tensor<T> x = b.input(0), y = b.output();
  if (one_group && !b.recording()) {
    const auto [gx, accumulate] = detail::FastPath(b).accumulator(0);
    return kernels::extremum_backward(x.data(), y.data(), b.gradient().data(), gx, view,
                                      accumulate);
  }
  const Tensor<T> chosen = x == reshape(y, kept) || x != x;
  const Tensor<T> share = chosen / detail::sum_to(chosen, kept);
  b.add(0, reshape(b.gradient(), kept) * share);
}

template <class T>
const Rule<T> kMax = {"max", &extremum_backward<T>, nullptr};
template <class T>
const Rule<T> kMin = {"min", &extremum_backward<T>, nullptr};

template <class T>
Tensor<T> extremum(const Rule<T>& rule, kernels::Reduction r, const Tensor<T>& x, const Axes& axes,
                   bool keep_dims) {
  const auto plan = detail::plan_reduction(rule.name, x.shape(), axes);
  require_elements(rule.name, plan.numbers, x.shape());
  const auto best = [r](const Tensor<T>& part, const AxisView& v, const Shape& shape) {
    Tensor<T> y = Tensor<T>::uninitialized(shape);
    if (v.rows() != 0) kernels::reduce(r, part.data(), y.node()->data, v.outer, v.n, v.inner);
    return y;
  };
  const Tensor<T> y = detail::reduce_groups(x, plan, keep_dims, best);
  detail::record<T>(y, rule, {&x}, {.inputs = 1, .output = true},
                    Extremum{plan.groups[0], plan.kept, plan.count == 1});
  if (detail::is_logged<T>()) {
    detail::log_again(y, [&rule, r, axes, keep_dims](const auto& o) {
      return extremum(rule, r, o[0], axes, keep_dims);
    });
  }
  const auto rows = [&rule, r](const auto& o, const AxisView& v, const Shape& shape) {
    return detail::view(extremum(rule, r, detail::view(o, {v.outer, v.n, v.inner}), Axes(1), false),
                        shape);
  };
  if (plan.count != 1) return y;
  const AxisView view = plan.groups[0];
  detail::describe_rows(y, view, rows);
  const auto forward = [r, view](const auto& a) {
    kernels::reduce(r, a.x[0], a.y, view.outer, view.n, view.inner);
  };
  const auto backward = [view](const auto& a) {
    kernels::extremum_backward(a.x[0], a.y, a.gy, a.gx[0], view, a.adds(0));
  };
  detail::describe_arrays(y, forward, backward);
  return y;
}

template <class T>
using FirstBest = void (*)(const T* x, std::int64_t* at, AxisView view);

template <class T>
std::int64_t position(const char* operation, FirstBest<T> first_best, const Tensor<T>& x) {
  require_elements(operation, x.size(), x.shape());
  detail::read_on_host(x, operation);
  std::int64_t at = 0;
  first_best(x.data(), &at, {1, x.size(), 1});
  return at;
}

template <class T>
Indices positions(const char* operation, FirstBest<T> first_best, const Tensor<T>& x,
                  std::ptrdiff_t axis, bool keep_dims) {
  const AxisView view = detail::view_along(operation, x.shape(), axis);
  require_elements(operation, view.n, x.shape());
  detail::read_on_host(x, operation);
  const auto plan = detail::plan_reduction(operation, x.shape(), axis);
  const Shape& shape = plan.result(keep_dims);
  Indices at(Indices::shape_type(shape.begin(), shape.end()));
  if (view.rows() != 0) first_best(x.data(), at.data(), view);
  return at;
}

}  // namespace

template <class T>
Tensor<T> max(const Tensor<T>& x, const Axes& axes, ReduceOptions options) {
  return extremum(kMax<T>, kernels::Reduction::maximum, x, axes, options.keep_dims);
}
template <class T>
Tensor<T> min(const Tensor<T>& x, const Axes& axes, ReduceOptions options) {
  return extremum(kMin<T>, kernels::Reduction::minimum, x, axes, options.keep_dims);
}

template <class T>
std::int64_t argmax(const Tensor<T>& x) {
  return position<T>("argmax", &kernels::first_largest, x);
}
template <class T>
Indices argmax(const Tensor<T>& x, std::ptrdiff_t axis, ReduceOptions options) {
  return positions<T>("argmax", &kernels::first_largest, x, axis, options.keep_dims);
}
template <class T>
std::int64_t argmin(const Tensor<T>& x) {
  return position<T>("argmin", &kernels::first_smallest, x);
}
template <class T>
Indices argmin(const Tensor<T>& x, std::ptrdiff_t axis, ReduceOptions options) {
  return positions<T>("argmin", &kernels::first_smallest, x, axis, options.keep_dims);
}

#define XGRAD_INSTANTIATE(T)                                                \
  template Tensor<T> max(const Tensor<T>&, const Axes&, ReduceOptions);     \
  template Tensor<T> min(const Tensor<T>&, const Axes&, ReduceOptions);     \
  template std::int64_t argmax(const Tensor<T>&);                           \
  template std::int64_t argmin(const Tensor<T>&);                           \
  template Indices argmax(const Tensor<T>&, std::ptrdiff_t, ReduceOptions); \
  template Indices argmin(const Tensor<T>&, std::ptrdiff_t, ReduceOptions);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
