// Losses that are composed: likelihoods, distances, hard examples.

#include <algorithm>
#include <cmath>
#include <numbers>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/loss_checks.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad {

using detail::reduced_loss;
using detail::require_in;
using detail::require_same_shape;

namespace {

const double kLogTwoPi = std::log(2 * std::numbers::pi);

constexpr const char* kGaussian = "gaussian_nll_loss";

template <class T>
void require_variances(const Tensor<T>& var) {
  const T* const end = var.data() + var.size();
  const T* const wrong = std::find_if(var.data(), end, [](T v) { return v < 0; });
  if (wrong == end) return;
  detail::fail(kGaussian, "a variance is negative: ", *wrong, " at position ", wrong - var.data());
}

// The variances in a shape that broadcasts to x.
template <class T>
Tensor<T> variances_for(const Tensor<T>& x, const Tensor<T>& var) {
  detail::check_each_time(kGaussian, var, &require_variances<T>);
  if (var.shape() == x.shape()) return var;
  if (x.rank() > 0) {
    const Shape rows = x.shape().without(x.rank() - 1);
    Shape columns = rows;
    columns.push_back(1);
    if (var.shape() == columns) return var;
    if (var.shape() == rows) return reshape(var, columns);
  }
  detail::fail(kGaussian, "var ", var.shape(), " does not fit x ", x.shape());
}

// max(x, low) with slope 1 everywhere.
template <class T>
Tensor<T> raised(const Tensor<T>& x, double low) {
  const Tensor<T> before = x.detach();
  return maximum(before, Tensor<T>(low)) + (x - before);
}

}  // namespace

template <class T>
Tensor<T> gaussian_nll_loss(const Tensor<T>& x, const Tensor<T>& t, const Tensor<T>& var,
                            GaussianNllOptions options) {
  require_same_shape("gaussian_nll_loss", x, t);
  require_in("gaussian_nll_loss", "eps", options.eps, "(0, inf)");
  const Tensor<T> v = raised(variances_for(x, var), options.eps);
  const Tensor<T> twice = log(v) + square(x - t) / v;
  return reduced_loss(0.5 * (options.full ? twice + kLogTwoPi : twice), options.reduction);
}

template <class T>
Tensor<T> poisson_nll_loss(const Tensor<T>& x, const Tensor<T>& t, PoissonNllOptions options) {
  require_same_shape("poisson_nll_loss", x, t);
  require_in("poisson_nll_loss", "eps", options.eps, "(0, inf)");
  Tensor<T> loss = options.log_input ? exp(x) - t * x : x - t * log(x + options.eps);
  if (options.full) {
    const Tensor<T> large = t > 1, n = where(large, t, 1);
    loss = loss + where(large, n * log(n) - n + 0.5 * (log(n) + kLogTwoPi), 0);
  }
  return reduced_loss(loss, options.reduction);
}

template <class T>
Tensor<T> triplet_margin_loss(const Tensor<T>& anchor, const Tensor<T>& positive,
                              const Tensor<T>& negative, TripletMarginOptions options) {
  constexpr const char* kName = "triplet_margin_loss";
  require_same_shape(kName, anchor, positive, "anchor", "positive");
  require_same_shape(kName, anchor, negative, "anchor", "negative");
  detail::require(anchor.rank() > 0, kName, "there is no axis of features: ()");
  require_in(kName, "margin", options.margin, "[0, inf)");
  require_in(kName, "p", options.p, "(0, inf]");
  require_in(kName, "eps", options.eps, "[0, inf)");
  const auto distance = [&](const Tensor<T>& a, const Tensor<T>& b) {
    return norm(a - b + options.eps, options.p, -1);
  };
  const Tensor<T> near = distance(anchor, positive);
  Tensor<T> far = distance(anchor, negative);
  if (options.swap) far = minimum(far, distance(positive, negative));
  return reduced_loss(relu(near - far + options.margin), options.reduction);
}

template <class T>
Tensor<T> sigmoid_focal_loss(const Tensor<T>& x, const Tensor<T>& t, SigmoidFocalOptions options) {
  constexpr const char* kName = "sigmoid_focal_loss";
  require_same_shape(kName, x, t);
  detail::check_each_time(kName, t,
                          [](const Tensor<T>& now) { detail::require_probabilities(kName, now); });
  if (options.alpha != -1) require_in(kName, "alpha", options.alpha, "[0, 1]");
  require_in(kName, "gamma", options.gamma, "[0, inf)");
  Tensor<T> loss = binary_cross_entropy_with_logits(x, t, {.reduction = Reduction::none});
  if (options.gamma != 0) {
    const Tensor<T> missed = t * sigmoid(-x) + (1 - t) * sigmoid(x), none = missed == 0;
    loss = where(none, 0, loss * pow(where(none, 1, missed), static_cast<T>(options.gamma)));
  }
  if (options.alpha != -1) loss = loss * (options.alpha * t + (1 - options.alpha) * (1 - t));
  return reduced_loss(loss, options.reduction);
}

#define XGRAD_INSTANTIATE(T)                                                                   \
  template Tensor<T> gaussian_nll_loss(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&,   \
                                       GaussianNllOptions);                                    \
  template Tensor<T> poisson_nll_loss(const Tensor<T>&, const Tensor<T>&, PoissonNllOptions);  \
  template Tensor<T> triplet_margin_loss(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&, \
                                         TripletMarginOptions);                                \
  template Tensor<T> sigmoid_focal_loss(const Tensor<T>&, const Tensor<T>&, SigmoidFocalOptions);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
