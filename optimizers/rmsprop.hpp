#pragma once

// RmsProp: steps divided by the root of the mean square of recent gradients; plain, centred,
// with momentum.

#include "xgrad/optimizers/optimizer.hpp"

namespace xgrad {

struct RmsPropOptions {
  double learning_rate = 1e-2;  ///< a below
  /// Refused while compiling: it is learning_rate.
  [[no_unique_address]] detail::LearningRateIsItsName lr = {};
  /// Refused while compiling: it is memory.
  [[no_unique_address]] detail::MemoryIsItsName alpha = {};
  double memory = 0.99;  ///< alpha, in [0, 1); 0.9, 0.99 and 0.999 are common
  /// Refused while compiling: it is epsilon.
  [[no_unique_address]] detail::EpsilonIsItsName eps = {};
  double epsilon = 1e-8;  ///< at least 0
  double momentum = 0;    ///< mu, in [0, 1)
  /// Refused while compiling: it is centred.
  [[no_unique_address]] detail::CentredIsItsName centered = {};
  bool centred = false;     ///< divide by the deviation of the gradient instead
  double weight_decay = 0;  ///< L2
  DecayOptions decay = {};  ///< what else decays, and where
};

/// Gradient g at the weights w, learning rate a:
///   s = alpha s + (1 - alpha) g^2
///   r = s, or centred:  c = alpha c + (1 - alpha) g;  r = s - c^2
///   d = g / (sqrt(r) + epsilon)
///   w = w - a d, or with momentum:  u = mu u + d;  w = w - a u
///
/// **Source** Tieleman, Hinton 2012 (lecture 6.5); Graves 2013, eq. 38-45 (centred, with momentum).
/// Deviations: epsilon is outside the root, as in PyTorch; r is at least 0, where PyTorch lets
/// rounding make it negative and the weight NaN.
///
/// State: `gradient_squares` s, `velocity` u, `mean_gradient` c.
template <class T>
class RmsProp : public GroupedOptimizer<T, RmsPropOptions> {
 public:
  explicit RmsProp(const NamedTensors<T>& parameters, const RmsPropOptions& options = {})
      : GroupedOptimizer<T, RmsPropOptions>("RmsProp", parameters, options) {}
  explicit RmsProp(const std::vector<Tensor<T>>& parameters, const RmsPropOptions& options = {})
      : RmsProp(named(parameters), options) {}

  /// Refused while compiling: options have names.
  template <class V>
  requires(std::is_arithmetic_v<V>) RmsProp(const NamedTensors<T>& p, V rate)
      : RmsProp(p, detail::named_options<RmsPropOptions>(rate)) {}
  template <class V>
  requires(std::is_arithmetic_v<V>) RmsProp(const std::vector<Tensor<T>>& p, V rate)
      : RmsProp(p, detail::named_options<RmsPropOptions>(rate)) {}

 private:
  using typename Optimizer<T>::Slot;
  std::vector<std::string> state_names(std::size_t group) const override;
  void update(Slot& slot) override;
  bool only_applies() const override { return true; }
  template <bool Momentum, bool Centred>
  void update_as(Slot& slot);
};

/// Throws std::invalid_argument for options out of range.
void check_options(const RmsPropOptions& options);

}  // namespace xgrad
