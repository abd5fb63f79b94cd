// Graphs that have parts in float and parts in double.

#include "xgrad/autograd/cast.hpp"

#include "tests/autograd/helpers.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad::test {
namespace {

using F = Tensor<float>;

D round_trip(const D& x) { return x.to<float>().to<double>(); }

// x^2 (2 x^2) + x, one factor of it in float.
D mixed_quartic(const D& x) {
  const D h = square(x);
  return sum(h * (h.to<float>() * 2.0F).to<double>()) + sum(x);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(cast, NothingLeft)

BOOST_AUTO_TEST_CASE(numbers_are_converted) {
  const D x = D::from({0.1, 1e300, -3});
  BOOST_TEST(x.to<float>()(0) == 0.1F);
  BOOST_TEST(x.to<float>()(1) == std::numeric_limits<float>::infinity());
  is(F::from({0.5, 7}).to<double>(), {0.5, 7});
  BOOST_TEST(x.to<double>().is_same(x));
  BOOST_TEST(!x.to<float>().requires_grad());
  const NoGrad guard;
  BOOST_TEST(!leaf({1}).to<float>().requires_grad());
}

BOOST_AUTO_TEST_CASE(gradients_reach_leaves_of_the_other_type) {
  const D x = leaf({2, 3});
  const F w = parameter(F::from({1, -1}));
  sum(w.to<double>() * x).backward();
  is(w.gradient().to<double>(), {2, 3});
  is(x.gradient(), {1, -1});
  sum(x.to<float>() * w).backward();
  is(x.gradient(), {2, -2});
  is(w.gradient().to<double>(), {4, 6});
}

// Both factors need the whole of what comes through float before h is passed.
BOOST_AUTO_TEST_CASE(parts_are_walked_in_the_order_of_their_recording) {
  const D x = leaf({0.5, 0.25, -2});
  std::size_t seen = 0;
  D h = square(x);
  const D y = sum(h * (h.to<float>() * 2.0F).to<double>());
  h.register_hook([&](const D& g) {
    ++seen;
    is(g, {1, 0.25, 16});
    return D();
  });
  y.backward();
  BOOST_TEST(seen == 1U);
  is(x.gradient(), {1, 0.125, -64});
}

BOOST_AUTO_TEST_CASE(grad_finds_its_way_through_the_other_type) {
  const D x = leaf({0.5, 0.25, -2}), other = leaf({1});
  is(grad(mixed_quartic(x), x), {2, 1.125, -63});
  const D h = square(x);
  is(grad(sum(round_trip(h) * h), h), {0.5, 0.125, 8});
  is(grad(sum(round_trip(square(x))) + sum(other), x), {1, 0.5, -4});
  BOOST_TEST(!other.has_grad());
  BOOST_TEST(
      !grad(std::vector{sum(round_trip(square(x)))}, {other}, {.allow_unused = true})[0].defined());
  check_failure<std::logic_error>([&] { (void)grad(sum(round_trip(square(x))), other); },
                                  "grad: input 0 (1) does not reach the outputs; give "
                                  "{.allow_unused = true} to get an undefined tensor");
}

BOOST_AUTO_TEST_CASE(derivatives_of_higher_order) {
  const D x = leaf({0.5, 0.25, -2});
  const D g = grad(mixed_quartic(x), x, {.create_graph = true});
  const D second = grad(sum(g), x, {.create_graph = true});
  is(g, {2, 1.125, -63});
  is(second, {6, 1.5, 96});
  is(grad(sum(second), x), {24, 12, -96});
}

BOOST_AUTO_TEST_CASE(a_chain_of_forks_is_walked_once) {
  const D x = leaf({1, -3});
  D y = x;
  for (int i = 0; i < 200; ++i) y = (y + round_trip(y)) * 0.5;
  sum(y).backward();
  is(x.gradient(), {1, 1});
}

BOOST_AUTO_TEST_CASE(a_long_chain_needs_no_stack) {
  const D x = leaf({1});
  D y = x;
  for (int i = 0; i < 200000; ++i) y = round_trip(y);
  sum(y).backward();
  is(x.gradient(), {1});
}

BOOST_AUTO_TEST_CASE(a_released_part_is_refused) {
  const D x = leaf({2});
  const F y = square(x).to<float>();
  const D a = sum(y.to<double>()), b = sum(exp(y.to<double>()));
  a.backward();
  check_failure<std::logic_error>([&] { b.backward(); },
                                  "backward: the graph of \"square\" was released by an earlier "
                                  "backward pass; give that one {.retain_graph = true}");
  is(x.gradient(), {4});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
