#pragma once

// Lbfgs: the limited-memory quasi-Newton method, for losses without noise (full batches).

#include <cstddef>

#include "xgrad/optimizers/optimizer.hpp"

namespace xgrad {

struct LbfgsOptions {
  double learning_rate = 1;  ///< first step length tried; the step length without line search
  [[no_unique_address]] detail::LearningRateIsItsName lr = {};  ///< refused: it is learning_rate
  std::size_t max_iterations = 20;                              ///< in one step()
  std::size_t max_evaluations = 0;   ///< of the loss in one step(); 0: 5/4 max_iterations
  double tolerance_gradient = 1e-7;  ///< stops when no |g| is larger
  double tolerance_change = 1e-9;    ///< stops when the loss or all weights change by less
  std::size_t history = 10;  ///< pairs kept; 3 to 20 are common, each as large as the weights
  bool line_search = true;   ///< strong Wolfe
};

/// Each iteration, with the gradient g_k at the weights w_k and the last `history` pairs
/// s_i = w_(i+1) - w_i and y_i = g_(i+1) - g_i, those with s_i . y_i > 1e-10:
///   q = -g_k
///   from the newest pair to the oldest:  alpha_i = s_i . q / (s_i . y_i);  q = q - alpha_i y_i
///   q = (s . y) / (y . y) q              of the newest pair
///   from the oldest to the newest:  beta = y_i . q / (s_i . y_i);  q = q + (alpha_i - beta) s_i
///   w_(k+1) = w_k + t q
/// t satisfies the strong Wolfe conditions with c1 = 1e-4 and c2 = 0.9, found by bracketing and
/// cubic interpolation from t = learning_rate, in the first iteration from learning_rate min(1, 1 /
/// |g|_1).
///
/// **Source** Nocedal, Wright 2006, algorithms 7.4, 7.5 (method), 3.5, 3.6 (line search); constants
/// and stopping rules as in PyTorch. Deviations from PyTorch: the line search is on by default; a
/// point of the search where loss or slope are not finite counts as too high.
///
/// All parameters form one group, without decay: a penalty belongs into the loss. When a parameter
/// is frozen or released, the history starts anew. Afterwards the gradients are those of the last
/// evaluation, which need not be at the final weights.
///
/// State: `direction`, `previous_gradient`, the pairs `pair i/step`, `pair i/gradient_change`,
/// all flat.
template <class T>
class Lbfgs : public Optimizer<T> {
 public:
  using typename Optimizer<T>::LossFunction;

  explicit Lbfgs(const NamedTensors<T>& parameters, const LbfgsOptions& options = {});
  explicit Lbfgs(const std::vector<Tensor<T>>& parameters, const LbfgsOptions& options = {})
      : Lbfgs(named(parameters), options) {}

  /// Refused while compiling: options have names.
  template <class V>
  requires(std::is_arithmetic_v<V>) Lbfgs(const NamedTensors<T>& p, V rate)
      : Lbfgs(p, detail::named_options<LbfgsOptions>(rate)) {}
  template <class V>
  requires(std::is_arithmetic_v<V>) Lbfgs(const std::vector<Tensor<T>>& p, V rate)
      : Lbfgs(p, detail::named_options<LbfgsOptions>(rate)) {}

  /// Up to max_iterations iterations. Returns the loss before the first.
  /// **Throws** std::invalid_argument when loss or gradient are not finite at the start or where a
  /// step without line search leads, and what `loss` throws; the weights are then those from before
  /// the iteration. std::invalid_argument also when the loss has no minimum: when it is -inf further
  /// along the line, or falls so steeply that the next direction cannot be computed; the weights are
  /// then the last at which it was finite.
  double step(const LossFunction& loss) override;
  /// Throws std::logic_error: the loss is needed.
  void step() override;
  void minimize(const Tensor<T>&) override { step(); }  ///< likewise

  /// Evaluations of the loss so far.
  std::size_t evaluations() const { return static_cast<std::size_t>(evaluations_); }

 private:
  struct Run;
  using typename Optimizer<T>::Slot;
  void update(Slot&) override {}
  void visit_numbers(const typename Optimizer<T>::Visitor& visit) override;
  NamedTensors<T> state_tensors() const override;
  detail::StateShapes expected_tensors(const StateNumbers& numbers) const override;
  void restore_tensors(const detail::StateTensors<T>& tensors) override;

  struct Pair {
    Tensor<T> step, gradient_change;
    double product;  // of the two
  };
  void forget();
  void remember(const Tensor<T>& gradient);
  Tensor<T> direction(const Tensor<T>& gradient) const;

  LbfgsOptions options_;
  double iterations_ = 0, evaluations_ = 0;
  double size_ = 0;  // weights that are not frozen
  double step_length_ = 0, pair_count_ = 0;
  Tensor<T> direction_, previous_gradient_;
  std::vector<Pair> pairs_;  // oldest first
};

}  // namespace xgrad
