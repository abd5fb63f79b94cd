// The losses against class labels.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/kernels/softmax.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/loss_checks.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reduction_plan.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/softmax.hpp"

namespace xgrad {

using detail::fail;
using detail::Rule;
using kernels::AxisView;

namespace {

// Axis of the classes.
template <class T>
std::size_t class_axis(const char* operation, const Tensor<T>& x) {
  if (x.rank() == 0) fail(operation, "x has no axis of classes: x ()");
  return x.rank() == 1 ? 0 : 1;
}

void require_label(const char* operation, std::int64_t label, std::size_t at, std::size_t classes) {
  if (label >= 0 && label < static_cast<std::int64_t>(classes)) return;
  fail<std::out_of_range>(operation, "label ", label, " at position ", at, " is not in [0, ",
                          classes, ")");
}

// Samples are the rows along the axis of the classes. Of each: where the number of its class is
// in x, and the factor its loss has in the result: weight, ignored or not, and the divisor of
// the mean.
template <class T>
struct Samples {
  AxisView view;
  Shape shape;                    // of the labels
  Array<std::int64_t> positions;  // 0 for an ignored sample
  Tensor<T> factors;              // (outer, 1, inner)
  double divisor = 1;
};

template <class T>
void require_weight(const char* operation, const Tensor<T>& weight, std::size_t classes) {
  if (!weight.defined() || weight.shape() == Shape{classes}) return;
  fail(operation, "weight ", weight.shape(), " for ", classes, " classes");
}

template <class T>
AxisView checked_view(const char* operation, const Tensor<T>& x, const Indices& labels,
                      const Tensor<T>& weight) {
  const std::size_t axis = class_axis(operation, x);
  const Shape expected = x.shape().without(axis), given(labels.shape());
  if (given != expected) {
    fail(operation, "labels ", given, " do not fit x ", x.shape(), ": ", expected, " expected");
  }
  if (x.shape()[axis] == 0) fail(operation, "there are no classes: x ", x.shape());
  require_weight(operation, weight, x.shape()[axis]);
  return detail::view_along(operation, x.shape(), static_cast<std::ptrdiff_t>(axis));
}

template <class T>
Samples<T> samples_of(const char* operation, const Tensor<T>& x, const Indices& labels,
                      const NllOptions<T>& options) {
  const AxisView view = checked_view(operation, x, labels, options.weight);
  Samples<T> s{view, x.shape().without(class_axis(operation, x)),
               Array<std::int64_t>::from_shape({view.rows()}),
               Tensor<T>::uninitialized({view.outer, 1, view.inner})};
  T* const factors = s.factors.node()->data;
  double total = 0;
  for (std::size_t i = 0; i < view.rows(); ++i) {
    const std::int64_t label = labels.data()[i];
    const bool ignored = label == options.ignore_index;
    if (!ignored) require_label(operation, label, i, view.n);
    const std::size_t k = ignored ? 0 : static_cast<std::size_t>(label);
    s.positions(i) = static_cast<std::int64_t>(
        ignored ? 0 : (i / view.inner * view.n + k) * view.inner + i % view.inner);
    factors[i] = ignored ? T(0) : options.weight.defined() ? options.weight.data()[k] : T(1);
    total += static_cast<double>(factors[i]);
  }
  const bool of_batch = options.reduction == Reduction::batchmean;
  if (!of_batch && options.reduction != Reduction::mean) return s;
  s.divisor = !of_batch ? total : x.rank() > 1 ? static_cast<double>(x.shape()[0]) : 1;
  std::transform(factors, factors + view.rows(), factors, [divisor = s.divisor](T f) {
    return static_cast<T>(static_cast<double>(f) / divisor);
  });
  return s;
}

// 1 at the class of each sample, 0 elsewhere.
template <class T>
Tensor<T> one_hot(const Samples<T>& s) {
  Tensor<T> hot = Tensor<T>::filled({s.view.outer, s.view.n, s.view.inner}, T(0));
  for (std::size_t i = 0; i < s.view.rows(); ++i) {
    if (s.factors.data()[i] != 0) hot.node()->data[s.positions.data()[i]] = T(1);
  }
  return hot;
}

// The mean of no samples, as that of no elements.
template <class T>
constexpr T kUndefined = std::numeric_limits<T>::quiet_NaN();

// The losses of the samples, which have their factors already, summed up unless the reduction
// is none.
template <class T>
Tensor<T> total_of(const Tensor<T>& losses, const Samples<T>& s, Reduction reduction) {
  if (reduction == Reduction::none) return Tensor<T>(detail::share_value(losses.node(), s.shape));
  if (s.divisor == 0) return Tensor<T>(kUndefined<T>);
  const NoGrad guard;
  return sum(losses);
}

// d(result)/d(loss of a sample) times its factor.
template <class T>
Tensor<T> sample_gradients(const Samples<T>& s, const Tensor<T>& gy) {
  return (gy.size() == 1 ? reshape(gy, Shape{}) : reshape(gy, s.factors.shape())) * s.factors;
}

// gx = -gy at the labels.
template <class T>
void nll_backward(const void* attributes, Backward<T>& b) {
  const auto& s = *static_cast<const Samples<T>*>(attributes);
  const Tensor<T> g = sample_gradients(s, b.gradient());
  if (b.recording()) return b.add(0, reshape(-g * one_hot(s), b.input_shape(0)));
  const auto [gx, accumulate] = detail::FastPath(b).accumulator(0);
  if (!accumulate) std::fill_n(gx, s.view.elements(), T(0));
  for (std::size_t i = 0; i < s.view.rows(); ++i) gx[s.positions.data()[i]] -= g.data()[i];
}

template <class T>
const Rule<T> kNll = {"nll_loss", &nll_backward<T>, &detail::destroy_attributes<Samples<T>>};

template <class T>
struct CrossEntropy : Samples<T> {
  Tensor<T> maximum, log_sum;  // of each sample: the largest x, and log sum exp(x - maximum)
};

// softmax(x) - onehot, which at a label is what its probability lacks of 1: not the difference to a
// rounded one.
template <class T>
Tensor<T> softmax_less_one_hot(const Samples<T>& s, const Tensor<T>& x) {
  return where(one_hot(s) != 0, expm1(log_softmax(x, 1)), softmax(x, 1));
}

// The number at the label of each sample, and another one written there.
template <class T>
std::vector<T> at_labels(const Samples<T>& s, const T* x) {
  std::vector<T> values(s.view.rows());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = x[s.positions.data()[i]];
  return values;
}
template <class T>
void set_at_labels(const CrossEntropy<T>& s, const T* x, const T* g, const T* before, T* gx) {
  for (std::size_t i = 0; i < s.view.rows(); ++i) {
    const std::size_t at = static_cast<std::size_t>(s.positions.data()[i]);
    const T log_sum = s.log_sum.data()[i], log_p = (x[at] - s.maximum.data()[i]) - log_sum;
    if (g[i] == 0) continue;  // an ignored one has no position
    gx[at] = before[i] + g[i] * (std::isinf(log_sum) ? kUndefined<T> : std::expm1(log_p));
  }
}

// gx = gy (softmax(x) - onehot)
template <class T>
void cross_entropy_backward(const void* attributes, Backward<T>& b) {
  const auto& s = *static_cast<const CrossEntropy<T>*>(attributes);
  const Tensor<T> g = sample_gradients<T>(s, b.gradient());
  if (b.recording()) {
    const Tensor<T> x = reshape(b.input(0), Shape{s.view.outer, s.view.n, s.view.inner});
    const Tensor<T> slope = softmax_less_one_hot<T>(s, where(s.factors == 0, 0, x));
    return b.add(0, reshape(g * slope, b.input_shape(0)));
  }
  const Tensor<T> scale = Tensor<T>::uninitialized(g.shape());
  std::transform(s.log_sum.data(), s.log_sum.data() + g.size(), g.data(), scale.node()->data,
                 &kernels::softmax_scale<T>);
  const T* const x = b.input(0).data();
  const auto [gx, accumulate] = detail::FastPath(b).accumulator(0);
  const std::vector<T> before =
      accumulate ? at_labels<T>(s, gx) : std::vector<T>(s.view.rows(), T(0));
  kernels::exponentials(x, s.maximum.data(), scale.data(), gx, s.view, accumulate);
  set_at_labels(s, x, g.data(), before.data(), gx);
}

template <class T>
const Rule<T> kCrossEntropy = {"cross_entropy", &cross_entropy_backward<T>,
                               &detail::destroy_attributes<CrossEntropy<T>>};

// The losses of the samples; s.maximum and s.log_sum are set on the way.
template <class T>
Tensor<T> sample_losses(const Tensor<T>& x, CrossEntropy<T>& s) {
  s.maximum = Tensor<T>::uninitialized(s.factors.shape());
  s.log_sum = Tensor<T>::uninitialized(s.factors.shape());
  const Tensor<T> losses = Tensor<T>::uninitialized(s.factors.shape());
  T *const m = s.maximum.node()->data, *const log_sum = s.log_sum.node()->data;
  kernels::log_sum_exp(x.data(), m, log_sum, s.view);
  for (std::size_t i = 0; i < s.view.rows(); ++i) {
    const T factor = s.factors.data()[i];
    losses.node()->data[i] =
        factor == 0 ? T(0) : factor * (log_sum[i] - (x.data()[s.positions.data()[i]] - m[i]));
    if (factor == 0) log_sum[i] = 0;  // whatever is in an ignored sample
  }
  return losses;
}

template <class T>
Tensor<T> hard_cross_entropy(const Tensor<T>& x, const Indices& labels,
                             const NllOptions<T>& options) {
  CrossEntropy<T> s{samples_of("cross_entropy", x, labels, options), {}, {}};
  const Tensor<T> losses = sample_losses(x, s);
  const Tensor<T> y = total_of<T>(losses, s, options.reduction);
  detail::record<T>(y, kCrossEntropy<T>, {&x}, {.inputs = 1}, s);
  if (!detail::is_logged<T>()) return y;
  detail::log_again(y, [followed = detail::FollowedIndices(labels), options](const auto& o) {
    return hard_cross_entropy(o[0], followed.get(), options);
  });
  return y;
}

// -sum(targets log_softmax(x)) over the classes of each sample; classes of target 0 do not count.
template <class T>
Tensor<T> dense_cross_entropy(const Tensor<T>& x, const Tensor<T>& targets) {
  const auto axis = static_cast<std::ptrdiff_t>(class_axis("cross_entropy", x));
  return -sum(detail::chain(targets, log_softmax(x, axis)), axis);
}

// What smoothing makes of the labels: factor ((1 - s) onehot + s / c), the weight being that of
// each class.
template <class T>
Tensor<T> smooth_targets(const Samples<T>& s, const CrossEntropyOptions<T>& options,
                         const Indices& labels) {
  const auto& [outer, n, inner] = s.view;
  const double even = options.label_smoothing / static_cast<double>(n) / s.divisor;
  Tensor<T> targets = Tensor<T>::filled({outer, n, inner}, T(0));
  T* const t = targets.node()->data;
  for (std::size_t i = 0; i < s.view.rows(); ++i) {
    if (labels.data()[i] == options.ignore_index) continue;
    for (std::size_t k = 0; k < n; ++k) {
      const double weight = options.weight.defined() ? options.weight.data()[k] : 1;
      t[(i / inner * n + k) * inner + i % inner] = static_cast<T>(weight * even);
    }
    t[s.positions.data()[i]] += static_cast<T>(1 - options.label_smoothing) * s.factors.data()[i];
  }
  return targets;
}

template <class T>
Tensor<T> smooth_cross_entropy(const Tensor<T>& x, const Indices& labels,
                               const CrossEntropyOptions<T>& options) {
  const auto s = samples_of<T>("cross_entropy", x, labels,
                               {options.weight, options.ignore_index, options.reduction});
  const Tensor<T> targets = reshape(smooth_targets(s, options, labels), x.shape());
  const Tensor<T> losses = dense_cross_entropy(x, targets);
  if (options.reduction == Reduction::none) return losses;
  return s.divisor == 0 ? sum(losses) * kUndefined<T> : sum(losses);
}

void require_smoothing(double smoothing) {
  if (smoothing >= 0 && smoothing <= 1) return;
  fail("cross_entropy", "label_smoothing is not in [0, 1]: ", smoothing);
}

// max(0, x[j] - x[label] + margin) for the other classes j, 0 for the label.
template <class T>
Tensor<T> margins(const char* operation, const Tensor<T>& x, const Indices& labels, double margin) {
  const auto s = samples_of<T>(
      operation, x, labels,
      {.ignore_index = std::numeric_limits<std::int64_t>::min(), .reduction = Reduction::none});
  const Tensor<T> hot = reshape(one_hot(s), x.shape());
  const Tensor<T> own = sum(where(hot, x, 0), class_axis(operation, x), {.keep_dims = true});
  return where(hot, 0, relu(x - own + margin));
}

}  // namespace

namespace {

// f(x, labels, options), which for a function that is traced is one operation of x and the weights,
// with the labels of each time.
template <class T, class Options, class F>
Tensor<T> of_labels(const char* name, const Tensor<T>& x, const Indices& labels,
                    const Options& options, const F& f) {
  if (detail::tracer == nullptr) return f(x, labels, options);
  std::vector<Tensor<T>> operands = {x};
  if constexpr (requires { options.weight; }) {
    if (options.weight.defined()) operands.push_back(options.weight);
  }
  const auto call = [f, options,
                     followed = detail::FollowedIndices(labels)](const std::vector<Tensor<T>>& o) {
    Options now = options;
    if constexpr (requires { now.weight; }) {
      if (o.size() > 1) now.weight = o[1];
    }
    return f(o[0], followed.get(), now);
  };
  return detail::as_one_of_list(name, operands, call);
}

template <class T>
Tensor<T> nll(const Tensor<T>& x, const Indices& labels, const NllOptions<T>& options) {
  const auto s = samples_of("nll_loss", x, labels, options);
  Tensor<T> losses = Tensor<T>::uninitialized(s.factors.shape());
  for (std::size_t i = 0; i < s.view.rows(); ++i) {
    const T factor = s.factors.data()[i];
    losses.node()->data[i] = factor == 0 ? T(0) : -factor * x.data()[s.positions.data()[i]];
  }
  const Tensor<T> y = total_of(losses, s, options.reduction);
  detail::record<T>(y, kNll<T>, {&x}, {}, s);
  if (!detail::is_logged<T>()) return y;
  detail::log_again(y, [followed = detail::FollowedIndices(labels), options](const auto& o) {
    return nll(o[0], followed.get(), options);
  });
  return y;
}

}  // namespace

template <class T>
Tensor<T> nll_loss(const Tensor<T>& x, const Indices& labels,
                   const std::type_identity_t<NllOptions<T>>& options) {
  return of_labels("nll_loss", x, labels, options, &nll<T>);
}

template <class T>
Tensor<T> cross_entropy(const Tensor<T>& x, const Indices& labels,
                        const std::type_identity_t<CrossEntropyOptions<T>>& options) {
  require_smoothing(options.label_smoothing);
  const auto loss = [](const Tensor<T>& now, const Indices& l, const CrossEntropyOptions<T>& o) {
    if (o.label_smoothing != 0) return smooth_cross_entropy(now, l, o);
    return hard_cross_entropy<T>(now, l, {o.weight, o.ignore_index, o.reduction});
  };
  return of_labels("cross_entropy", x, labels, options, loss);
}

template <class T>
Tensor<T> cross_entropy(const Tensor<T>& x, const Tensor<T>& t,
                        const std::type_identity_t<CrossEntropyOptions<T>>& options) {
  require_smoothing(options.label_smoothing);
  detail::require_same_shape("cross_entropy", x, t);
  const std::size_t axis = class_axis("cross_entropy", x), classes = x.shape()[axis];
  require_weight("cross_entropy", options.weight, classes);
  if (!options.any_targets) {
    detail::check_each_time("cross_entropy", t, [axis](const Tensor<T>& now) {
      detail::require_distributions("cross_entropy", now, axis);
    });
  }
  const double smoothing = options.label_smoothing;
  Tensor<T> targets = t;
  if (smoothing != 0) targets = (1 - smoothing) * t + smoothing / static_cast<double>(classes);
  if (options.weight.defined()) {
    Shape shape{classes};
    for (std::size_t i = axis + 1; i < x.rank(); ++i) shape.push_back(1);
    targets = targets * reshape(options.weight.detach(), shape);
  }
  return detail::reduced_loss(dense_cross_entropy(x, targets), options.reduction);
}

template <class T>
Tensor<T> multi_class_hinge(const Tensor<T>& x, const Indices& labels, HingeOptions options) {
  const auto loss = [](const Tensor<T>& now, const Indices& l, const HingeOptions& o) {
    const Tensor<T> m = margins("multi_class_hinge", now, l, o.margin);
    return detail::reduced_loss(sum(m, class_axis("multi_class_hinge", now)), o.reduction);
  };
  return of_labels("multi_class_hinge", x, labels, options, loss);
}

template <class T>
Tensor<T> multi_class_squared_hinge(const Tensor<T>& x, const Indices& labels,
                                    HingeOptions options) {
  const auto loss = [](const Tensor<T>& now, const Indices& l, const HingeOptions& o) {
    const Tensor<T> m = margins("multi_class_squared_hinge", now, l, o.margin);
    const std::size_t axis = class_axis("multi_class_squared_hinge", now);
    return detail::reduced_loss(sum(square(m), axis), o.reduction);
  };
  return of_labels("multi_class_squared_hinge", x, labels, options, loss);
}

namespace {

// y (1 - e^-y)^gamma for y = -log p; 0, and flat, where y is.
template <class T>
Tensor<T> focused(const Tensor<T>& y, double gamma) {
  if (gamma == 0) return y;
  const Tensor<T> sure = y == 0;
  return where(sure, 0, y * pow(where(sure, 1, -expm1(-y)), static_cast<T>(gamma)));
}

template <class T>
Tensor<T> focal(const Tensor<T>& x, const Indices& labels, const FocalOptions<T>& options) {
  constexpr const char* kName = "focal_loss";
  const auto s =
      samples_of<T>(kName, x, labels, {options.weight, options.ignore_index, options.reduction});
  const Tensor<T> y = hard_cross_entropy<T>(
      x, labels, {.ignore_index = options.ignore_index, .reduction = Reduction::none});
  const Tensor<T> losses = focused(y, options.gamma) * reshape(s.factors, s.shape);
  if (options.reduction == Reduction::none) return losses;
  return s.divisor == 0 ? sum(losses) * kUndefined<T> : sum(losses);
}

}  // namespace

template <class T>
Tensor<T> focal_loss(const Tensor<T>& x, const Indices& labels,
                     const std::type_identity_t<FocalOptions<T>>& options) {
  detail::require_in("focal_loss", "gamma", options.gamma, "[0, inf)");
  return of_labels("focal_loss", x, labels, options, &focal<T>);
}

#define XGRAD_INSTANTIATE(T)                                                               \
  template Tensor<T> nll_loss(const Tensor<T>&, const Indices&, const NllOptions<T>&);     \
  template Tensor<T> cross_entropy(const Tensor<T>&, const Indices&,                       \
                                   const CrossEntropyOptions<T>&);                         \
  template Tensor<T> cross_entropy(const Tensor<T>&, const Tensor<T>&,                     \
                                   const CrossEntropyOptions<T>&);                         \
  template Tensor<T> focal_loss(const Tensor<T>&, const Indices&, const FocalOptions<T>&); \
  template Tensor<T> multi_class_hinge(const Tensor<T>&, const Indices&, HingeOptions);    \
  template Tensor<T> multi_class_squared_hinge(const Tensor<T>&, const Indices&, HingeOptions);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
