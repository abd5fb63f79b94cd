#pragma once

// Adadelta: Adagrad with a memory that fades, and steps in units of the weights.

#include "xgrad/optimizers/optimizer.hpp"

namespace xgrad {

struct AdadeltaOptions {
  double learning_rate = 1;  ///< a below
  /// Refused while compiling: it is learning_rate.
  [[no_unique_address]] detail::LearningRateIsItsName lr = {};
  double rho = 0.9;  ///< memory, in [0, 1)
  /// Refused while compiling: it is epsilon.
  [[no_unique_address]] detail::EpsilonIsItsName eps = {};
  double epsilon = 1e-6;    ///< above 0: it is what the first step is made of
  double weight_decay = 0;  ///< L2
  DecayOptions decay = {};  ///< what else decays, and where
};

/// Gradient g at the weights w, learning rate a:
///   s = rho s + (1 - rho) g^2
///   d = sqrt(u + epsilon) / sqrt(s + epsilon) g
///   u = rho u + (1 - rho) d^2
///   w = w - a d
///
/// **Source** Zeiler 2012, algorithm 1, which has a = 1.
///
/// State: `gradient_squares`, s, and `step_squares`, u.
template <class T>
class Adadelta : public GroupedOptimizer<T, AdadeltaOptions> {
 public:
  explicit Adadelta(const NamedTensors<T>& parameters, const AdadeltaOptions& options = {})
      : GroupedOptimizer<T, AdadeltaOptions>("Adadelta", parameters, options) {}
  explicit Adadelta(const std::vector<Tensor<T>>& parameters, const AdadeltaOptions& options = {})
      : Adadelta(named(parameters), options) {}

  /// Refused while compiling: options have names.
  template <class V>
  requires(std::is_arithmetic_v<V>) Adadelta(const NamedTensors<T>& p, V rate)
      : Adadelta(p, detail::named_options<AdadeltaOptions>(rate)) {}
  template <class V>
  requires(std::is_arithmetic_v<V>) Adadelta(const std::vector<Tensor<T>>& p, V rate)
      : Adadelta(p, detail::named_options<AdadeltaOptions>(rate)) {}

 private:
  using typename Optimizer<T>::Slot;
  std::vector<std::string> state_names(std::size_t group) const override;
  void update(Slot& slot) override;
  bool only_applies() const override { return true; }
};

/// Throws std::invalid_argument for options out of range.
void check_options(const AdadeltaOptions& options);

}  // namespace xgrad
