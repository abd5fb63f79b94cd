#include "xgrad/ops/losses.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/autograd/axis.hpp"
#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/kernels/formulas/losses.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/loss_checks.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad {

using detail::apply;
using detail::reduced_loss;
using detail::require_probabilities;
using detail::require_same_shape;

namespace {

// The loss of each element by a formula, reduced.
template <class F, class T>
Tensor<T> elementwise_loss(const F& f, const Tensor<T>& x, const Tensor<T>& t,
                           Reduction reduction) {
  require_same_shape(F::name, x, t);
  return reduced_loss(apply(f, x, t), reduction);
}

}  // namespace

template <class T>
Tensor<T> mse_loss(const Tensor<T>& x, const Tensor<T>& t, LossOptions options) {
  return elementwise_loss(primitives::SquaredError{}, x, t, options.reduction);
}

template <class T>
Tensor<T> mae_loss(const Tensor<T>& x, const Tensor<T>& t, LossOptions options) {
  return elementwise_loss(primitives::AbsoluteError{}, x, t, options.reduction);
}

template <class T>
Tensor<T> huber_loss(const Tensor<T>& x, const Tensor<T>& t, HuberOptions options) {
  detail::require_in("huber_loss", "delta", options.delta, "(0, inf]");
  if (std::isinf(options.delta)) return 0.5 * mse_loss(x, t, {options.reduction});
  return elementwise_loss(primitives::Huber{options.delta}, x, t, options.reduction);
}

template <class T>
Tensor<T> binary_cross_entropy(const Tensor<T>& p, const Tensor<T>& t, LossOptions options) {
  require_same_shape("binary_cross_entropy", p, t, "p");
  detail::check_each_time("binary_cross_entropy", p, [](const Tensor<T>& now) {
    require_probabilities("binary_cross_entropy", now);
  });
  return elementwise_loss(primitives::BinaryCrossEntropy{}, p, t, options.reduction);
}

template <class T>
Tensor<T> binary_cross_entropy_with_logits(
    const Tensor<T>& x, const Tensor<T>& t,
    const std::type_identity_t<LogitLossOptions<T>>& options) {
  constexpr const char* kName = primitives::LogitCrossEntropy::name;
  require_same_shape(kName, x, t);
  Tensor<T> loss = apply(primitives::LogitCrossEntropy{}, x, t);
  if (options.pos_weight.defined()) {
    const Tensor<T> w = options.pos_weight.detach();
    Shape both;
    detail::require(detail::broadcast(x.shape(), w.shape(), both) && both == x.shape(), kName,
                    "pos_weight does not broadcast to x: pos_weight ", w.shape(), ", x ",
                    x.shape());
    loss = loss + (w - 1) * t * softplus(-x);
  }
  return reduced_loss(loss, options.reduction);
}

template <class T>
Tensor<T> kl_div(const Tensor<T>& x, const Tensor<T>& t, KlOptions options) {
  require_same_shape("kl_div", x, t);
  if (options.reduction == Reduction::batchmean && !options.any_targets && t.rank() > 1) {
    const std::size_t n = t.shape()[0];
    const Tensor<T> samples = detail::view(t.detach(), {n, n == 0 ? 0 : t.size() / n});
    detail::check_each_time("kl_div", samples, [logs = options.log_target](const Tensor<T>& now) {
      detail::require_distributions("kl_div", now, 1, logs);
    });
  }
  if (options.log_target) {
    return elementwise_loss(primitives::KlDivergenceOfLogs{}, x, t, options.reduction);
  }
  return elementwise_loss(primitives::KlDivergence{}, x, t, options.reduction);
}

