// The losses against class labels.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/kernels/softmax.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/class_samples.hpp"
#include "xgrad/ops/hard_cross_entropy.hpp"
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

using detail::class_axis;
using detail::kUndefined;
using detail::require_weight;
using detail::Samples;
using detail::samples_of;

// at(i): where the number at the label of sample i is.
template <class T>
auto positions_of(const Samples<T>& s) {
  return [p = s.positions.data()](std::size_t i) { return static_cast<std::size_t>(p[i]); };
}
template <class T, class At>
void take_off(T* gx, const T* g, const At& at, std::size_t rows) {
  for (std::size_t i = 0; i < rows; ++i) gx[at(i)] -= g[i];
}
template <class T, class At>
void set_nll(const T* x, const T* factors, const At& at, std::size_t rows, T* losses) {
  for (std::size_t i = 0; i < rows; ++i)
    losses[i] = factors[i] == 0 ? T(0) : -factors[i] * x[at(i)];
}

// gx = -gy at the labels.
template <class T>
void nll_backward(const void* attributes, Backward<T>& b) {
  const auto& s = *static_cast<const Samples<T>*>(attributes);
  const Tensor<T> g = sample_gradients(s, b.gradient());
  if (b.recording()) return b.add(0, reshape(-g * one_hot(s), b.input_shape(0)));
  const auto [gx, accumulate] = detail::FastPath(b).accumulator(0);
  if (!accumulate) std::fill_n(gx, s.view.elements(), T(0));
  take_off(gx, g.data(), positions_of(s), s.view.rows());
}

template <class T>
const Rule<T> kNll = {"nll_loss", &nll_backward<T>, &detail::destroy_attributes<Samples<T>>};

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
  set_nll(x.data(), s.factors.data(), positions_of(s), s.view.rows(), losses.node()->data);
  const Tensor<T> y = total_of(losses, s, options.reduction);
  detail::record<T>(y, kNll<T>, {&x}, {}, s);
  if (!detail::is_logged<T>()) return y;
  detail::log_again(y, [followed = detail::FollowedIndices(labels), options](const auto& o) {
    return nll(o[0], followed.get(), options);
  });
  return y;
}

template <class T>
void describe_nll(const Tensor<T>& y, const Tensor<T>& x, const Indices& labels,
                  const NllOptions<T>& options) {
  if (detail::tracer == nullptr || x.size() == 0) return;
  const AxisView view = detail::checked_view("nll_loss", x, labels, options.weight);
  const std::size_t rows = view.rows(), batch = detail::mean_batch(x.shape());
  const auto positions = [view, followed = detail::FollowedIndices(labels),
                          i = options.ignore_index] {
    return detail::LabelPositions{view, followed.get().data(), i};
  };
  const auto forward = [=, weighted = options.weight.defined(),
                        reduction = options.reduction](const detail::ForwardArrays<T>& a) {
    const auto at = positions();
    const double divisor =
        detail::set_factors("nll_loss", at, weighted ? a.x[1] : nullptr, reduction, batch, a.kept);
    set_nll(a.x[0], a.kept, at, rows, a.kept + rows);
    detail::total_of(a.kept + rows, rows, divisor, reduction, a.y);
  };
  const auto backward = [=, one = y.size() == 1](const detail::BackwardArrays<T>& a) {
    detail::sample_gradients(a.kept, rows, a.gy, one, a.kept + rows);
    take_off(detail::summed_into(a, 0, view.elements()), a.kept + rows, positions(), rows);
  };
  detail::describe_arrays(y, forward, backward, {.kept = 2 * rows});
  detail::describe_class_losses<T>(y, x, labels, options, &nll<T>);
}

}  // namespace

template <class T>
Tensor<T> nll_loss(const Tensor<T>& x, const Indices& labels,
                   const std::type_identity_t<NllOptions<T>>& options) {
  const Tensor<T> y = of_labels("nll_loss", x, labels, options, &nll<T>);
  describe_nll(y, x, labels, options);
  return y;
}

template <class T>
Tensor<T> cross_entropy(const Tensor<T>& x, const Indices& labels,
                        const std::type_identity_t<CrossEntropyOptions<T>>& options) {
  require_smoothing(options.label_smoothing);
  const auto loss = [](const Tensor<T>& now, const Indices& l, const CrossEntropyOptions<T>& o) {
    if (o.label_smoothing != 0) return smooth_cross_entropy(now, l, o);
    return detail::hard_cross_entropy<T>(now, l, {o.weight, o.ignore_index, o.reduction});
  };
  const Tensor<T> y = of_labels("cross_entropy", x, labels, options, loss);
  const NllOptions<T> hard{options.weight, options.ignore_index, options.reduction};
  if (options.label_smoothing == 0) {
    detail::describe_cross_entropy<T>(y, x, labels, hard);
  } else {
    detail::describe_class_losses(
        y, x, labels, hard,
        [smoothing = options.label_smoothing](const auto& rows, const Indices& l, const auto& o) {
          return smooth_cross_entropy<T>(rows, l,
                                         {o.weight, smoothing, o.ignore_index, o.reduction});
        });
  }
  return y;
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
  const Tensor<T> y = detail::hard_cross_entropy<T>(
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
  const Tensor<T> y = of_labels("focal_loss", x, labels, options, &focal<T>);
  detail::describe_class_losses<T>(
      y, x, labels, {options.weight, options.ignore_index, options.reduction},
      [gamma = options.gamma](const Tensor<T>& rows, const Indices& l, const NllOptions<T>& o) {
        return focal<T>(rows, l, {gamma, o.weight, o.ignore_index, o.reduction});
      });
  return y;
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
