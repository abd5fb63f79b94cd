#include "xgrad/ops/reductions.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/reduce.hpp"
#include "xgrad/kernels/scan.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/reduction_plan.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad {

using detail::Rule;
using kernels::AxisView;

namespace {

struct Scaled {
  AxisView view;
  double scale;
};

// gx = scale gy, repeated along the axis.
template <class T>
void scaled_sum_backward(const void* attributes, Backward<T>& b) {
  const auto& [view, scale] = *static_cast<const Scaled*>(attributes);
  if (b.recording()) {
    const Tensor<T> gy = reshape(b.gradient(), Shape{view.outer, 1, view.inner});
    const Tensor<T> gx = detail::broadcast_to(gy * scale, {view.outer, view.n, view.inner});
    return b.add(0, reshape(gx, b.input_shape(0)));
  }
  const auto [gx, accumulate] = detail::FastPath(b).accumulator(0);
  if (view.elements() == 0) return;
  kernels::spread(b.gradient().data(), gx, view.outer, view.n, view.inner, static_cast<T>(scale),
                  accumulate);
}

template <class T>
const Rule<T> kSum = {"sum", &scaled_sum_backward<T>, nullptr};
template <class T>
const Rule<T> kMean = {"mean", &scaled_sum_backward<T>, nullptr};

template <class T>
Tensor<T> reduced(kernels::Reduction r, T of_nothing, const Tensor<T>& x, const AxisView& view,
                  const Shape& shape) {
  Tensor<T> y = Tensor<T>::uninitialized(shape);
  if (view.n == 0) {
    std::fill_n(y.node()->data, y.size(), of_nothing);
  } else if (view.rows() != 0) {
    kernels::reduce(r, x.data(), y.node()->data, view.outer, view.n, view.inner);
  }
  return y;
}

template <class T>
Tensor<T> scaled_sum(const Rule<T>& rule, double scale, const Tensor<T>& x, const AxisView& view,
                     const Shape& shape) {
  Tensor<T> y = reduced(kernels::Reduction::sum, T(0), x, view, shape);
  if (scale != 1) {
    T* const p = y.node()->data;
    std::transform(p, p + y.size(), p, [f = static_cast<T>(scale)](T v) { return f * v; });
    const auto finite = [](T v) { return std::isfinite(v); };
    if (scale < 1 && !std::all_of(p, p + y.size(), finite)) {  // perhaps the sum alone is too large
      const NoGrad guard;
      const detail::Untraced untraced;
      y = reduced(kernels::Reduction::sum, T(0), x * scale, view, shape);
    }
  }
  detail::record<T>(y, rule, {&x}, {}, Scaled{view, scale});
  detail::log_again(y, [=, &rule](const auto& operands) {
    return scaled_sum(rule, scale, operands[0], view, shape);
  });
  detail::describe(y, detail::SumDescription{view, scale});
  return y;
}

}  // namespace

template <class T>
Tensor<T> sum(const std::vector<Tensor<T>>& terms) {
  detail::require(!terms.empty(), "sum", "there are no terms");
  Tensor<T> total = terms.front();
  Shape both = total.shape();
  for (std::size_t i = 1; i < terms.size(); ++i) {
    detail::require(detail::broadcast(both, terms[i].shape(), both), "sum",
                    "shapes do not broadcast: term ", i, " ", terms[i].shape(), ", those before ",
                    total.shape());
    total = total + terms[i];
  }
  return total;
}

template <class T>
Tensor<T> sum(const Tensor<T>& x, const Axes& axes, ReduceOptions options) {
  const auto plan = detail::plan_reduction("sum", x.shape(), axes);
  return detail::reduce_groups(x, plan, options.keep_dims,
                               [](const Tensor<T>& part, const AxisView& view, const Shape& shape) {
                                 return scaled_sum(kSum<T>, 1, part, view, shape);
                               });
}

template <class T>
Tensor<T> mean(const Tensor<T>& x, const Axes& axes, ReduceOptions options) {
  const auto plan = detail::plan_reduction("mean", x.shape(), axes);
  return detail::reduce_groups(x, plan, options.keep_dims,
                               [](const Tensor<T>& part, const AxisView& view, const Shape& shape) {
                                 const double n = static_cast<double>(view.n);
                                 const double scale =
                                     n > 0 ? 1 / n : std::numeric_limits<double>::quiet_NaN();
                                 return scaled_sum(kMean<T>, scale, part, view, shape);
                               });
}