namespace {

// Products of numbers of such sizes, and of their sizes, are far from the ends of the range of T.
template <class T>
bool products_are_in_range(const Tensor<T>& sizes) {
  constexpr T bound = sizeof(T) == 4 ? T(0x1p40F) : static_cast<T>(0x1p400);
  return std::all_of(sizes.data(), sizes.data() + sizes.size(),
                     [](T v) { return v >= 1 / bound && v <= bound; });
}

// Powers of 2 that bring the largest number of each vector close to 1; 1 where there is none.
template <class T>
Tensor<T> scales_of(const Tensor<T>& x, std::size_t axis) {
  const NoGrad guard;
  const Tensor<T> largest = max(abs(x), axis, {.keep_dims = true});
  Tensor<T> scale = Tensor<T>::uninitialized(largest.shape());
  static constexpr int kMost = std::numeric_limits<T>::max_exponent - 2;
  std::transform(largest.data(), largest.data() + largest.size(), scale.mutable_data(), [](T v) {
    return v > 0 && std::isfinite(v) ? std::scalbn(T(1), std::min(-std::ilogb(v), kMost)) : T(1);
  });
  return scale;
}

// x / max(|x|, eps) along an axis by numbers that are all close to 1, 0 where that is 0 / 0.
template <class T>
Tensor<T> unit_vectors(const Tensor<T>& x, double eps, std::size_t axis) {
  const Tensor<T> scale = scales_of(x, axis), e = x * scale;
  const Tensor<T> size = maximum(norm(e, 2, axis, {.keep_dims = true}), scale * eps);
  const Tensor<T> zero = size == 0;
  return where(zero, 0, e / where(zero, 1, size));
}

// In one of two ways, as the sizes allow.
template <class T>
Tensor<T> cosines(const Tensor<T>& a, const Tensor<T>& b, std::size_t axis, double eps) {
  const Tensor<T> size_a = maximum(norm(a, 2, axis), Tensor<T>(eps));
  const Tensor<T> size_b = maximum(norm(b, 2, axis), Tensor<T>(eps));
  if (products_are_in_range(size_a) && products_are_in_range(size_b)) {
    return sum(a * b, axis) / (size_a * size_b);
  }
  return sum(unit_vectors(a, eps, axis) * unit_vectors(b, eps, axis), axis);
}

}  // namespace

template <class T>
Tensor<T> cosine_similarity(const Tensor<T>& a, const Tensor<T>& b, CosineOptions options) {
  require_same_shape("cosine_similarity", a, b, "a", "b");
  detail::require_in("cosine_similarity", "eps", options.eps, "[0, inf]");
  const std::size_t axis = normalize_axis("cosine_similarity", options.axis, a.shape(), "a");
  const auto call = [axis, eps = options.eps](const Tensor<T>& x, const Tensor<T>& y) {
    return cosines(x, y, axis, eps);
  };
  return detail::as_one("cosine_similarity", call, a, b);
}

template <class T>
Tensor<T> cosine_loss(const Tensor<T>& a, const Tensor<T>& b, CosineLossOptions options) {
  require_same_shape("cosine_loss", a, b, "a", "b");
  return reduced_loss(1 - cosine_similarity(a, b, {options.axis, options.eps}), options.reduction);
}

template <class T>
Tensor<T> smooth_l1_loss(const Tensor<T>& x, const Tensor<T>& t, SmoothL1Options options) {
  require_same_shape("smooth_l1_loss", x, t);
  const double beta = options.beta;
  detail::require_in("smooth_l1_loss", "beta", beta, "[0, inf)");
  if (beta == 0) return mae_loss(x, t, {options.reduction});
  return reduced_loss(apply(primitives::Huber{beta}, x, t) / beta, options.reduction);
}

#define XGRAD_INSTANTIATE(T)                                                                \
  template Tensor<T> mse_loss(const Tensor<T>&, const Tensor<T>&, LossOptions);             \
  template Tensor<T> mae_loss(const Tensor<T>&, const Tensor<T>&, LossOptions);             \
  template Tensor<T> huber_loss(const Tensor<T>&, const Tensor<T>&, HuberOptions);          \
  template Tensor<T> binary_cross_entropy(const Tensor<T>&, const Tensor<T>&, LossOptions); \
  template Tensor<T> binary_cross_entropy_with_logits(const Tensor<T>&, const Tensor<T>&,   \
                                                      const LogitLossOptions<T>&);          \
  template Tensor<T> smooth_l1_loss(const Tensor<T>&, const Tensor<T>&, SmoothL1Options);   \
  template Tensor<T> kl_div(const Tensor<T>&, const Tensor<T>&, KlOptions);                 \
  template Tensor<T> cosine_similarity(const Tensor<T>&, const Tensor<T>&, CosineOptions);  \
  template Tensor<T> cosine_loss(const Tensor<T>&, const Tensor<T>&, CosineLossOptions);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
