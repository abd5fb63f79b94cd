#include "xgrad/ops/normalization.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/formulas/arithmetic.hpp"
#include "xgrad/kernels/normalization.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/lattice.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/normalization_arrays.hpp"
#include "xgrad/ops/normalization_batch.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad {

using detail::all_usual;
using detail::describe_normalized;
using detail::fail;
using detail::Rule;
using detail::run;
using detail::run_backward;
using kernels::ChannelsView;
using kernels::RowsView;

namespace {

template <class T>
void require_weight(const char* operation, const char* name, const Tensor<T>& weight,
                    const Shape& expected) {
  if (!weight.defined() || weight.shape() == expected) return;
  fail(operation, name, " ", weight.shape(), ", ", expected, " expected");
}

// The optional operands, and x before them, as the tape sees them.
template <class T>
class Operands {
 public:
  Operands(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias) : list_{&x} {
    if (weight.defined()) list_[weight_ = count_++] = &weight;
    if (bias.defined()) list_[bias_ = count_++] = &bias;
  }
  std::span<const Tensor<T>* const> list() const { return {list_.data(), count_}; }
  std::size_t weight() const { return weight_; }  ///< position, 0 when there is none
  std::size_t bias() const { return bias_; }

 private:
  std::array<const Tensor<T>*, 3> list_;
  std::size_t count_ = 1, weight_ = 0, bias_ = 0;
};

// What is known of a normalisation when its gradient is wanted. View: RowsView or ChannelsView.
template <class T, class View>
struct Normalized {
  View view;
  double eps;
  Tensor<T> mean, rest, rstd;  // mean and rest undefined: root mean square
  std::size_t weight, bias;    // positions of these inputs, or 0
};

template <class T>
const T* data_of(const Tensor<T>& t) {
  return t.defined() ? t.data() : nullptr;
}
template <class T>
T* mutable_data_of(const Tensor<T>& t) {
  return t.defined() ? t.node()->data : nullptr;
}

// Powers of 2 that bring the largest of e, and with it the deviation, close to 1; 1 where there is
// none. At most 1 / sqrt(eps), beyond which nothing but eps counts.
template <class T>
Tensor<T> scales_of(const Tensor<T>& e, const Axes& axes, double eps) {
  const NoGrad guard;
  const Tensor<T> largest = max(abs(e), axes, {.keep_dims = true});
  Tensor<T> scale = Tensor<T>::uninitialized(largest.shape());
  const double most = eps > 0 ? 1 / std::sqrt(eps) : std::numeric_limits<T>::max();
  std::transform(largest.data(), largest.data() + largest.size(), scale.node()->data, [=](T v) {
    if (!(v > 0) || !std::isfinite(v)) return T(1);
    return static_cast<T>(std::min(std::ldexp(1.0, -std::ilogb(v)), most));
  });
  return scale;
}

// (x - mean) / sqrt(variance + eps) over the axes, of x in a shape in which they are neighbours of
// nothing else; 0 where variance + eps is. `scaled`: squares may be out of range.
template <class T>
Tensor<T> standardized(const Tensor<T>& x, const Axes& axes, bool centered, double eps,
                       bool scaled) {
  const ReduceOptions keep{.keep_dims = true};
  Tensor<T> e = x;
  if (centered) {
    e = x - mean(x, axes, keep);
    e = e - mean(e, axes, keep);
  }
  if (!scaled) return e * rsqrt(mean(square(e), axes, keep) + eps);
  const Tensor<T> scale = scales_of(e, axes, eps);
  e = e * scale;
  const Tensor<T> v = mean(square(e), axes, keep) + square(scale * std::sqrt(eps)), zero = v == 0;
  return where(zero, 0, e * rsqrt(where(zero, 1, v)));
}

// The same function composed, for derivatives of higher order.
template <class T>
Tensor<T> composed(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias,
                   RowsView view, bool centered, double eps, bool scaled) {
  const Tensor<T> rows = reshape(x, Shape{view.rows, view.d});
  Tensor<T> y = reshape(standardized(rows, 1, centered, eps, scaled), x.shape());
  if (weight.defined()) y = y * weight;
  return bias.defined() ? y + bias : y;
}

template <class T>
Tensor<T> composed(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias,
                   ChannelsView view, bool, double eps, bool scaled) {
  const auto& [n, c, inner, groups] = view;
  const Shape channels{n, c, inner}, per_channel{c, 1};
  Tensor<T> y = groups == 0 ? standardized(reshape(x, channels), {0, 2}, true, eps, scaled)
                            : standardized(reshape(x, Shape{n, groups, c / groups * inner}), 2,
                                           true, eps, scaled);
  y = reshape(y, channels);
  if (weight.defined()) y = y * reshape(weight, per_channel);
  if (bias.defined()) y = y + reshape(bias, per_channel);
  return reshape(y, x.shape());
}

template <class T, class View>
void composed_backward(const Normalized<T, View>& s, Backward<T>& b) {
  const auto in = detail::aliases(b);
  const Tensor<T> none;
  const Tensor<T> y =
      composed(in[0], s.weight != 0 ? in[s.weight] : none, s.bias != 0 ? in[s.bias] : none, s.view,
               s.mean.defined(), s.eps, false);
  detail::add_composed(b, in, y);
}

// Room for the gradient of an optional operand that wants one.
template <class T>
Tensor<T> gradient_of(Backward<T>& b, std::size_t input) {
  if (input == 0 || !b.needs(input)) return {};
  return Tensor<T>::uninitialized(b.input_shape(input));
}

template <class T, class View>
void normalized_backward(const void* attributes, Backward<T>& b) {
  const auto& s = *static_cast<const Normalized<T, View>*>(attributes);
  if (b.recording()) return composed_backward(s, b);
  const Tensor<T> x = b.input(0), weight = s.weight != 0 ? b.input(s.weight) : Tensor<T>();
  Tensor<T> gweight = gradient_of(b, s.weight), gbias = gradient_of(b, s.bias);
  kernels::NormGradients<T> out{b.gradient().data(), nullptr, false, mutable_data_of(gweight),
                                mutable_data_of(gbias)};
  if (b.needs(0)) {
    const auto to = detail::FastPath(b).accumulator(0);
    out.gx = to.data;
    out.accumulate = to.has_value;
  }
  if (x.size() != 0) {
    run_backward<T>({x.data(), data_of(weight), nullptr, mutable_data_of(s.mean),
                     mutable_data_of(s.rest), mutable_data_of(s.rstd), nullptr},
                    out, s.view);
  } else {
    for (const Tensor<T>* g : {&gweight, &gbias}) {
      if (g->defined()) std::fill_n(g->node()->data, g->size(), T(0));
    }
  }
  if (gweight.defined()) b.add(s.weight, std::move(gweight));
  if (gbias.defined()) b.add(s.bias, std::move(gbias));
}

// Rules differ in their names only.
template <class T, class View>
constexpr Rule<T> rule_named(const char* name) {
  return {name, &normalized_backward<T, View>, &detail::destroy_attributes<Normalized<T, View>>};
}
template <class T>
const Rule<T> kBatchNorm = rule_named<T, ChannelsView>("batch_norm");
template <class T>
const Rule<T> kGroupNorm = rule_named<T, ChannelsView>("group_norm");
template <class T>
const Rule<T> kLayerNorm = rule_named<T, RowsView>("layer_norm");
template <class T>
const Rule<T> kRmsNorm = rule_named<T, RowsView>("rms_norm");

template <class T, class View>
Tensor<T> normalized(const Rule<T>& rule, const Operands<T>& operands, View view, double eps,
                     std::size_t statistics, bool centered, BatchStatistics<T>* batch = nullptr);

// `statistics`: how many there are of each kind.
template <class T, class View>
Tensor<T> normalized_now(const Rule<T>& rule, const Operands<T>& operands, View view, double eps,
                         std::size_t statistics, bool centered, BatchStatistics<T>* batch) {
  detail::require_in(rule.name, "eps", eps, "[0, inf]");
  const auto list = operands.list();
  Normalized<T, View> s{
      view,           eps, {}, {}, Tensor<T>::uninitialized({statistics}), operands.weight(),
      operands.bias()};
  if (centered) {
    s.mean = Tensor<T>::uninitialized({statistics});
    s.rest = Tensor<T>::uninitialized({statistics});
  }
  if (batch != nullptr) batch->variance = Tensor<T>::uninitialized({statistics});
  const Tensor<T> y = Tensor<T>::uninitialized(list[0]->shape());
  if (y.size() != 0) {
    run<T>({list[0]->data(), s.weight != 0 ? list[s.weight]->data() : nullptr,
            s.bias != 0 ? list[s.bias]->data() : nullptr, mutable_data_of(s.mean),
            mutable_data_of(s.rest), mutable_data_of(s.rstd),
            batch != nullptr ? batch->variance.node()->data : nullptr},
           y.node()->data, view, eps);
  }
  if (batch != nullptr) {
    const NoGrad guard;
    batch->mean = s.mean + s.rest;
  }
  if (y.size() != 0 && !all_usual(s.rstd.data(), statistics)) {
    const Tensor<T> none;
    return composed(*list[0], s.weight != 0 ? *list[s.weight] : none,
                    s.bias != 0 ? *list[s.bias] : none, view, centered, eps, true);
  }
  detail::record<T>(y, rule, list, {.inputs = 7}, s);
  detail::log_again(y, [=, &rule, w = s.weight, b = s.bias](const auto& x) {
    const Tensor<T> none;
    return normalized(rule, Operands<T>(x[0], w != 0 ? x[w] : none, b != 0 ? x[b] : none), view,
                      eps, statistics, centered);
  });
  return y;
}

// One operation, though it may be another one where numbers are out of the ordinary; the statistics
// of the batch are two more.
template <class T, class View>
Tensor<T> normalized(const Rule<T>& rule, const Operands<T>& operands, View view, double eps,
                     std::size_t statistics, bool centered, BatchStatistics<T>* batch) {
  if (detail::tracer == nullptr)
    return normalized_now(rule, operands, view, eps, statistics, centered, batch);
  std::vector<Tensor<T>> list;
  for (const Tensor<T>* x : operands.list()) list.push_back(*x);
  const auto call = [=, &rule, w = operands.weight(), b = operands.bias()](
                        const std::vector<Tensor<T>>& x, BatchStatistics<T>* to) {
    const Tensor<T> none;
    const Operands<T> now(x[0], w != 0 ? x[w] : none, b != 0 ? x[b] : none);
    return normalized_now(rule, now, view, eps, statistics, centered, to);
  };
  const Tensor<T> y = detail::as_one_of_list(
      rule.name, list, [call](const std::vector<Tensor<T>>& x) { return call(x, nullptr); });
  if (y.size() != 0)
    describe_normalized(y, view, eps, statistics, centered, operands.weight(), operands.bias());
  const auto again = [=, &rule](const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias,
                                View v, std::size_t count) {
    return normalized<T>(rule, Operands<T>(x, weight, bias), v, eps, count, centered);
  };
  const detail::NormalizedInBatch<T, decltype(again)> in_batch{again, y.shape(), statistics,
                                                               operands.weight(), operands.bias()};
  if (y.size() != 0) detail::describe_batch(y, [=](const auto& b) { return in_batch(b, view); });
  if (batch == nullptr) return y;
  const auto statistic = [call, list](Tensor<T> BatchStatistics<T>::*which) {
    return detail::as_one_of_list("batch statistics", list,
                                  [call, which](const std::vector<Tensor<T>>& x) {
                                    BatchStatistics<T> found;
                                    call(x, &found);
                                    return found.*which;
                                  });
  };
  batch->mean = statistic(&BatchStatistics<T>::mean);
  batch->variance = statistic(&BatchStatistics<T>::variance);
  return y;
}

template <class T>
ChannelsView channels_of(const char* operation, const Tensor<T>& x, const Tensor<T>& weight,
                         const Tensor<T>& bias) {
  if (x.rank() < 2) fail(operation, "x ", x.shape(), " has no axis of channels");
  const std::size_t c = x.shape()[1];
  require_weight(operation, "weight", weight, {c});
  require_weight(operation, "bias", bias, {c});
  return {x.shape()[0], c, detail::product(x.shape(), 2, x.rank()), 0};
}

template <class T>
RowsView rows_of(const char* operation, const Tensor<T>& x, const Shape& last) {
  const std::size_t outer = x.rank() - std::min(x.rank(), last.rank());
  if (last.rank() == 0 || Shape(x.shape().begin() + outer, x.shape().end()) != last) {
    fail(operation, "the last axes of x ", x.shape(), " are not ", last);
  }
  return {detail::product(x.shape(), 0, outer), last.elements(), 1};
}

}  // namespace

