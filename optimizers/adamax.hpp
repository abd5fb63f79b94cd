#pragma once

// Adamax: Adam with the largest gradient in the place of the second moment.

#include "xgrad/optimizers/optimizer.hpp"

namespace xgrad {

struct AdamaxOptions {
  double learning_rate = 2e-3;  ///< a below
  /// Refused while compiling: it is learning_rate.
  [[no_unique_address]] detail::LearningRateIsItsName lr = {};
  /// Refused while compiling: they are beta1 and beta2.
  [[no_unique_address]] detail::BetasAreTwo betas = {};
  double beta1 = 0.9;    ///< memory of the first moment, in [0, 1)
  double beta2 = 0.999;  ///< how fast a large gradient is forgotten, in [0, 1)
  /// Refused while compiling: it is epsilon.
  [[no_unique_address]] detail::EpsilonIsItsName eps = {};
  double epsilon = 1e-8;    ///< at least 0
  double weight_decay = 0;  ///< L2
  DecayOptions decay = {};  ///< what else decays, and where
};

/// Gradient g at the weights w, learning rate a, step count t from 1:
///   m = beta1 m + (1 - beta1) g
///   u = max(beta2 u, |g| + epsilon)
///   w = w - a / (1 - beta1^t) m / u
///
/// **Source** Kingma, Ba 2015, algorithm 2. Deviation: as in PyTorch, epsilon, which the paper does
/// not have, keeps u away from 0.
///
/// State: `first_moment`, `largest_gradient`.
template <class T>
class Adamax : public GroupedOptimizer<T, AdamaxOptions> {
 public:
  explicit Adamax(const NamedTensors<T>& parameters, const AdamaxOptions& options = {})
      : GroupedOptimizer<T, AdamaxOptions>("Adamax", parameters, options) {}
  explicit Adamax(const std::vector<Tensor<T>>& parameters, const AdamaxOptions& options = {})
      : Adamax(named(parameters), options) {}

  /// Refused while compiling: options have names.
  template <class V>
  requires(std::is_arithmetic_v<V>) Adamax(const NamedTensors<T>& p, V rate)
      : Adamax(p, detail::named_options<AdamaxOptions>(rate)) {}
  template <class V>
  requires(std::is_arithmetic_v<V>) Adamax(const std::vector<Tensor<T>>& p, V rate)
      : Adamax(p, detail::named_options<AdamaxOptions>(rate)) {}

 private:
  using typename Optimizer<T>::Slot;
  std::vector<std::string> state_names(std::size_t group) const override;
  void update(Slot& slot) override;
  bool only_applies() const override { return true; }
};

/// Throws std::invalid_argument for options out of range.
void check_options(const AdamaxOptions& options);

}  // namespace xgrad
