#pragma once

// NewtonCg: Newton's method with exact curvature and without the Hessian matrix, for losses without
// noise (full batches) whose operations can be differentiated twice.

#include <cstddef>

#include "xgrad/optimizers/flat.hpp"
#include "xgrad/optimizers/optimizer.hpp"

namespace xgrad {

struct NewtonCgOptions {
  double learning_rate = 1;  ///< first step length tried; 1 is Newton's
  [[no_unique_address]] detail::LearningRateIsItsName lr = {};  ///< refused: it is learning_rate
  std::size_t max_iterations = 1;                               ///< Newton iterations in one step()
  std::size_t max_cg_iterations = 0;  ///< products H d in each; 0: twice the number of weights
  double tolerance_gradient = 1e-8;   ///< stops when no |g| is larger
  double forcing = 0.03;              ///< in (0, 1]: see the rule; smaller solves more exactly
};

/// Each iteration, with the gradient g and the Hessian H at the weights w:
///   solve H p = -g by conjugate gradients from p = 0, until
///     |H p + g| <= min(forcing, sqrt |g|) |g|      truncated: the farther away, the less exactly
///     or d . H d <= 0 for a search direction d     negative curvature: p so far, or -g if none
///   t = learning_rate; halve it until  L(w + t p) <= L(w) + 1e-4 t g . p
///   w = w + t p
/// p always points downhill. H d is exact: the derivative of the gradient along d, by a second
/// backward pass through the recorded first one (`grad` with create_graph).
///
/// **Source** Nocedal, Wright 2006, algorithm 7.1, where forcing is 0.5 (which takes three times as
/// many iterations on Rosenbrock's function); Dembo, Eisenstat, Steihaug 1982 (truncation).
///
/// All parameters form one group, without decay: a penalty belongs into the loss. Gradients of
/// the parameters are neither used nor changed. When no t down to 2^-30 lowers the loss, the
/// weights stay.
template <class T>
class NewtonCg : public Optimizer<T> {
 public:
  using typename Optimizer<T>::LossFunction;

  explicit NewtonCg(const NamedTensors<T>& parameters, const NewtonCgOptions& options = {});
  explicit NewtonCg(const std::vector<Tensor<T>>& parameters, const NewtonCgOptions& options = {})
      : NewtonCg(named(parameters), options) {}

  /// Refused while compiling: options have names.
  template <class V>
  requires(std::is_arithmetic_v<V>) NewtonCg(const NamedTensors<T>& p, V rate)
      : NewtonCg(p, detail::named_options<NewtonCgOptions>(rate)) {}
  template <class V>
  requires(std::is_arithmetic_v<V>) NewtonCg(const std::vector<Tensor<T>>& p, V rate)
      : NewtonCg(p, detail::named_options<NewtonCgOptions>(rate)) {}

  /// Up to max_iterations iterations. Returns the loss before the first.
  /// **Throws** std::invalid_argument when loss or gradient are not finite at the start, and what
  /// `loss` throws, and when the loss is -inf along the line and no step was found that is short
  /// enough; the weights are then those from before the iteration.
  double step(const LossFunction& loss) override;
  /// Throws std::logic_error: the loss is needed.
  void step() override;
  void minimize(const Tensor<T>&) override { step(); }  ///< likewise

  std::size_t hessian_products() const { return products_; }      ///< H d so far
  std::size_t negative_curvatures() const { return negatives_; }  ///< iterations that met it so far

 private:
  using typename Optimizer<T>::Slot;
  struct Point {
    double loss;
    std::vector<Tensor<T>> parts;  // the gradient, recorded
    Tensor<T> gradient;            // and flat
  };
  void update(Slot&) override {}
  Point evaluate(const LossFunction& loss, const detail::FlatView<T>& weights) const;
  Tensor<T> hessian_product(const Point& p, const detail::FlatView<T>& weights, const Tensor<T>& d);
  Tensor<T> direction(const Point& p, const detail::FlatView<T>& weights);
  bool descend(const Point& p, const Tensor<T>& direction, const LossFunction& loss,
               detail::FlatView<T>& weights) const;

  NewtonCgOptions options_;
  std::size_t products_ = 0, negatives_ = 0;
};

}  // namespace xgrad
