#include "xgrad/optimizers/newton_cg.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/place.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

void check(const NewtonCgOptions& o) {
  detail::require_in("NewtonCg", "learning_rate", o.learning_rate, "(0, inf)");
  detail::require_in("NewtonCg", "tolerance_gradient", o.tolerance_gradient, "[0, inf)");
  detail::require_in("NewtonCg", "max_iterations", o.max_iterations, "[1, inf)");
  detail::require_in("NewtonCg", "forcing", o.forcing, "(0, 1]");
}

}  // namespace

template <class T>
NewtonCg<T>::NewtonCg(const NamedTensors<T>& parameters, const NewtonCgOptions& options)
    : Optimizer<T>("NewtonCg"), options_(options) {
  check(options);
  this->add_slots(parameters, {options.learning_rate, 0, {}});
}

template <class T>
void NewtonCg<T>::step() {
  detail::fail<std::logic_error>("NewtonCg",
                                 "step() needs the loss: call step([&] { return loss; })");
}

template <class T>
auto NewtonCg<T>::evaluate(const LossFunction& loss, const detail::FlatView<T>& weights) const
    -> Point {
  const Tensor<T> value = loss();
  Point p{static_cast<double>(value.item()),
          grad(std::vector{value}, weights.tensors(), {.create_graph = true, .allow_unused = true}),
          {}};
  p.gradient = weights.join(p.parts);
  const double largest = detail::largest_magnitude(p.gradient);
  if (!std::isfinite(p.loss) || !std::isfinite(largest)) {
    detail::fail("NewtonCg", "not finite: loss ", p.loss, ", largest gradient ", largest);
  }
  return p;
}

template <class T>
Tensor<T> NewtonCg<T>::hessian_product(const Point& p, const detail::FlatView<T>& weights,
                                       const Tensor<T>& d) {
  ++products_;
  std::vector<Tensor<T>> outputs, seeds;
  const std::vector<Tensor<T>> along = weights.split(d);
  for (std::size_t i = 0; i < along.size(); ++i) {
    if (!p.parts[i].requires_grad()) continue;  // no second derivative
    outputs.push_back(p.parts[i]);
    seeds.push_back(along[i]);
  }
  if (outputs.empty()) return Tensor<T>::filled(d.shape(), T(0));
  return weights.join(
      grad(outputs, weights.tensors(), {.retain_graph = true, .allow_unused = true}, seeds));
}

template <class T>
Tensor<T> NewtonCg<T>::direction(const Point& p, const detail::FlatView<T>& weights) {
  Tensor<T> residual = p.gradient.clone(), d = p.gradient.clone();
  detail::scale(d, -1);
  Tensor<T> solution = Tensor<T>::filled(d.shape(), T(0));
  double square = detail::dot(residual, residual);
  const double size = std::sqrt(square);
  const double enough = std::min(options_.forcing, std::sqrt(size)) * size;
  const std::size_t most =
      options_.max_cg_iterations > 0 ? options_.max_cg_iterations : 2 * weights.size();
  for (std::size_t i = 0; i < most; ++i) {
    const Tensor<T> hd = hessian_product(p, weights, d);
    const double curvature = detail::dot(d, hd);
    if (!(curvature > 0)) {
      ++negatives_;
      return i == 0 ? d : solution;
    }
    const double alpha = square / curvature;
    detail::add_scaled(solution, alpha, d);
    detail::add_scaled(residual, alpha, hd);
    const double next = detail::dot(residual, residual);
    if (std::sqrt(next) <= enough) break;
    detail::scale(d, next / square);
    detail::add_scaled(d, -1, residual);
    square = next;
  }
  return solution;
}

template <class T>
bool NewtonCg<T>::descend(const Point& p, const Tensor<T>& direction, const LossFunction& loss,
                          detail::FlatView<T>& weights) const {
  const NoGrad guard;
  const Tensor<T> x = weights.values();
  const double slope = detail::dot(p.gradient, direction);
  double t = this->learning_rate();
  bool bottomless = false;
  try {
    for (int halvings = 0; halvings <= 30; ++halvings, t /= 2) {
      weights.move(x, t, direction);
      const auto value = static_cast<double>(loss().item());
      const bool finite = std::isfinite(value);
      if (finite && value <= p.loss + 1e-4 * t * slope) return true;
      bottomless = bottomless || (!finite && value < 0);
    }
  } catch (...) {
    weights.assign(x);
    throw;
  }
  weights.assign(x);
  if (bottomless) {
    detail::fail("NewtonCg", "the loss has no minimum, it falls to -inf: loss ", p.loss,
                 " at the weights, which stay");
  }
  return false;
}

template <class T>
double NewtonCg<T>::step(const LossFunction& loss) {
  detail::require_kept(this->type_name(), this->slots());
  detail::FlatView<T> weights(detail::free_tensors(this->slots()));
  if (weights.tensors().empty()) return static_cast<double>(loss().item());
  double first = 0;
  for (std::size_t i = 0; i < options_.max_iterations; ++i) {
    const Point p = evaluate(loss, weights);
    if (i == 0) first = p.loss;
    if (detail::largest_magnitude(p.gradient) <= options_.tolerance_gradient) break;
    if (!descend(p, direction(p, weights), loss, weights)) break;
  }
  return first;
}

template class NewtonCg<float>;
template class NewtonCg<double>;

}  // namespace xgrad
