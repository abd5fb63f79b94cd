// L-BFGS and Newton-CG: what is theirs alone.

#include <boost/test/unit_test.hpp>

#include "tests/optimizers/problems.hpp"
#include "xgrad/autograd/derivatives.hpp"
#include "xgrad/optimizers/lbfgs.hpp"
#include "xgrad/optimizers/line_search.hpp"
#include "xgrad/optimizers/newton_cg.hpp"

namespace xgrad::test {
namespace {

using T = double;
using detail::LinePoint;

// f on the line, as the line search sees it.
template <class F, class D>
LinePoint<T> search(const F& f, const D& slope, double first, int& evaluations,
                    const detail::WolfeOptions& options = {}) {
  const std::function<LinePoint<T>(double)> at = [&](double t) {
    return LinePoint<T>{t, f(t), slope(t), {}};
  };
  return detail::strong_wolfe<T>(at, at(0), first, 1, options, evaluations);
}

template <class F, class D>
void check_wolfe(const F& f, const D& slope) {
  for (const double first : {1e-3, 0.1, 1.0, 7.0, 100.0}) {
    BOOST_TEST_CONTEXT("first step " << first) {
      int evaluations = 0;
      const LinePoint<T> p = search(f, slope, first, evaluations);
      BOOST_TEST(p.value <= f(0) + 1e-4 * p.step * slope(0));
      BOOST_TEST(std::abs(p.slope) <= 0.9 * std::abs(slope(0)));
      BOOST_TEST(evaluations <= 26);
    }
  }
}

BOOST_AUTO_TEST_SUITE(second_order)

BOOST_AUTO_TEST_CASE(strong_wolfe_conditions_hold) {
  check_wolfe([](double t) { return (t - 3) * (t - 3); }, [](double t) { return 2 * (t - 3); });
  check_wolfe([](double t) { return std::exp(t) - 5 * t; },
              [](double t) { return std::exp(t) - 5; });
  check_wolfe([](double t) { return -t / (t * t + 2); },  // More, Thuente 1994, eq. 5.1
              [](double t) { return (t * t - 2) / std::pow(t * t + 2, 2); });
}

// The same steps after as many evaluations as PyTorch's search.
template <class F, class D>
void check_search(const char* name, const F& f, const D& slope) {
  static const auto all = read_references("optimizers_line_search");
  const std::vector<double>& expected = all.at(name);
  std::size_t i = 0;
  for (const double first : {1e-3, 0.1, 1.0, 7.0, 100.0}) {
    for (const auto& [c1, c2] : {std::pair{1e-4, 0.9}, {0.3, 0.35}, {1e-3, 1e-3}}) {
      BOOST_TEST_CONTEXT(name << " first step " << first << " c1 " << c1 << " c2 " << c2) {
        int evaluations = 0;
        const LinePoint<T> p =
            search(f, slope, first, evaluations,
                   {.sufficient_decrease = c1, .curvature = c2, .smallest_move = 1e-6});
        BOOST_TEST(p.step == expected.at(i), boost::test_tools::tolerance(1e-9));
        BOOST_TEST(evaluations == expected.at(i + 1));
      }
      i += 2;
    }
  }
  BOOST_TEST(i == expected.size());
}

BOOST_AUTO_TEST_CASE(line_search_is_pytorchs) {
  check_search(
      "parabola", [](double t) { return (t - 3) * (t - 3); }, [](double t) { return 2 * (t - 3); });
  check_search(
      "exponential", [](double t) { return std::exp(t) - 5 * t; },
      [](double t) { return std::exp(t) - 5; });
  check_search(
      "more", [](double t) { return -t / (t * t + 2); },
      [](double t) { return (t * t - 2) / std::pow(t * t + 2, 2); });
  check_search(
      "waves", [](double t) { return 0.1 * t * t - std::sin(3 * t); },
      [](double t) { return 0.2 * t - 3 * std::cos(3 * t); });
  check_search(
      "slope", [](double t) { return std::sqrt(1 + (t - 40) * (t - 40)); },
      [](double t) { return (t - 40) / std::sqrt(1 + (t - 40) * (t - 40)); });
}

// With a tight curvature condition the search has to zoom in on the minimum.
BOOST_AUTO_TEST_CASE(tight_curvature) {
  int evaluations = 0;
  const auto f = [](double t) { return std::cosh(t - 2); };
  const auto slope = [](double t) { return std::sinh(t - 2); };
  const LinePoint<T> p = search(f, slope, 0.1, evaluations, {.curvature = 1e-6});
  BOOST_TEST(std::abs(p.step - 2) < 1e-5);
}

// The smallest move is one of the weights: a long direction makes the bracket's ends far apart.
BOOST_AUTO_TEST_CASE(smallest_move_along_a_long_direction) {
  const std::function<LinePoint<T>(double)> at = [](double t) {
    return LinePoint<T>{t, std::cosh(t - 2), std::sinh(t - 2), {}};
  };
  const auto found = [&](double size) {
    int evaluations = 0;
    return detail::strong_wolfe<T>(at, at(0), 7, size, {.curvature = 1e-9, .smallest_move = 1e-3},
                                   evaluations)
        .step;
  };
  BOOST_TEST(std::abs(found(1e4) - 2) < 1e-6);
  BOOST_TEST(std::abs(found(1e-4) - 2) > 1e-6);
}

BOOST_AUTO_TEST_CASE(loss_that_is_not_finite_counts_as_too_high) {
  int evaluations = 0;
  const auto f = [](double t) { return -std::log(1 - t) - 3 * t; };  // NaN from 1 on
  const auto slope = [](double t) { return t < 1 ? 1 / (1 - t) - 3 : NAN; };
  const LinePoint<T> p = search(f, slope, 50, evaluations);
  BOOST_TEST(p.step < 1);
  BOOST_TEST(p.value < f(0));
}

BOOST_AUTO_TEST_CASE(cubic_minimum) {
  // t^3 - 3 t has its minimum at 1.
  const auto f = [](double t) { return t * t * t - 3 * t; };
  const auto d = [](double t) { return 3 * t * t - 3; };
  const auto between = [&](double a, double b, double low, double high) {
    return detail::cubic_minimum(a, f(a), d(a), b, f(b), d(b), low, high);
  };
  BOOST_TEST(between(0, 3, 0, 3) == 1, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(between(3, 0, 0, 3) == 1, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(between(0, 3, 1.5, 3) == 1.5);
  // -t^3 - t falls everywhere: the middle.
  BOOST_TEST(detail::cubic_minimum(0, 0, -1, 1, -2, -4, 0, 1) == 0.5);
}

// On a quadratic in n unknowns with exact curvature: one Newton iteration, at most n products.
BOOST_AUTO_TEST_CASE(newton_solves_a_quadratic_at_once) {
  const Problem<T> p = quadratic<T>(1e4);
  NewtonCg<T> optimizer(p.parameters, {.forcing = 1e-12});
  optimizer.step(p.loss);
  for (int i = 0; i < 6; ++i) {
    BOOST_TEST(p.weights()[static_cast<std::size_t>(i)] == std::cos(i) / std::pow(1e4, i / 5.0),
               boost::test_tools::tolerance(1e-8));
  }
  BOOST_TEST(optimizer.hessian_products() <= 8U);  // 6 in exact arithmetic
  BOOST_TEST(optimizer.negative_curvatures() == 0U);
}

// Newton's steps on a logistic regression: NumPy's, with the Hessian matrix solved exactly.
BOOST_AUTO_TEST_CASE(newton_follows_the_exact_method) {
  const std::vector<double>& expected = reference("newton logistic");
  const Problem<T> p = logistic<T>();
  NewtonCg<T> optimizer(p.parameters, {.tolerance_gradient = 0, .forcing = 1e-14});
  for (std::size_t step = 0; step < 4; ++step) {
    optimizer.step(p.loss);
    for (std::size_t i = 0; i < 4; ++i) {
      BOOST_TEST(std::abs(p.weights()[i] - expected[4 * step + i]) < 1e-12);
    }
  }
}

BOOST_AUTO_TEST_CASE(newton_converges_quadratically) {
  const Problem<T> p = rosenbrock<T>();
  NewtonCg<T> optimizer(p.parameters);
  int steps = 0;
  while (p.loss().item() > 1e-20 && steps < 40) {
    optimizer.step(p.loss);
    ++steps;
  }
  BOOST_TEST(steps < 30);
  const Problem<T> q = rosenbrock<T>();
  NewtonCg<T> several(q.parameters, {.max_iterations = 3});
  const T before = q.loss().item();
  BOOST_TEST(several.step(q.loss) == before);  // the loss before the first iteration
}

// At (1, 0.001) x^2 - y^2 + y^4 is all but a saddle: the way down is along negative curvature.
BOOST_AUTO_TEST_CASE(newton_leaves_a_saddle) {
  const Tensor<T> x = leaf<T>({1}, {1}), y = leaf<T>({1}, {1e-3});
  const auto loss = [&] { return sum(square(x) - square(y) + square(square(y))); };
  NewtonCg<T> optimizer({x, y}, {.max_iterations = 50});
  optimizer.step(loss);
  BOOST_TEST(optimizer.negative_curvatures() > 0U);
  BOOST_TEST(loss().item() == -0.25, boost::test_tools::tolerance(1e-10));
  BOOST_TEST(std::abs(y.item()) == std::sqrt(0.5), boost::test_tools::tolerance(1e-6));
}

// On a quadratic the gradient after a full step is what the conjugate gradients left: no more than
// min(forcing, sqrt |g|) |g|.
BOOST_AUTO_TEST_CASE(newton_solves_as_exactly_as_it_should) {
  for (const double scale : {1.0, 1e-8}) {
    const Problem<T> p = quadratic<T>(1e4);
    const auto loss = [&] { return scale * p.loss(); };
    const auto norm = [&] {
      const Tensor<T> w = p.parameters[0].tensor;
      const Tensor<T> g = grad(std::vector{loss()}, {w})[0];
      return std::sqrt(sum(square(g)).item());
    };
    NewtonCg<T> optimizer(p.parameters, {.tolerance_gradient = 0, .forcing = 0.9});
    const double before = norm();
    optimizer.step(loss);
    const double bound = std::min(0.9, std::sqrt(before));
    BOOST_TEST(norm() <= bound * before * (1 + 1e-10));
    BOOST_TEST(optimizer.hessian_products() < 6U);  // and no more exactly than that
  }
}

BOOST_AUTO_TEST_CASE(newton_makes_at_most_so_many_products) {
  for (const std::size_t most : {1U, 2U, 4U}) {
    const Problem<T> p = quadratic<T>(1e4);
    NewtonCg<T> optimizer(p.parameters, {.max_cg_iterations = most, .forcing = 1e-12});
    optimizer.step(p.loss);
    BOOST_TEST(optimizer.hessian_products() == most);
  }
  const Problem<T> p = quadratic<T>(1e4);
  NewtonCg<T> optimizer(p.parameters, {.forcing = 1e-300});
  optimizer.step(p.loss);
  BOOST_TEST(optimizer.hessian_products() <= 12U);  // twice the weights
}

// From w = 1 a step of length t along -1 takes t - t^2 / 2 off w^2 / 2, and must take 1e-4 t:
// 2 (1 - 1e-4) is the longest that may stay.
BOOST_AUTO_TEST_CASE(newton_asks_for_enough_of_a_decrease) {
  const auto after = [](double rate) {
    const Tensor<T> w = leaf<T>({1}, {1});
    NewtonCg<T> optimizer({w}, {.learning_rate = rate});
    optimizer.step([&] { return sum(0.5 * square(w)); });
    return w.item();
  };
  const double longest = 2 * (1 - 1e-4);
  BOOST_TEST(after(longest - 1e-5) == 1 - (longest - 1e-5), boost::test_tools::tolerance(1e-9));
  BOOST_TEST(after(longest + 1e-5) == 1 - (longest + 1e-5) / 2, boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(newton_gives_up_when_no_step_lowers_the_loss) {
  const Tensor<T> w = leaf<T>({1}, {1});
  NewtonCg<T> optimizer({w}, {.max_iterations = 5});
  int calls = 0;
  optimizer.step([&] { return sum(square(w)) + static_cast<double>(++calls); });
  BOOST_TEST(calls == 32);  // one, and thirty halvings
  BOOST_TEST(w.item() == 1.0);
}

BOOST_AUTO_TEST_CASE(newton_leaves_gradients_alone) {
  const Problem<T> p = quadratic<T>();
  NewtonCg<T> optimizer(p.parameters);
  optimizer.step(p.loss);
  BOOST_TEST(!p.parameters[0].tensor.has_grad());
}

BOOST_AUTO_TEST_CASE(linear_part_has_no_curvature) {
  const Tensor<T> x = leaf<T>({1}, {2}), y = leaf<T>({1}, {1}), unused = leaf<T>({1}, {7});
  NewtonCg<T> optimizer({x, y, unused});
  const auto loss = [&] { return sum(square(x) + 0.5 * y); };
  optimizer.step(loss);
  BOOST_TEST(loss().item() < 4.5);
  BOOST_TEST(unused.item() == 7.0);
}

BOOST_AUTO_TEST_CASE(frozen_parameters_stay) {
  const Problem<T> p = rosenbrock<T>(), q = rosenbrock<T>();
  Tensor<T> x = p.parameters[0].tensor, u = q.parameters[0].tensor;
  x.requires_grad_(false);
  u.requires_grad_(false);
  Lbfgs<T> lbfgs(p.parameters);
  NewtonCg<T> newton(q.parameters, {.max_iterations = 3});
  lbfgs.step(p.loss);
  newton.step(q.loss);
  for (const auto& w : {p.weights(), q.weights()}) {
    BOOST_TEST(w[0] == -1.2);
    BOOST_TEST(w[1] == 1.44, boost::test_tools::tolerance(1e-6));  // y = x^2
  }
  x.requires_grad_(true);  // the history begins anew with two parameters
  for (int t = 0; t < 5; ++t) lbfgs.step(p.loss);
  BOOST_TEST(p.loss().item() < 1e-10);
}

BOOST_AUTO_TEST_CASE(lbfgs_beats_descent_on_a_ravine) {
  const Problem<T> p = quadratic<T>(1e4);
  Lbfgs<T> optimizer(p.parameters,
                     {.max_iterations = 50, .max_evaluations = 100, .tolerance_change = 1e-15});
  optimizer.step(p.loss);
  BOOST_TEST(optimizer.evaluations() < 60U);
  for (int i = 0; i < 6; ++i) {
    const double w = std::cos(i) / std::pow(1e4, i / 5.0);
    BOOST_TEST(std::abs(p.weights()[static_cast<std::size_t>(i)] - w) < 1e-6);
  }
}

BOOST_AUTO_TEST_CASE(optimum_stays) {
  const Tensor<T> x = leaf<T>({1}, {3});
  Lbfgs<T> lbfgs({x});
  NewtonCg<T> newton({x});
  const auto loss = [&] { return sum(square(x - 3.0)); };
  lbfgs.step(loss);
  newton.step(loss);
  BOOST_TEST(x.item() == 3.0);
  BOOST_TEST(lbfgs.evaluations() == 1U);
}

BOOST_AUTO_TEST_CASE(step_needs_the_loss) {
  const Tensor<T> x = leaf<T>({1}, {3});
  Lbfgs<T> lbfgs({x});
  NewtonCg<T> newton({x});
  BOOST_TEST(message_of<std::logic_error>([&] { lbfgs.step(); }) ==
             "Lbfgs: step() needs the loss: call step([&] { return loss; })");
  BOOST_TEST(message_of<std::logic_error>([&] { newton.step(); }) ==
             "NewtonCg: step() needs the loss: call step([&] { return loss; })");
}

BOOST_AUTO_TEST_CASE(start_that_is_not_finite) {
  const Tensor<T> x = leaf<T>({1}, {-1});
  Lbfgs<T> lbfgs({{"x", x}});
  NewtonCg<T> newton({{"x", x}});
  const auto bad_loss = [&] { return sum(log(x)); };
  const auto bad_gradient = [&] { return sum(sqrt(x + 1.0)); };
  BOOST_TEST(message_of<std::invalid_argument>([&] { lbfgs.step(bad_loss); }) ==
             "Lbfgs: the loss is nan");
  BOOST_TEST(message_of<std::invalid_argument>([&] { lbfgs.step(bad_gradient); }) ==
             "Lbfgs: gradient not finite: x (1) (1 of 1 numbers, first inf at (0))");
  BOOST_TEST(message_of<std::invalid_argument>([&] { newton.step(bad_gradient); }) ==
             "NewtonCg: not finite: loss 0, largest gradient inf");
  BOOST_TEST(x.item() == -1.0);
}

// A loss that throws in the middle of a search leaves the weights of before the iteration.
BOOST_AUTO_TEST_CASE(loss_that_throws) {
  for (int allowed = 1; allowed < 4; ++allowed) {
    const Problem<T> p = rosenbrock<T>(), q = rosenbrock<T>();
    int calls = 0;
    const auto fails = [&](const Problem<T>& problem) {
      return [&calls, &problem, allowed] {
        if (++calls > allowed) throw std::runtime_error("out of data");
        return problem.loss();
      };
    };
    Lbfgs<T> lbfgs(p.parameters, {.max_iterations = 1, .max_evaluations = 10});
    NewtonCg<T> newton(q.parameters);
    if (allowed == 1) {
      BOOST_CHECK_THROW(lbfgs.step(fails(p)), std::runtime_error);
      BOOST_TEST((p.weights() == std::vector<T>{-1.2, 1.0}));
    }
    calls = 0;
    if (allowed == 1) {
      BOOST_CHECK_THROW(newton.step(fails(q)), std::runtime_error);
      BOOST_TEST((q.weights() == std::vector<T>{-1.2, 1.0}));
    }
  }
}

BOOST_AUTO_TEST_CASE(learning_rate_is_the_first_step_tried) {
  const Problem<T> p = quadratic<T>(), q = quadratic<T>();
  Lbfgs<T> a(p.parameters, {.learning_rate = 0.01, .max_iterations = 1, .line_search = false});
  Lbfgs<T> b(q.parameters, {.learning_rate = 0.02, .max_iterations = 1, .line_search = false});
  b.set_learning_rate(0.01);
  a.step(p.loss);
  b.step(q.loss);
  BOOST_TEST(p.weights() == q.weights());
}

// Losses without a minimum, each falling to -inf by steps that grow: an error, and weights at which
// the loss is finite.
template <class T, class O, class Options>
void check_bottomless(const Options& options) {
  Tensor<T> p = Tensor<T>::filled({2}, T(0)).requires_grad_();
  O optimizer(std::vector{p}, options);
  const auto loss = [&] { return -sum(exp(p)); };
  std::string message;
  for (int i = 0; i < 50 && message.empty(); ++i) {
    message = message_of<std::invalid_argument>([&] { optimizer.step(loss); });
  }
  BOOST_TEST(!message.empty());
  BOOST_TEST(std::isfinite(loss().item()));
  BOOST_TEST(loss().item() <= T(-2));
}

BOOST_AUTO_TEST_CASE(loss_without_a_minimum) {
  check_bottomless<double, Lbfgs<double>>(LbfgsOptions{});
  check_bottomless<float, Lbfgs<float>>(LbfgsOptions{});
  check_bottomless<double, Lbfgs<double>>(LbfgsOptions{.line_search = false});
  check_bottomless<double, NewtonCg<double>>(NewtonCgOptions{});
  check_bottomless<float, NewtonCg<float>>(NewtonCgOptions{});
}

BOOST_AUTO_TEST_CASE(line_search_never_ends_at_infinity) {
  int evaluations = 0;
  const auto f = [](double t) { return t < 30 ? -t : -INFINITY; };
  const auto slope = [](double t) { return t < 30 ? -1.0 : NAN; };
  for (const double first : {0.1, 1.0, 100.0}) {
    const LinePoint<T> p = search(f, slope, first, evaluations);
    BOOST_TEST(p.step < 30);
    BOOST_TEST(p.step > 0);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xgrad::test
