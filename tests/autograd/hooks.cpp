#include <cmath>
#include <functional>

#include "tests/autograd/helpers.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad::test {
namespace {

// A hook that replaces nothing.
auto look(const std::function<void(const D&)>& f) {
  return [f](const D& g) {
    f(g);
    return D();
  };
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(hooks, NothingLeft)

BOOST_AUTO_TEST_CASE(see_the_finished_gradient_once) {
  D x = leaf({1, 2});
  int calls = 0;
  x.register_hook(look([&](const D& g) {
    ++calls;
    is(g, {2 + 3, 4 + 3});
  }));
  sum(x * x + 3.0 * x).backward();
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(run_in_the_order_of_registration) {
  D x = leaf({1});
  std::string order;
  x.register_hook([&](const D& g) {
    order += "a";
    return 10.0 * g;
  });
  x.register_hook([&](const D& g) {
    order += "b";
    return g + 1.0;
  });
  sum(x).backward();
  BOOST_TEST(order == "ab");
  is(x.gradient(), {11});
}

BOOST_AUTO_TEST_CASE(interior_replacement_is_passed_on) {
  const D x = leaf({1, 2});
  D y = x * x;
  y.retain_grad();
  y.register_hook([](const D& g) { return 100.0 * g; });
  sum(y).backward();
  is(y.gradient(), {100, 100});
  is(x.gradient(), {200, 400});
}

BOOST_AUTO_TEST_CASE(leaf_replacement_is_accumulated) {
  D x = leaf({1, 2});
  x.register_hook([](const D& g) { return -g; });
  sum(x).backward();
  sum(x).backward();
  is(x.gradient(), {-2, -2});
}

// The replacement is copied: the gradient belongs to the tensor.
BOOST_AUTO_TEST_CASE(replacement_that_somebody_keeps) {
  D x = leaf({1});
  const D kept = D::from({1}, {5});
  x.register_hook([&](const D&) { return kept; });
  sum(x).backward();
  x.gradient().mutable_value() *= 2.0;
  is(kept, {5});
}

BOOST_AUTO_TEST_CASE(replacement_of_another_shape) {
  D x = leaf({1, 2});
  const auto id = x.register_hook([](const D&) { return D(1.0); });
  const D y = sum(x * x);
  check_failure<std::invalid_argument>(
      [&] { y.backward({.retain_graph = true}); },
      "backward: a gradient hook returned shape () for a tensor of shape (2)");
  BOOST_TEST(!x.has_grad());
  x.remove_hook(id);
  y.backward();
  is(x.gradient(), {2, 4});
}

BOOST_AUTO_TEST_CASE(removal) {
  D x = leaf({1});
  int calls = 0;
  const auto count = look([&](const D&) { ++calls; });
  const auto first = x.register_hook(count);
  x.register_hook(count);
  x.remove_hook(first);
  x.remove_hook(first);
  x.remove_hook(99);
  sum(x).backward();
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(removal_inside_the_hook) {
  D x = leaf({1});
  int calls = 0;
  std::size_t id = 0;
  id = x.register_hook(look([&](const D&) {
    ++calls;
    x.remove_hook(id);
  }));
  x.register_hook(look([&](const D&) { ++calls; }));
  sum(x).backward();
  BOOST_TEST(calls == 2);
  sum(x).backward();
  BOOST_TEST(calls == 3);
}

BOOST_AUTO_TEST_CASE(registration_inside_the_hook) {
  D x = leaf({1});
  int inner = 0;
  x.register_hook(look([&](const D&) { x.register_hook(look([&](const D&) { ++inner; })); }));
  sum(x).backward();
  BOOST_TEST(inner == 0);
  sum(x).backward();
  BOOST_TEST(inner == 1);
  is(x.gradient(), {2});
}

BOOST_AUTO_TEST_CASE(run_in_grad_as_well) {
  D x = leaf({1, 2}), w = leaf({3, 4});
  D y = x * w;
  int others = 0;
  x.register_hook([](const D& g) { return 2.0 * g; });
  y.register_hook([](const D& g) { return 10.0 * g; });
  w.register_hook(look([&](const D&) { ++others; }));
  const D z = sum(y);
  const Tensors g = grad({z}, {x, y}, {.retain_graph = true});
  is(g[0], {60, 80});
  is(g[1], {10, 10});
  BOOST_TEST(others == 0);
  is(grad(z, y), {10, 10});
}

BOOST_AUTO_TEST_CASE(are_differentiated_with_create_graph) {
  D x = leaf({2});
  x.register_hook([](const D& g) { return g * g; });
  const D g = grad(sum(x * x), x, {.create_graph = true});  // (2 x)^2
  is(g, {16});
  is(grad(sum(g), x), {(8 * 2) * (8 * 2)});  // the hook squares that gradient, too
}

BOOST_AUTO_TEST_CASE(outlive_the_handle) {
  const D x = leaf({1});
  int calls = 0;
  D z;
  {
    D y = x * x;
    y.register_hook(look([&](const D&) { ++calls; }));
    z = sum(y);
  }
  z.backward();
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(another_graph_inside_a_hook) {
  D x = leaf({1});
  const D p = leaf({2});
  x.register_hook(look([&](const D&) {
    const EnableGrad on;
    sum(p * p).backward();
  }));
  sum(x * x).backward();
  is(p.gradient(), {4});
  is(x.gradient(), {2});
}

// The gradients under way in the outer pass are not the inner one's, and it takes nothing away.
BOOST_AUTO_TEST_CASE(the_same_graph_inside_a_hook) {
  D x = leaf({1});
  const D a = exp(x);
  D b = a * a;
  const D c = sum(a + b);
  const double e = std::exp(1.0);
  Array<double> inner;
  bool inside = false;
  b.register_hook(look([&](const D&) {
    if (!std::exchange(inside, true)) inner = grad(c, x).value();
  }));
  c.backward({.retain_graph = true});
  const std::vector<double> expected = {e + 2 * e * e};
  BOOST_TEST(inner(0) == expected[0], boost::test_tools::tolerance(1e-14));
  is_about(x.gradient(), expected[0]);
  x.set_gradient({});
  c.backward();
  is_about(x.gradient(), expected[0]);
}

BOOST_AUTO_TEST_CASE(what_the_outer_pass_has_released_inside_a_hook) {
  const D x = leaf({1});
  D b = exp(x);
  const D c = sum(b * b);
  bool inside = false;
  b.register_hook(look([&](const D&) {
    if (!std::exchange(inside, true)) (void)grad(c, x);
  }));
  check_failure<std::logic_error>([&] { c.backward(); },
                                  "backward: the graph of \"sum\" was released by an earlier "
                                  "backward pass; give that one {.retain_graph = true}");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
