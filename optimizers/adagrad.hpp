#pragma once

// Adagrad: each weight's rate falls with the gradients it has seen.

#include "xgrad/optimizers/optimizer.hpp"

namespace xgrad {

struct AdagradOptions {
  double learning_rate = 1e-2;  ///< a below
  /// Refused while compiling: it is learning_rate.
  [[no_unique_address]] detail::LearningRateIsItsName lr = {};
  double learning_rate_decay = 0;  ///< at least 0
  double initial_accumulator = 0;  ///< what s starts from; at least 0
  /// Refused while compiling: it is epsilon.
  [[no_unique_address]] detail::EpsilonIsItsName eps = {};
  double epsilon = 1e-10;   ///< at least 0
  double weight_decay = 0;  ///< L2
  DecayOptions decay = {};  ///< what else decays, and where
};

/// Gradient g at the weights w, learning rate a, step count t from 1:
///   s = s + g^2
///   w = w - a / (1 + (t - 1) learning_rate_decay) g / (sqrt(s) + epsilon)
///
/// **Source** Duchi, Hazan, Singer 2011, with the diagonal of their matrix and, as in PyTorch,
/// epsilon outside the root.
///
/// State: `gradient_squares`, s.
template <class T>
class Adagrad : public GroupedOptimizer<T, AdagradOptions> {
 public:
  explicit Adagrad(const NamedTensors<T>& parameters, const AdagradOptions& options = {})
      : GroupedOptimizer<T, AdagradOptions>("Adagrad", parameters, options) {}
  explicit Adagrad(const std::vector<Tensor<T>>& parameters, const AdagradOptions& options = {})
      : Adagrad(named(parameters), options) {}

  /// Refused while compiling: options have names.
  template <class V>
  requires(std::is_arithmetic_v<V>) Adagrad(const NamedTensors<T>& p, V rate)
      : Adagrad(p, detail::named_options<AdagradOptions>(rate)) {}
  template <class V>
  requires(std::is_arithmetic_v<V>) Adagrad(const std::vector<Tensor<T>>& p, V rate)
      : Adagrad(p, detail::named_options<AdagradOptions>(rate)) {}

 private:
  using typename Optimizer<T>::Slot;
  std::vector<std::string> state_names(std::size_t group) const override;
  double initial_state(std::size_t group) const override;
  void update(Slot& slot) override;
  bool only_applies() const override { return true; }
};

/// Throws std::invalid_argument for options out of range.
void check_options(const AdagradOptions& options);

}  // namespace xgrad
