#pragma once

// Nadam: Adam with Nesterov's momentum.

#include "xgrad/optimizers/optimizer.hpp"

namespace xgrad {

struct NadamOptions {
  double learning_rate = 2e-3;  ///< a below
  /// Refused while compiling: it is learning_rate.
  [[no_unique_address]] detail::LearningRateIsItsName lr = {};
  /// Refused while compiling: they are beta1 and beta2.
  [[no_unique_address]] detail::BetasAreTwo betas = {};
  double beta1 = 0.9;    ///< memory of the first moment, in [0, 1)
  double beta2 = 0.999;  ///< memory of the second moment, in [0, 1)
  /// Refused while compiling: it is epsilon.
  [[no_unique_address]] detail::EpsilonIsItsName eps = {};
  double epsilon = 1e-8;         ///< at least 0
  double momentum_decay = 4e-3;  ///< psi: how fast the momentum rises to beta1; at least 0
  double weight_decay = 0;       ///< L2
  DecayOptions decay = {};       ///< what else decays, and where
};

/// Gradient g at the weights w, learning rate a, step count t from 1:
///   mu_t = beta1 (1 - 0.96^(t psi) / 2)           the momentum warms up
///   p_t = mu_1 ... mu_t
///   m = beta1 m + (1 - beta1) g
///   v = beta2 v + (1 - beta2) g^2
///   m_hat = mu_(t+1) m / (1 - p_(t+1)) + (1 - mu_t) g / (1 - p_t)
///   v_hat = v / (1 - beta2^t)
///   w = w - a m_hat / (sqrt(v_hat) + epsilon)
///
/// **Source** Dozat 2016, algorithm 2. Deviation: as in PyTorch, m is gathered with beta1 where the
/// paper has mu_t.
///
/// State: `first_moment`, `second_moment`, and the number `momentum_product`, p_t.
template <class T>
class Nadam : public GroupedOptimizer<T, NadamOptions> {
 public:
  explicit Nadam(const NamedTensors<T>& parameters, const NadamOptions& options = {})
      : GroupedOptimizer<T, NadamOptions>("Nadam", parameters, options) {}
  explicit Nadam(const std::vector<Tensor<T>>& parameters, const NadamOptions& options = {})
      : Nadam(named(parameters), options) {}

  /// Refused while compiling: options have names.
  template <class V>
  requires(std::is_arithmetic_v<V>) Nadam(const NamedTensors<T>& p, V rate)
      : Nadam(p, detail::named_options<NadamOptions>(rate)) {}
  template <class V>
  requires(std::is_arithmetic_v<V>) Nadam(const std::vector<Tensor<T>>& p, V rate)
      : Nadam(p, detail::named_options<NadamOptions>(rate)) {}

 private:
  using typename Optimizer<T>::Slot;
  std::vector<std::string> state_names(std::size_t group) const override;
  void visit_numbers(const typename Optimizer<T>::Visitor& visit) override;
  void begin_step() override;
  void update(Slot& slot) override;
  bool only_applies() const override { return true; }
  double& product_of(const Slot& slot);

  std::vector<double> products_;  // p_t of each slot
};

/// Throws std::invalid_argument for options out of range.
void check_options(const NadamOptions& options);

}  // namespace xgrad
