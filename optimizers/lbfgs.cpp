#include "xgrad/optimizers/lbfgs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "xgrad/autograd/place.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/optimizers/flat.hpp"
#include "xgrad/optimizers/line_search.hpp"

namespace xgrad {
namespace {

void check(const LbfgsOptions& o) {
  detail::require_in("Lbfgs", "learning_rate", o.learning_rate, "(0, inf)");
  detail::require_in("Lbfgs", "tolerance_gradient", o.tolerance_gradient, "[0, inf)");
  detail::require_in("Lbfgs", "tolerance_change", o.tolerance_change, "[0, inf)");
  detail::require_in("Lbfgs", "max_iterations", o.max_iterations, "[1, inf)");
  detail::require_in("Lbfgs", "history", o.history, "[1, inf)");
}

std::string pair_name(std::size_t i) { return "pair " + detail::text(i) + "/"; }

}  // namespace

template <class T>
Lbfgs<T>::Lbfgs(const NamedTensors<T>& parameters, const LbfgsOptions& options)
    : Optimizer<T>("Lbfgs"), options_(options) {
  check(options);
  if (options_.max_evaluations == 0) options_.max_evaluations = options_.max_iterations * 5 / 4;
  this->add_slots(parameters, {options.learning_rate, 0, {}});
}

template <class T>
void Lbfgs<T>::step() {
  detail::fail<std::logic_error>("Lbfgs", "step() needs the loss: call step([&] { return loss; })");
}

template <class T>
void Lbfgs<T>::forget() {
  iterations_ = 0;
  direction_ = previous_gradient_ = {};
  pairs_.clear();
}

// The pair that the last step and the change of the gradient make, if it shows positive curvature
// and is of use.
template <class T>
void Lbfgs<T>::remember(const Tensor<T>& gradient) {
  Pair p{direction_.clone(), gradient.clone(), 0};
  detail::scale(p.step, step_length_);
  detail::add_scaled(p.gradient_change, -1, previous_gradient_);
  p.product = detail::dot(p.gradient_change, p.step);
  if (!(p.product > 1e-10)) return;
  if (!std::isfinite(p.product / detail::dot(p.gradient_change, p.gradient_change))) return;
  if (pairs_.size() == options_.history) pairs_.erase(pairs_.begin());
  pairs_.push_back(std::move(p));
}

template <class T>
Tensor<T> Lbfgs<T>::direction(const Tensor<T>& gradient) const {
  Tensor<T> q = gradient.clone();
  detail::scale(q, -1);
  if (pairs_.empty()) return q;
  std::vector<double> alpha(pairs_.size());
  for (std::size_t i = pairs_.size(); i-- > 0;) {
    alpha[i] = detail::dot(pairs_[i].step, q) / pairs_[i].product;
    detail::add_scaled(q, -alpha[i], pairs_[i].gradient_change);
  }
  const Pair& newest = pairs_.back();
  detail::scale(q, newest.product / detail::dot(newest.gradient_change, newest.gradient_change));
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    const double beta = detail::dot(pairs_[i].gradient_change, q) / pairs_[i].product;
    detail::add_scaled(q, alpha[i] - beta, pairs_[i].step);
  }
  return q;
}

// One call of step().
template <class T>
struct Lbfgs<T>::Run {
  using Point = detail::LinePoint<T>;

  Lbfgs& self;
  const LossFunction& loss;
  detail::FlatView<T> weights;
  Tensor<T> x, d;  // the weights an iteration starts from and its direction
  int evaluations = 0;
  bool bottomless = false;  // a loss of -inf was met

  // Loss and gradient at the current weights.
  Point evaluate() {
    self.zero_grad();
    const Tensor<T> value = loss();
    value.backward();
    return {0, static_cast<double>(value.item()), 0, weights.gradients()};
  }

  Point evaluate_at(double step) {
    weights.move(x, step, d);
    Point p = evaluate();
    p.step = step;
    p.slope = detail::dot(p.gradient, d);
    bottomless = bottomless || p.value == -std::numeric_limits<double>::infinity();
    return p;
  }

  void check_start(const Point& p) const {
    if (!std::isfinite(p.value)) {
      detail::fail("Lbfgs", "the loss is ", p.value);
    }
    self.check_gradients({.nan = true, .missing = self.checks().missing});
  }

  [[noreturn]] static void refuse(const char* what, const Point& p) {
    detail::fail("Lbfgs", what, ": loss ", p.value, ", largest gradient ",
                 detail::largest_magnitude(p.gradient));
  }

  bool is_optimal(const Point& p) const {
    return detail::largest_magnitude(p.gradient) <= self.options_.tolerance_gradient;
  }

  double first_step(const Point& p) const {
    const double rate = self.learning_rate();
    if (self.iterations_ > 1) return rate;
    double size = 0;
    for (std::size_t i = 0; i < p.gradient.size(); ++i) size += std::abs(p.gradient.data()[i]);
    return std::min(1.0, 1 / size) * rate;
  }