template <class T>
Tensor<T> batch_norm(const Tensor<T>& x, const std::type_identity_t<Tensor<T>>& weight,
                     const std::type_identity_t<Tensor<T>>& bias,
                     const std::type_identity_t<BatchNormOptions<T>>& options) {
  const ChannelsView view = channels_of("batch_norm", x, weight, bias);
  const std::size_t count = view.n * view.inner;
  if (count < 2) {
    fail("batch_norm", "more than one element of each channel is needed: x ", x.shape());
  }
  if (options.statistics != nullptr) options.statistics->count = count;
  return normalized(kBatchNorm<T>, Operands<T>(x, weight, bias), view, options.eps, view.c, true,
                    options.statistics);
}

template <class T>
Tensor<T> batch_norm_inference(const Tensor<T>& x, const Tensor<T>& mean, const Tensor<T>& variance,
                               const std::type_identity_t<Tensor<T>>& weight,
                               const std::type_identity_t<Tensor<T>>& bias, NormOptions options) {
  const ChannelsView view = channels_of("batch_norm_inference", x, weight, bias);
  require_weight("batch_norm_inference", "mean", mean, {view.c});
  require_weight("batch_norm_inference", "variance", variance, {view.c});
  detail::require_in("batch_norm_inference", "eps", options.eps, "[0, inf]");
  Shape per_channel{view.c};
  for (std::size_t i = 2; i < x.rank(); ++i) per_channel.push_back(1);
  const auto spread = [&](const Tensor<T>& t) { return reshape(t, per_channel); };
  const Tensor<T> rstd = rsqrt(variance + options.eps);
  return detail::apply(primitives::Affine{}, x, spread(mean),
                       spread(weight.defined() ? rstd * weight : rstd),
                       bias.defined() ? spread(bias) : Tensor<T>(0));
}

