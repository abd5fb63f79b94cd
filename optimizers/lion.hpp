#pragma once

// Lion: steps of one size for every weight, in the direction of the sign of an average.

#include "xgrad/optimizers/optimizer.hpp"

namespace xgrad {

struct LionOptions {
  static constexpr bool kDecoupled = true;  ///< whatever `decay.decoupled` says
  double learning_rate = 1e-4;              ///< 3 to 10 times smaller than Adam's
  /// Refused while compiling: it is learning_rate.
  [[no_unique_address]] detail::LearningRateIsItsName lr = {};
  /// Refused while compiling: they are beta1 and beta2.
  [[no_unique_address]] detail::BetasAreTwo betas = {};
  double beta1 = 0.9;       ///< of the direction, in [0, 1)
  double beta2 = 0.99;      ///< memory of the average, in [0, 1)
  double weight_decay = 0;  ///< decoupled L2; 3 to 10 times larger than AdamW's
  DecayOptions decay = {};  ///< what else decays, and where
};

/// Gradient g at the weights w, learning rate a:
///   w = (1 - a weight_decay) w                         with g of the old w
///   w = w - a sign(beta1 m + (1 - beta1) g)            sign(0) = 0
///   m = beta2 m + (1 - beta2) g
///
/// **Source** Chen, Liang, Huang, Real, Wang, Liu, Pham, Dong, Luong, Hsieh, Lu, Le 2023,
/// algorithm 2.
///
/// State: `first_moment`.
template <class T>
class Lion : public GroupedOptimizer<T, LionOptions> {
 public:
  explicit Lion(const NamedTensors<T>& parameters, const LionOptions& options = {})
      : GroupedOptimizer<T, LionOptions>("Lion", parameters, options) {}
  explicit Lion(const std::vector<Tensor<T>>& parameters, const LionOptions& options = {})
      : Lion(named(parameters), options) {}

  /// Refused while compiling: options have names.
  template <class V>
  requires(std::is_arithmetic_v<V>) Lion(const NamedTensors<T>& p, V rate)
      : Lion(p, detail::named_options<LionOptions>(rate)) {}
  template <class V>
  requires(std::is_arithmetic_v<V>) Lion(const std::vector<Tensor<T>>& p, V rate)
      : Lion(p, detail::named_options<LionOptions>(rate)) {}

 private:
  using typename Optimizer<T>::Slot;
  std::vector<std::string> state_names(std::size_t group) const override;
  void update(Slot& slot) override;
  bool only_applies() const override { return true; }
};

/// Throws std::invalid_argument for options out of range.
void check_options(const LionOptions& options);

}  // namespace xgrad
