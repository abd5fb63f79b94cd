#pragma once

// Samples with labels: where the number of each one's class is, and what its loss counts. Internal.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include "xgrad/autograd/array.hpp"
#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/node.hpp"
#include "xgrad/autograd/tensor.hpp"
#include "xgrad/autograd/trace.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/axis_view.hpp"
#include "xgrad/kernels/reduce.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/reduction_plan.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad::detail {

using kernels::AxisView;

// Axis of the classes.
template <class T>
std::size_t class_axis(const char* operation, const Tensor<T>& x) {
  if (x.rank() == 0) fail(operation, "x has no axis of classes: x ()");
  return x.rank() == 1 ? 0 : 1;
}

inline void require_label(const char* operation, std::int64_t label, std::size_t at,
                          std::size_t classes) {
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
  return view_along(operation, x.shape(), static_cast<std::ptrdiff_t>(axis));
}

/// Where the numbers of the classes of samples are in x, as long as the labels stay.
struct LabelPositions {
  AxisView view;
  const std::int64_t* labels;
  std::int64_t ignore_index;

  bool is_ignored(std::size_t i) const { return labels[i] == ignore_index; }
  /// 0 for an ignored sample.
  std::size_t operator()(std::size_t i) const {
    if (is_ignored(i)) return 0;
    const auto k = static_cast<std::size_t>(labels[i]);
    if (view.inner == 1) return i * view.n + k;
    return (i / view.inner * view.n + k) * view.inner + i % view.inner;
  }
};

/// Sets the factors of the samples and returns the divisor of their mean, which they have already; 1 for other
/// reductions. `batch`: how many samples `batchmean` divides by. weight null: 1.
template <class T>
double set_factors(const char* operation, const LabelPositions& at, const T* weight,
                   Reduction reduction, std::size_t batch, T* factors) {
  const std::size_t rows = at.view.rows();
  double total = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    const bool ignored = at.is_ignored(i);
    if (!ignored) require_label(operation, at.labels[i], i, at.view.n);
    const auto k = static_cast<std::size_t>(at.labels[i]);
    factors[i] = ignored ? T(0) : weight != nullptr ? weight[k] : T(1);
    total += static_cast<double>(factors[i]);
  }
  const bool of_batch = reduction == Reduction::batchmean;
  if (!of_batch && reduction != Reduction::mean) return 1;
  const double divisor = of_batch ? static_cast<double>(batch) : total;
  std::transform(factors, factors + rows, factors,
                 [divisor](T f) { return static_cast<T>(static_cast<double>(f) / divisor); });
  return divisor;
}

/// What `batchmean` divides by.
inline std::size_t mean_batch(const Shape& x) { return x.rank() > 1 ? x[0] : 1; }

template <class T>
Samples<T> samples_of(const char* operation, const Tensor<T>& x, const Indices& labels,
                      const NllOptions<T>& options) {
  const AxisView view = checked_view(operation, x, labels, options.weight);
  Samples<T> s{view, x.shape().without(class_axis(operation, x)),
               Array<std::int64_t>::from_shape({view.rows()}),
               Tensor<T>::uninitialized({view.outer, 1, view.inner})};
  const LabelPositions at{view, labels.data(), options.ignore_index};
  s.divisor = set_factors(operation, at, options.weight.defined() ? options.weight.data() : nullptr,
                          options.reduction, mean_batch(x.shape()), s.factors.node()->data);
  for (std::size_t i = 0; i < view.rows(); ++i) s.positions(i) = static_cast<std::int64_t>(at(i));
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
  if (reduction == Reduction::none) return Tensor<T>(share_value(losses.node(), s.shape));
  if (s.divisor == 0) return Tensor<T>(kUndefined<T>);
  const NoGrad guard;
  return sum(losses);
}
/// The same of arrays.
template <class T>
void total_of(const T* losses, std::size_t rows, double divisor, Reduction reduction, T* y) {
  if (reduction == Reduction::none) {
    std::copy_n(losses, rows, y);
  } else if (divisor == 0) {
    *y = kUndefined<T>;
  } else {
    kernels::reduce(kernels::Reduction::sum, losses, y, 1, rows, 1);
  }
}

