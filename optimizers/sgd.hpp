#pragma once

// Sgd: stochastic gradient descent, with momentum in its classical form and in both forms
// of Nesterov's.

#include "xgrad/optimizers/optimizer.hpp"

namespace xgrad {

struct SgdOptions {
  double learning_rate = 1e-2;  ///< a below
  /// Refused while compiling: it is learning_rate.
  [[no_unique_address]] detail::LearningRateIsItsName lr = {};
  double momentum = 0;    ///< mu, in [0, 1): what is kept of the velocity; 0.9 is common
  double dampening = 0;   ///< in [0, 1): taken off the gradient's share in the velocity
  bool nesterov = false;  ///< Nesterov's momentum; needs momentum above 0 and no dampening
  bool look_ahead =
      false;  ///< Nesterov's momentum as published: see look_ahead(); implies nesterov
  bool rate_in_velocity = false;  ///< the velocity is in units of the weights, not of the gradient
  double weight_decay = 0;        ///< L2
  DecayOptions decay = {};        ///< what else decays, and where
};

/// Gradient g at the weights w, learning rate a, momentum mu, dampening d (0 in the first step).
///
/// momentum = 0:
///   w = w - a g
/// momentum (Polyak 1964; this form: Sutskever, Martens, Dahl, Hinton 2013):
///   v = mu v + (1 - d) g
///   w = w - a v
/// nesterov (Nesterov 1983), written for w that is always a step ahead (Bengio 2012):
///   v = mu v + g
///   w = w - a (g + mu v)
/// look_ahead, Nesterov's momentum as published: the gradient is taken at the point the velocity
/// leads to, the weights are the iterates themselves.
///   look_ahead():  w = w - a mu v        now evaluate g here
///   step():        v = mu v + g
///                  w = w - a g           together: the old w minus a v
/// The weights after look_ahead() are those of `nesterov`, step for step.
///
/// rate_in_velocity multiplies g by a where it enters v, and v by 1 where it enters w; a g
/// alone stays:
///   v = mu v + a (1 - d) g;   w = w - v,   or nesterov   w = w - (a g + mu v)
/// The trajectory is the same while a is constant. When a schedule lowers a, this form keeps the
/// speed it has and the default slows down at once.
///
/// With v' = -v the last is often written as  v = mu v - a g;  w += -mu v_prev + (1 +
/// mu) v.
///
/// State: `velocity`, when momentum is above 0.
template <class T>
class Sgd : public GroupedOptimizer<T, SgdOptions> {
 public:
  explicit Sgd(const NamedTensors<T>& parameters, const SgdOptions& options = {})
      : GroupedOptimizer<T, SgdOptions>("Sgd", parameters, options) {}
  explicit Sgd(const std::vector<Tensor<T>>& parameters, const SgdOptions& options = {})
      : Sgd(named(parameters), options) {}

  /// Refused while compiling: options have names.
  template <class V>
  requires(std::is_arithmetic_v<V>) Sgd(const NamedTensors<T>& p, V rate)
      : Sgd(p, detail::named_options<SgdOptions>(rate)) {}
  template <class V>
  requires(std::is_arithmetic_v<V>) Sgd(const std::vector<Tensor<T>>& p, V rate)
      : Sgd(p, detail::named_options<SgdOptions>(rate)) {}

  /// Moves the weights of groups with `look_ahead` to where the velocity leads; step() must follow
  /// with gradients taken there. A parameter that has none then goes back. Throws std::logic_error
  /// when it was called already, or no group has the option.
  void look_ahead();

  using Optimizer<T>::step;
  /// With `look_ahead`, the loss is evaluated ahead.
  double step(const typename Optimizer<T>::LossFunction& loss) override;

 private:
  using typename Optimizer<T>::Slot;
  bool looks_ahead() const;
  std::vector<std::string> state_names(std::size_t group) const override;
  void visit_numbers(const typename Optimizer<T>::Visitor& visit) override;
  void begin_step() override;
  void update(Slot& slot) override;
  bool only_applies() const override { return true; }
  void shift(Slot& slot, double velocities);

  double ahead_ = 0;           // 1 between look_ahead() and step()
  std::vector<double> moved_;  // how far each slot was moved, in velocities
};

/// Throws std::invalid_argument for options out of range.
void check_options(const SgdOptions& options);

}  // namespace xgrad
