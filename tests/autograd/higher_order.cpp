// Derivatives of derivatives, against closed forms.

#include <cmath>
#include <functional>

#include "tests/autograd/helpers.hpp"
#include "xgrad/autograd/pass.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/map.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad::test {
namespace {

D derivative(const D& y, const D& x) { return grad(y, x, {.create_graph = true}); }

// f, f', f'' and f''' at x.
void check_orders(const std::function<D(const D&)>& f, double x,
                  const std::vector<double>& expected) {
  const D p = parameter(D(x));
  D y = f(p);
  for (const double v : expected) {
    is_about(y, v);
    if (y.requires_grad()) y = derivative(y, p);
  }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(higher_order, NothingLeft)

BOOST_AUTO_TEST_CASE(third_derivatives) {
  const double x = 0.7, e = std::exp(x), s = std::sin(x), c = std::cos(x), t = std::tanh(x),
               u = 1 - t * t;
  check_orders([](const D& a) { return a * a * a * a * a; }, x,
               {std::pow(x, 5), 5 * std::pow(x, 4), 20 * std::pow(x, 3), 60 * x * x});
  check_orders([](const D& a) { return exp(a); }, x, {e, e, e, e});
  check_orders([](const D& a) { return exp(a * a); }, x,
               {std::exp(x * x), 2 * x * std::exp(x * x), (2 + 4 * x * x) * std::exp(x * x),
                (12 * x + 8 * x * x * x) * std::exp(x * x)});
  check_orders([](const D& a) { return sin(a); }, x, {s, c, -s, -c});
  check_orders([](const D& a) { return log(a); }, x,
               {std::log(x), 1 / x, -1 / (x * x), 2 / (x * x * x)});
  check_orders([](const D& a) { return 1.0 / a; }, x,
               {1 / x, -1 / (x * x), 2 / (x * x * x), -6 / (x * x * x * x)});
  check_orders([](const D& a) { return tanh(a); }, x, {t, u, -2 * t * u, (6 * t * t - 2) * u});
  check_orders(
      [](const D& a) { return sqrt(a); }, x,
      {std::sqrt(x), 0.5 / std::sqrt(x), -0.25 * std::pow(x, -1.5), 0.375 * std::pow(x, -2.5)});
}

BOOST_AUTO_TEST_CASE(third_derivative_of_a_formula) {
  const auto cube = [](auto a, auto b) { return a * a * a * b; };
  check_orders([&](const D& a) { return map(cube, a, D(2.0)); }, 0.7,
               {2 * std::pow(0.7, 3), 6 * 0.7 * 0.7, 12 * 0.7, 12});
}

// A constant is differentiable: 0, of every order, and undefined for those who ask for that.
BOOST_AUTO_TEST_CASE(derivatives_that_are_constant) {
  const D x = leaf({1, 2}), w = leaf({3, 4});
  const D g = derivative(sum(3.0 * x), x);
  is(g, {3, 3});
  is(grad(sum(g), x), {0, 0});
  is(grad(sum(g * g), x, {.create_graph = true}), {0, 0});
  is(derivative(sum(derivative(sum(g), x)), x), {0, 0});
  BOOST_TEST(!grad(sum(g), x, {.allow_unused = true}).defined());
  is(grad({derivative(sum(x), x)}, {x}, {}, {D::from({2}, {1, 1})})[0], {0, 0});
  sum(g).backward();
  BOOST_TEST(!x.has_grad());
  const D by_x = derivative(sum(w * x), x);  // w, which does not depend on x
  is(grad(sum(by_x), x, {.retain_graph = true}), {0, 0});
  BOOST_TEST(!grad(sum(by_x), x, {.retain_graph = true, .allow_unused = true}).defined());
  is(grad(sum(by_x), w), {1, 1});
}

BOOST_AUTO_TEST_CASE(seventh_derivative) {
  const D x = parameter(D(1.5));
  D y = pow(x, 7.0);
  for (int i = 0; i < 7; ++i) y = derivative(y, x);
  is_about(y, 5040);
}

BOOST_AUTO_TEST_CASE(mixed_partials) {
  const D x = parameter(D(2.0)), y = parameter(D(3.0)), f = x * x * y * y * y;
  is_about(derivative(derivative(f, x), y), 6 * 2 * 9);
  is_about(derivative(derivative(f, y), x), 6 * 2 * 9);
  is_about(derivative(derivative(derivative(f, y), x), y), 12 * 2 * 3);
}

BOOST_AUTO_TEST_CASE(gradient_penalty) {
  const D x = leaf({1, 2}), w = leaf({3, 4});
  const D g = grad(sum(w * x * x), x, {.create_graph = true});  // 2 w x
  sum(g * g).backward();
  is(w.gradient(), {8 * 3, 8 * 4 * 4});
  is(x.gradient(), {8 * 9, 8 * 16 * 2});
}

BOOST_AUTO_TEST_CASE(backward_records_itself_when_asked) {
  D x = leaf({1, 2});
  sum(x * x * x).backward({.create_graph = true});
  const D g = x.gradient();
  is(g, {3, 12});
  x.zero_grad();
  sum(g).backward();
  is(x.gradient(), {6, 12});
}

BOOST_AUTO_TEST_CASE(without_create_graph_the_result_is_a_constant) {
  const D x = leaf({1});
  BOOST_TEST(!grad(sum(x * x), x).requires_grad());
}

BOOST_AUTO_TEST_CASE(create_graph_retains) {
  const D x = leaf({2}), y = sum(x * x * x);
  is(derivative(y, x), {12});
  is(derivative(y, x), {12});
  y.backward();
  is(x.gradient(), {12});
}

// The walk inside a recorded rule ends at the operation's own inputs, also at one whose gradient is
// not wanted.
BOOST_AUTO_TEST_CASE(unwanted_branches_are_not_walked) {
  const D x = leaf({1, 2}), w = leaf({3, 4}), u = tanh(w);
  const D y = sum(map([](auto a, auto b) { return a * a * b; }, x, u));
  grad(y, x, {.create_graph = true});
  BOOST_TEST(detail::pass_number(u.node()) == detail::pass_number(y.node()));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