// d(result)/d(loss of a sample) times its factor.
template <class T>
Tensor<T> sample_gradients(const Samples<T>& s, const Tensor<T>& gy) {
  return (gy.size() == 1 ? reshape(gy, Shape{}) : reshape(gy, s.factors.shape())) * s.factors;
}

/// The same of arrays; gy one number, or one for each sample.
template <class T>
void sample_gradients(const T* factors, std::size_t rows, const T* gy, bool one, T* g) {
  for (std::size_t i = 0; i < rows; ++i) g[i] = gy[one ? 0 : i] * factors[i];
}

/// How much the mean of each of n samples of a batch is of their sum.
template <class T>
Tensor<T> mean_factors(const Indices& labels, std::size_t n, const NllOptions<T>& options) {
  Tensor<T> r = Tensor<T>::uninitialized({n});
  const std::size_t rows = labels.size() / n;
  for (std::size_t s = 0; s < n; ++s) {
    double total = 0;
    for (std::size_t i = s * rows; i < (s + 1) * rows; ++i) {
      const std::int64_t k = labels.data()[i];
      if (k == options.ignore_index) continue;
      total += options.weight.defined() ? static_cast<double>(options.weight.data()[k]) : 1.0;
    }
    r.node()->data[s] =
        total == 0 ? std::numeric_limits<T>::quiet_NaN() : static_cast<T>(1 / total);
  }
  return r;
}

/// A loss of class labels for a batch: `loss` of all samples' rows, one behind the other. Shapes without the axis of
/// the batch: x, labels.
template <class T, class Loss>
Tensor<T> class_losses(const BatchOperands<T>& b, const Shape& x, const Indices& labels,
                       NllOptions<T> options, const Loss& loss) {
  const Shape one = x.without(x.rank() == 1 ? 0 : 1);
  const std::size_t rows = x.rank() == 1 ? b.n : b.n * x[0];
  Indices all = labels;
  if (labels.dimension() == one.rank()) {
    all = Indices(Indices::shape_type{b.n * labels.size()});
    for (std::size_t s = 0; s < b.n; ++s)
      std::copy_n(labels.data(), labels.size(), all.data() + s * labels.size());
  }
  const Shape shape = x.rank() == 1 ? x.with(0, rows) : x.without(0).with(0, rows);
  const Shape of_labels = shape.without(1);
  all.reshape(Indices::shape_type(of_labels.begin(), of_labels.end()));
  if (b.x.size() > 1) options.weight = b.x[1];
  const Reduction reduction = std::exchange(options.reduction, Reduction::none);
  const Tensor<T> losses = loss(view(b.all(0), shape), all, options);
  if (reduction == Reduction::none) return view(losses, one.with(0, b.n));
  const Tensor<T> rows_of = view(losses, {b.n, one.elements()});
  if (reduction == Reduction::sum) return sum(rows_of, 1);
  // Each loss gets its factor first: their sum may be too large where their mean is not.
  if (reduction == Reduction::batchmean) return sum(rows_of / static_cast<T>(mean_batch(x)), 1);
  return sum(rows_of * view(mean_factors(all, b.n, options), {b.n, 1}), 1);
}

template <class T, class Loss>
void describe_class_losses(const Tensor<T>& y, const Tensor<T>& x, const Indices& labels,
                           const NllOptions<T>& options, const Loss& loss) {
  if (tracer == nullptr) return;
  const NllOptions<T> bare{{}, options.ignore_index, options.reduction};  // weights are an operand
  const auto run = [shape = x.shape(), followed = FollowedIndices(labels), bare,
                    loss](const BatchOperands<T>& b) {
    return class_losses(b, shape, followed.get(), bare, loss);
  };
  describe_batch(y, run, {.reads_indices = true, .shared = 2});
}

}  // namespace xgrad::detail