namespace {

// The product along the axis as a tree of products of halves: differentiable any number of times,
// whatever is 0.
template <class T>
Tensor<T> product_tree(const Tensor<T>& x, const AxisView& view) {
  if (view.n == 1) return x;
  const std::size_t half = view.n / 2, rest = view.n - half;
  const auto size = static_cast<std::ptrdiff_t>(half);
  const Tensor<T> pairs = slice(x, 1, 0, size) * slice(x, 1, size, 2 * size);
  const Tensor<T> product = product_tree(pairs, {view.outer, half, view.inner});
  return rest == half ? product : product * slice(x, 1, -1, {});
}

template <class T>
void product_backward(const void* attributes, Backward<T>& b) {
  const auto& view = *static_cast<const AxisView*>(attributes);
  if (view.elements() == 0) return b.add(0, Tensor<T>::uninitialized(b.input_shape(0)));
  if (b.recording()) {
    const auto x = detail::aliases(b);
    const Tensor<T> rows = reshape(x[0], Shape{view.outer, view.n, view.inner});
    const Tensor<T> y = product_tree(rows, view);
    return detail::add_composed(b, x, reshape(y, b.gradient().shape()));
  }
  const auto [gx, accumulate] = detail::FastPath(b).accumulator(0);
  kernels::product_backward(b.input(0).data(), b.gradient().data(), gx, view, accumulate);
}

template <class T>
const Rule<T> kProd = {"prod", &product_backward<T>, nullptr};

template <class T>
Tensor<T> product(const Tensor<T>& x, const AxisView& view, const Shape& shape) {
  const Tensor<T> y = reduced(kernels::Reduction::product, T(1), x, view, shape);
  detail::record<T>(y, kProd<T>, {&x}, {.inputs = 1}, view);
  detail::log_again(y, [=](const auto& operands) { return product(operands[0], view, shape); });
  detail::describe_rows(y, view, &product<T>);
  const auto forward = [view](const auto& a) {
    kernels::reduce(kernels::Reduction::product, a.x[0], a.y, view.outer, view.n, view.inner);
  };
  const auto backward = [view](const auto& a) {
    kernels::product_backward(a.x[0], a.gy, a.gx[0], view, a.adds(0));
  };
  detail::describe_arrays(y, forward, backward);
  return y;
}

struct RunningSum {
  AxisView view;
  bool reverse;
};

template <class T>
Tensor<T> running_sum(const Tensor<T>& x, const RunningSum& s);

template <class T>
void running_sum_backward(const void* attributes, Backward<T>& b) {
  const auto& s = *static_cast<const RunningSum*>(attributes);
  if (b.recording()) return b.add(0, running_sum(b.gradient(), {s.view, !s.reverse}));
  const auto [gx, accumulate] = detail::FastPath(b).accumulator(0);
  kernels::running_sum(b.gradient().data(), gx, s.view, !s.reverse, accumulate);
}

template <class T>
const Rule<T> kCumsum = {"cumsum", &running_sum_backward<T>, nullptr};

template <class T>
Tensor<T> running_sum(const Tensor<T>& x, const RunningSum& s) {
  Tensor<T> y = Tensor<T>::uninitialized(x.shape());
  kernels::running_sum(x.data(), y.node()->data, s.view, s.reverse, false);
  detail::record<T>(y, kCumsum<T>, {&x}, {}, s);
  detail::log_again(y, [s](const auto& operands) { return running_sum(operands[0], s); });
  detail::describe_rows(y, s.view, [r = s.reverse](const auto& o, const AxisView& v, const Shape&) {
    return running_sum(o, {v, r});
  });
  const auto forward = [s](const auto& a) {
    kernels::running_sum(a.x[0], a.y, s.view, s.reverse, false);
  };
  const auto backward = [s](const auto& a) {
    kernels::running_sum(a.gy, a.gx[0], s.view, !s.reverse, a.adds(0));
  };
  detail::describe_arrays(y, forward, backward);
  return y;
}

}  // namespace

template <class T>
Tensor<T> prod(const Tensor<T>& x, const Axes& axes, ReduceOptions options) {
  const auto plan = detail::plan_reduction("prod", x.shape(), axes);
  return detail::reduce_groups(x, plan, options.keep_dims, &product<T>);
}

template <class T>
Tensor<T> cumsum(const Tensor<T>& x, std::ptrdiff_t axis) {
  return running_sum(x, {detail::view_along("cumsum", x.shape(), axis), false});
}

#define XGRAD_INSTANTIATE(T)                                             \
  template Tensor<T> sum(const std::vector<Tensor<T>>&);                 \
  template Tensor<T> sum(const Tensor<T>&, const Axes&, ReduceOptions);  \
  template Tensor<T> mean(const Tensor<T>&, const Axes&, ReduceOptions); \
  template Tensor<T> prod(const Tensor<T>&, const Axes&, ReduceOptions); \
  template Tensor<T> cumsum(const Tensor<T>&, std::ptrdiff_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