  // The point the iteration goes to; `last`: nobody will ask for its gradient.
  Point advance(Point start, double step, bool last) {
    if (self.options_.line_search) {
      const detail::WolfeOptions options{.smallest_move = self.options_.tolerance_change};
      start.step = 0;
      Point p = detail::strong_wolfe<T>([&](double t) { return evaluate_at(t); }, start, step,
                                        detail::largest_magnitude(d), options, evaluations);
      weights.move(x, p.step, d);
      return p;
    }
    if (last) {
      weights.move(x, step, d);
      start.step = step;
      return start;
    }
    ++evaluations;
    Point p = evaluate_at(step);
    if (!std::isfinite(p.value) || !std::isfinite(p.slope)) refuse("the step leads too far", p);
    return p;
  }

  // One iteration from `p`, which becomes the next point. False when it was the last one.
  bool iterate(Point& p, std::size_t iteration) {
    self.iterations_ += 1;
    if (self.iterations_ > 1) self.remember(p.gradient);
    d = self.direction_ = self.direction(p.gradient);
    self.previous_gradient_ = p.gradient;
    const double step = self.step_length_ = first_step(p), before = p.value;
    const double slope = p.slope = detail::dot(p.gradient, d);
    if (p.slope > -self.options_.tolerance_change) return false;
    if (!std::isfinite(p.slope) || !std::isfinite(detail::largest_magnitude(d))) {
      self.forget();
      refuse("the loss falls too steeply for a next step; the weights stay", p);
    }
    x = weights.values();
    try {
      p = advance(p, step, iteration == self.options_.max_iterations);
    } catch (...) {
      weights.assign(x);
      throw;
    }
    self.step_length_ = p.step;
    if (bottomless && p.slope < detail::WolfeOptions().curvature * slope) {
      refuse("the loss has no minimum, it falls to -inf; the weights are the last before that", p);
    }
    return !is_done(p, before, iteration);
  }

  bool is_done(const Point& p, double before, std::size_t iteration) const {
    const LbfgsOptions& o = self.options_;
    return iteration == o.max_iterations ||
           static_cast<std::size_t>(evaluations) >= o.max_evaluations || is_optimal(p) ||
           detail::largest_magnitude(d) * p.step <= o.tolerance_change ||
           std::abs(p.value - before) < o.tolerance_change;
  }

  double operator()() {
    Point p = evaluate();
    check_start(p);
    const double first = p.value;
    evaluations = 1;
    if (!is_optimal(p)) {
      for (std::size_t i = 1; iterate(p, i); ++i) {
      }
    }
    self.evaluations_ += evaluations;
    return first;
  }
};

template <class T>
double Lbfgs<T>::step(const LossFunction& loss) {
  detail::require_kept(this->type_name(), this->slots());
  Run run{*this, loss, detail::FlatView<T>(detail::free_tensors(this->slots())), {}, {}};
  const auto size = static_cast<double>(run.weights.size());
  if (size != size_) forget();
  size_ = size;
  return run();
}

template <class T>
void Lbfgs<T>::visit_numbers(const typename Optimizer<T>::Visitor& visit) {
  Optimizer<T>::visit_numbers(visit);
  pair_count_ = static_cast<double>(pairs_.size());
  visit("evaluations", evaluations_);
  visit("iterations", iterations_);
  visit("pairs", pair_count_);
  visit("size", size_);
  visit("step_length", step_length_);
}

template <class T>
NamedTensors<T> Lbfgs<T>::state_tensors() const {
  if (iterations_ == 0) return {};
  NamedTensors<T> r{{"direction", direction_}, {"previous_gradient", previous_gradient_}};
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    r.push_back({pair_name(i) + "step", pairs_[i].step});
    r.push_back({pair_name(i) + "gradient_change", pairs_[i].gradient_change});
  }
  return r;
}

template <class T>
detail::StateShapes Lbfgs<T>::expected_tensors(const StateNumbers& numbers) const {
  const auto count = [&](const char* name) {
    const auto it = numbers.find(name);
    return it == numbers.end() ? std::size_t{0} : static_cast<std::size_t>(it->second);
  };
  if (count("iterations") == 0) return {};
  const Shape shape{count("size")};
  detail::StateShapes r{{"direction", shape}, {"previous_gradient", shape}};
  for (std::size_t i = 0; i < count("pairs"); ++i) {
    r.emplace(pair_name(i) + "step", shape);
    r.emplace(pair_name(i) + "gradient_change", shape);
  }
  return r;
}

template <class T>
void Lbfgs<T>::restore_tensors(const detail::StateTensors<T>& tensors) {
  const double iterations = iterations_;
  forget();
  iterations_ = iterations;
  if (iterations_ == 0) return;
  direction_ = tensors.at("direction");
  previous_gradient_ = tensors.at("previous_gradient");
  for (std::size_t i = 0; i < static_cast<std::size_t>(pair_count_); ++i) {
    Pair p{tensors.at(pair_name(i) + "step"), tensors.at(pair_name(i) + "gradient_change"), 0};
    p.product = detail::dot(p.gradient_change, p.step);
    pairs_.push_back(std::move(p));
  }
}

template class Lbfgs<float>;
template class Lbfgs<double>;

}  // namespace xgrad
