#pragma once

// RAdam: Adam that waits until its second moment can be trusted.

#include "xgrad/optimizers/optimizer.hpp"

namespace xgrad {

struct RAdamOptions {
  double learning_rate = 1e-3;  ///< a below
  /// Refused while compiling: it is learning_rate.
  [[no_unique_address]] detail::LearningRateIsItsName lr = {};
  /// Refused while compiling: they are beta1 and beta2.
  [[no_unique_address]] detail::BetasAreTwo betas = {};
  double beta1 = 0.9;    ///< memory of the first moment, in [0, 1)
  double beta2 = 0.999;  ///< memory of the second moment, in [0, 1)
  /// Refused while compiling: it is epsilon.
  [[no_unique_address]] detail::EpsilonIsItsName eps = {};
  double epsilon = 1e-8;    ///< at least 0
  double weight_decay = 0;  ///< L2
  DecayOptions decay = {};  ///< what else decays, and where
};

/// Gradient g at the weights w, learning rate a, step count t from 1:
///   m = beta1 m + (1 - beta1) g
///   v = beta2 v + (1 - beta2) g^2
///   m_hat = m / (1 - beta1^t)
///   rho_inf = 2 / (1 - beta2) - 1
///   rho = rho_inf - 2 t beta2^t / (1 - beta2^t)      length of the average that v is
///   if rho > 5:
///     r = sqrt((rho - 4) (rho - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho))
///     w = w - a r m_hat sqrt(1 - beta2^t) / (sqrt(v) + epsilon)
///   else:
///     w = w - a m_hat
/// With the default beta2 the first five steps are of the second kind.
///
/// **Source** Liu, Jiang, He, Chen, Liu, Gao, Han 2020, algorithm 2. Deviations: as in PyTorch, the
/// threshold is 5 where the paper has 4, and epsilon, which the paper leaves out, is added to
/// sqrt(v) before the bias correction.
///
/// State: `first_moment`, `second_moment`.
template <class T>
class RAdam : public GroupedOptimizer<T, RAdamOptions> {
 public:
  explicit RAdam(const NamedTensors<T>& parameters, const RAdamOptions& options = {})
      : GroupedOptimizer<T, RAdamOptions>("RAdam", parameters, options) {}
  explicit RAdam(const std::vector<Tensor<T>>& parameters, const RAdamOptions& options = {})
      : RAdam(named(parameters), options) {}

  /// Refused while compiling: options have names.
  template <class V>
  requires(std::is_arithmetic_v<V>) RAdam(const NamedTensors<T>& p, V rate)
      : RAdam(p, detail::named_options<RAdamOptions>(rate)) {}
  template <class V>
  requires(std::is_arithmetic_v<V>) RAdam(const std::vector<Tensor<T>>& p, V rate)
      : RAdam(p, detail::named_options<RAdamOptions>(rate)) {}

 private:
  using typename Optimizer<T>::Slot;
  std::vector<std::string> state_names(std::size_t group) const override;
  void update(Slot& slot) override;
  bool only_applies() const override { return true; }
};

/// Throws std::invalid_argument for options out of range.
void check_options(const RAdamOptions& options);

}  // namespace xgrad
