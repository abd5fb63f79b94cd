// A rule or a hook that throws halfway leaves nothing behind.

#include <stdexcept>

#include "tests/autograd/helpers.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/function.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad::test {
namespace {

// x, whose rule throws as long as `fails`.
D fragile(const D& x, const bool& fails) {
  return custom_function<double>(
      "fragile", {x}, [](const Tensors& in) { return in[0].clone(); },
      [&fails](const Tensors&, const D&, const D& g) -> Tensors {
        if (fails) throw std::runtime_error("fragile: broken");
        return {g};
      });
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(exceptions, NothingLeft)

BOOST_AUTO_TEST_CASE(a_rule_that_throws) {
  const D x = leaf({1, 2}), w = leaf({3, 4});
  bool fails = true;
  const D a = exp(w), y = sum(fragile(x * x, fails) * a + fragile(x, fails));
  check_failure<std::runtime_error>([&] { y.backward({.retain_graph = true}); }, "fragile: broken");
  BOOST_TEST(!x.has_grad());
  fails = false;
  is(grad(y, a, {.retain_graph = true}), {1, 4});
  is(grad(y, x), {2 * a.value()(0) + 1, 4 * a.value()(1) + 1});
}

// Gradients of leaves are added at the end.
BOOST_AUTO_TEST_CASE(leaves_of_a_pass_that_throws) {
  const D x = leaf({1, 2}), w = leaf({3, 4});
  bool fails = true;
  const D y = sum(fragile(x, fails) * w);
  BOOST_CHECK_THROW(y.backward({.retain_graph = true}), std::runtime_error);
  BOOST_TEST(!w.has_grad());
  fails = false;
  y.backward();
  is(w.gradient(), {1, 2});
}

BOOST_AUTO_TEST_CASE(a_rule_that_throws_in_grad) {
  const D x = leaf({1, 2});
  bool fails = true;
  const D a = x * x, y = sum(fragile(a, fails) + a);
  for (const bool create_graph : {false, true}) {
    BOOST_CHECK_THROW((void)grad({y}, {x, a}, {.retain_graph = true, .create_graph = create_graph}),
                      std::runtime_error);
  }
  fails = false;
  is(grad(y, x), {4, 8});
}

BOOST_AUTO_TEST_CASE(a_hook_that_throws) {
  D x = leaf({1, 2});
  const D a = x * x;
  D b = a + 1.0;
  const D y = sum(a * b);
  const auto id = b.register_hook([](const D&) -> D { throw std::runtime_error("no"); });
  BOOST_CHECK_THROW(y.backward({.retain_graph = true}), std::runtime_error);
  b.remove_hook(id);
  const auto last = x.register_hook([](const D&) -> D { throw std::runtime_error("no"); });
  BOOST_CHECK_THROW(y.backward({.retain_graph = true}), std::runtime_error);
  BOOST_CHECK_THROW((void)grad(y, x, {.retain_graph = true}), std::runtime_error);
  x.remove_hook(last);
  BOOST_TEST(!x.has_grad());
  y.backward();
  is(x.gradient(), {4 + 2, 32 + 4});
}

BOOST_AUTO_TEST_CASE(recording_is_as_before) {
  D x = leaf({1});
  x.register_hook([](const D&) -> D { throw std::runtime_error("no"); });
  BOOST_CHECK_THROW(sum(x).backward(), std::runtime_error);
  BOOST_TEST((x * x).requires_grad());
}

// The whole record of a pass that could not finish is freed, too.
BOOST_AUTO_TEST_CASE(an_unretained_graph) {
  const D x = leaf({1, 2});
  bool fails = true;
  D y = x;
  for (int i = 0; i < 50; ++i) y = tanh(i == 25 ? fragile(y, fails) : y);
  BOOST_CHECK_THROW(sum(y).backward(), std::runtime_error);
  BOOST_TEST(!x.has_grad());
}

BOOST_AUTO_TEST_CASE(a_forward_that_throws) {
  const D x = leaf({1});
  const auto fails = [](const Tensors&) -> D { throw std::runtime_error("forward"); };
  const auto rule = [](const Tensors&, const D&, const D&) { return Tensors(); };
  BOOST_CHECK_THROW(custom_function<double>("f", {x}, fails, rule), std::runtime_error);
  BOOST_TEST((x * x).requires_grad());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