template <class T>
void update_running_statistics(const BatchStatistics<T>& batch, double momentum, Tensor<T>& mean,
                               Tensor<T>& variance) {
  require_weight("update_running_statistics", "mean", mean, batch.mean.shape());
  require_weight("update_running_statistics", "variance", variance, batch.mean.shape());
  const double n = static_cast<double>(batch.count);
  T *const m = mean.mutable_data(), *const v = variance.mutable_data();
  // A statistic that stays the same is not moved by rounding.
  const auto move = [momentum](T& to, double towards) {
    to = static_cast<T>(to + momentum * (towards - to));
  };
  for (std::size_t j = 0; j < mean.size(); ++j) {
    move(m[j], batch.mean.data()[j]);
    move(v[j], batch.variance.data()[j] * (n / (n - 1)));
  }
}

template <class T>
Tensor<T> layer_norm(const Tensor<T>& x, const Shape& normalized_shape,
                     const std::type_identity_t<Tensor<T>>& weight,
                     const std::type_identity_t<Tensor<T>>& bias, NormOptions options) {
  const RowsView view = rows_of("layer_norm", x, normalized_shape);
  require_weight("layer_norm", "weight", weight, normalized_shape);
  require_weight("layer_norm", "bias", bias, normalized_shape);
  return normalized(kLayerNorm<T>, Operands<T>(x, weight, bias), view, options.eps, view.rows,
                    true);
}

template <class T>
Tensor<T> rms_norm(const Tensor<T>& x, const Shape& normalized_shape,
                   const std::type_identity_t<Tensor<T>>& weight, NormOptions options) {
  const RowsView view = rows_of("rms_norm", x, normalized_shape);
  require_weight("rms_norm", "weight", weight, normalized_shape);
  return normalized(kRmsNorm<T>, Operands<T>(x, weight, {}), view, options.eps, view.rows, false);
}

template <class T>
Tensor<T> group_norm(const Tensor<T>& x, std::size_t groups,
                     const std::type_identity_t<Tensor<T>>& weight,
                     const std::type_identity_t<Tensor<T>>& bias, NormOptions options) {
  ChannelsView view = channels_of("group_norm", x, weight, bias);
  if (groups == 0 || view.c % groups != 0) {
    fail("group_norm", view.c, " channels cannot be divided into ", groups, " groups");
  }
  view.groups = groups;
  return normalized(kGroupNorm<T>, Operands<T>(x, weight, bias), view, options.eps, view.n * groups,
                    true);
}

#define XGRAD_INSTANTIATE(T)                                                                       \
  template Tensor<T> batch_norm(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&,              \
                                const BatchNormOptions<T>&);                                       \
  template Tensor<T> batch_norm_inference(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&,    \
                                          const Tensor<T>&, const Tensor<T>&, NormOptions);        \
  template void update_running_statistics(const BatchStatistics<T>&, double, Tensor<T>&,           \
                                          Tensor<T>&);                                             \
  template Tensor<T> layer_norm(const Tensor<T>&, const Shape&, const Tensor<T>&,                  \
                                const Tensor<T>&, NormOptions);                                    \
  template Tensor<T> rms_norm(const Tensor<T>&, const Shape&, const Tensor<T>&, NormOptions);      \
  template Tensor<T> group_norm(const Tensor<T>&, std::size_t, const Tensor<T>&, const Tensor<T>&, \
                                NormOptions);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
