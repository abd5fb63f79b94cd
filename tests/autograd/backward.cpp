// Gradients of whole graphs, and how they reach the leaves.

#include <cmath>

#include "tests/autograd/helpers.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad::test {

BOOST_FIXTURE_TEST_SUITE(backward, NothingLeft)

BOOST_AUTO_TEST_CASE(one_path) {
  const D x = leaf({1, 2});
  sum(3.0 * x * x).backward();
  is(x.gradient(), {6, 12});
}

BOOST_AUTO_TEST_CASE(diamond) {
  const D x = leaf({1, 2, 3}), a = x * x, b = a + 1.0, c = 3.0 * a;
  sum(b * c).backward();  // 3 x^4 + 3 x^2
  is(x.gradient(), {18, 108, 342});
}

// Two diamonds in a row: an entry is walked once, when its gradient is complete.
BOOST_AUTO_TEST_CASE(shared_subgraphs) {
  const D x = leaf({1});
  D y = x;
  for (int i = 0; i < 60; ++i) y = y + y;
  sum(y).backward();
  BOOST_TEST(x.grad()(0) == std::ldexp(1.0, 60));
}

BOOST_AUTO_TEST_CASE(used_many_times) {
  const D x = leaf({2, -1});
  D y = 0.0;
  for (int i = 1; i <= 100; ++i) y = y + sum(static_cast<double>(i) * x);
  y.backward();
  is(x.gradient(), {5050, 5050});
}

BOOST_AUTO_TEST_CASE(same_operand_on_both_sides) {
  const D x = leaf({3});
  sum(x * x - x / x + x).backward();
  is(x.gradient(), {7});
}

BOOST_AUTO_TEST_CASE(broadcasting_is_undone) {
  const D x = parameter(D::from({2, 1}, {1, 2})), y = leaf({3, 4, 5}), s = parameter(D(2.0));
  sum(x * y * s).backward();
  is(x.gradient(), D::from({2, 1}, {24, 24}).value());
  is(y.gradient(), {6, 6, 6});
  is(s.gradient(), 36);
}

// The gradient is copied for the leaf while it is summed for the other operand.
BOOST_AUTO_TEST_CASE(sums_of_a_gradient_that_a_leaf_copies) {
  const D seed = D::from({2, 3}, {1, 2, 3, 4, 5, 6});
  const D x = parameter(D::from({2, 3}, {1, 1, 1, 1, 1, 1})), row = leaf({1, 1, 1});
  const D column = parameter(D::from({2, 1}, {1, 1}));
  (x + row).backward(seed);
  is(x.gradient(), seed.value());
  is(row.gradient(), {5, 7, 9});
  x.node()->grad->data[0] = 10;  // its own memory
  is(seed, D::from({2, 3}, {1, 2, 3, 4, 5, 6}).value());
  (column - x).backward(seed);
  is(x.gradient(), D::from({2, 3}, {9, 0, 0, 0, 0, 0}).value());
  is(column.gradient(), D::from({2, 1}, {6, 15}).value());
  (row - x).backward(seed);
  is(x.gradient(), D::from({2, 3}, {8, -2, -3, -4, -5, -6}).value());
  is(row.gradient(), {10, 14, 18});
}

BOOST_AUTO_TEST_CASE(constants_less_a_tensor) {
  const D seed = D::from({2, 3}, {1, 2, 3, 4, 5, 6}), ones = D::filled({2, 3}, 1);
  const D x = parameter(ones.clone());
  D row = leaf({1, 1, 1});
  (1.0 - x).backward(seed);
  is(seed, D::from({2, 3}, {1, 2, 3, 4, 5, 6}).value());
  is(x.gradient(), D::from({2, 3}, {-1, -2, -3, -4, -5, -6}).value());
  (ones - x).backward(seed);
  is(x.gradient(), D::from({2, 3}, {-2, -4, -6, -8, -10, -12}).value());
  (ones - row).backward(seed);
  is(row.gradient(), {-5, -7, -9});
  row.zero_grad();
  const D y = 2.0 * row;
  sum(square(y) + square(1.0 - y)).backward();  // 8 row + 4 (2 row - 1)
  is(row.gradient(), {12, 12, 12});
}

BOOST_AUTO_TEST_CASE(ordinary_control_flow) {
  const D x = leaf({1.5});
  D y = x;
  while (y.value()(0) < 100) y = y.value()(0) > 10 ? 3.0 * y : y * y;
  y.backward();  // 9 x^8
  BOOST_TEST(x.grad()(0) == 72 * std::pow(1.5, 7));
}

BOOST_AUTO_TEST_CASE(several_live_graphs) {
  const D x = leaf({1, 2});
  const D a = sum(x * x), b = sum(3.0 * x), c = sum(exp(x));
  b.backward();
  is(x.gradient(), {3, 3});
  a.backward();
  is(x.gradient(), {5, 7});
  BOOST_TEST(c.requires_grad());
}

BOOST_AUTO_TEST_CASE(with_a_seed) {
  const D x = leaf({1, 2, 3});
  (x * x).backward(D::from({3}, {1, 10, 100}));
  is(x.gradient(), {2, 40, 600});
}

BOOST_AUTO_TEST_CASE(single_element_of_any_rank) {
  const D x = parameter(D::from({1, 1}, {3}));
  (x * x).backward();
  is(x.gradient(), D::from({1, 1}, {6}).value());
}

BOOST_AUTO_TEST_CASE(of_a_leaf) {
  const D x = leaf({3});
  x.backward();
  is(x.gradient(), {1});
}

BOOST_AUTO_TEST_CASE(float_too) {
  const auto x = parameter(Tensor<float>::from({2}, {1, 2}));
  sum(x * x).backward();
  BOOST_TEST((x.grad() == Array<float>{2, 4}));
}

BOOST_AUTO_TEST_CASE(constants_get_none) {
  const D x = leaf({1}), c = D::from({1}, {2});
  sum(x * c).backward();
  BOOST_TEST(!c.has_grad());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(accumulation, NothingLeft)

BOOST_AUTO_TEST_CASE(passes_add_up) {
  const D x = leaf({1, 2});
  for (int i = 1; i <= 3; ++i) {
    sum(x * x).backward();
    is(x.gradient(), {2.0 * i, 4.0 * i});
  }
}

BOOST_AUTO_TEST_CASE(zero_grad_starts_again) {
  D x = leaf({1, 2});
  sum(x * x).backward();
  x.zero_grad();
  BOOST_TEST(!x.has_grad());
  BOOST_TEST(!x.gradient().defined());
  sum(x).backward();
  is(x.gradient(), {1, 1});
}

// 0 + (-0) would be 0.
BOOST_AUTO_TEST_CASE(the_first_gradient_is_not_added_to_zeros) {
  const D x = leaf({1});
  sum(x * -0.0).backward();
  BOOST_TEST(std::signbit(x.grad()(0)));
}

BOOST_AUTO_TEST_CASE(the_first_gradient_is_moved_in) {
  D x = leaf({1, 2});
  const double* seen = nullptr;
  x.register_hook([&](const D& g) {
    seen = g.data();
    return D();
  });
  sum(x * x).backward();
  BOOST_TEST(x.grad().data() == seen);
}

BOOST_AUTO_TEST_CASE(later_ones_are_added_in_place) {
  const D x = leaf({1, 2});
  sum(x * x).backward();
  const double* const first = x.grad().data();
  sum(x).backward();
  BOOST_TEST(x.grad().data() == first);
  is(x.gradient(), {3, 5});
}

BOOST_AUTO_TEST_CASE(a_gradient_that_somebody_keeps_does_not_change) {
  const D x = leaf({1, 2});
  sum(x * x).backward();
  const D kept = x.gradient();
  sum(x).backward();
  is(kept, {2, 4});
  is(x.gradient(), {3, 5});
}

BOOST_AUTO_TEST_CASE(gradients_share_no_memory) {
  const D x = leaf({1, 2}), y = leaf({3, 4}), seed = D::from({2}, {1, 1});
  D a = x + y, b = a + 1.0;
  a.retain_grad();
  b.retain_grad();
  b.backward(seed);
  for (D g : {a.gradient(), b.gradient(), x.gradient()}) g.mutable_value() *= 5.0;
  is(seed, {1, 1});
  is(y.gradient(), {1, 1});
  is(a.gradient(), {5, 5});
}

BOOST_AUTO_TEST_CASE(interior_gradients_when_asked_for) {
  const D x = leaf({1, 2});
  D y = x * x;
  y.retain_grad();
  sum(3.0 * y).backward();
  is(y.gradient(), {3, 3});
  is(x.gradient(), {6, 12});
}

BOOST_AUTO_TEST_CASE(set_by_hand) {
  D x = leaf({1, 2});
  x.set_gradient(D::from({2}, {10, 20}));
  sum(x).backward();
  is(x.gradient(), {11, 21});
  check_failure<std::invalid_argument>([&] { x.set_gradient(D(1.0)); },
                                       "set_gradient: the gradient has shape (), the tensor (2)");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(backward_errors, NothingLeft)

BOOST_AUTO_TEST_CASE(second_pass) {
  const D x = leaf({1}), y = sum(x * x);
  y.backward();
  check_failure<std::logic_error>(
      [&] { y.backward(); },
      "backward: the graph of \"sum\" was released by an earlier backward pass; give that "
      "one {.retain_graph = true}");
  is(x.gradient(), {2});
}

BOOST_AUTO_TEST_CASE(second_pass_through_a_part) {
  const D x = leaf({1}), a = x * x, b = sum(a), c = sum(a + x);
  b.backward();
  check_failure<std::logic_error>(
      [&] { c.backward(); },
      "backward: the graph of \"multiply\" was released by an earlier backward pass; give "
      "that one {.retain_graph = true}");
  is(x.gradient(), {2});
}

BOOST_AUTO_TEST_CASE(retained_graph) {
  const D x = leaf({1}), y = sum(x * x);
  y.backward({.retain_graph = true});
  y.backward({.retain_graph = true});
  y.backward();
  is(x.gradient(), {6});
  BOOST_CHECK_THROW(y.backward(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(no_seed) {
  const D x = leaf({1, 2, 3});
  check_failure<std::invalid_argument>(
      [&] { (x * x).backward(); },
      "backward: the output has shape (3); only a single element can be "
      "differentiated without a seed");
}

BOOST_AUTO_TEST_CASE(seed_of_another_shape) {
  const D x = leaf({1, 2, 3});
  check_failure<std::invalid_argument>(
      [&] {
        (x * x).backward(D::from({2}, {1, 1}));
      },
      "backward: the seed has shape (2), the output (3)");
  check_failure<std::invalid_argument>([&] { (x * x).backward(D(1.0)); },
                                       "backward: the seed has shape (), the output (3)");
}

BOOST_AUTO_TEST_CASE(nothing_to_differentiate) {
  const D c = D::from({3}, {1, 2, 3});
  check_failure<std::logic_error>(
      [&] { sum(c).backward(); },
      "backward: the output () does not depend on anything that requires a gradient: what it was "
      "computed "
      "from are constants, detached or frozen; parameter(x) or x.requires_grad_() before the "
      "computation makes x count");
  check_failure<std::logic_error>([] { D().backward(); }, "backward: the output is undefined");
}

BOOST_AUTO_TEST_CASE(why_there_is_nothing_to_differentiate) {
  const D x = leaf({2});
  const auto refused = [](const D& y, const std::string& why) {
    check_failure<std::logic_error>([&] { y.backward(); },
                                    "backward: the output (1) does not depend on anything that "
                                    "requires a gradient: " +
                                        why);
  };
  refused(x.detach(), "it was detached; go on with the tensor before detach()");
  refused(grad(x * x, x), "it is a derivative that was taken without {.create_graph = true}");
  const NoGrad guard;
  refused(x * x,
          "it was computed while recording was off: inside NoGrad, or by a backward pass without "
          "{.create_graph = true}");
}

BOOST_AUTO_TEST_CASE(no_gradient_yet) {
  const D x = leaf({1, 2}), y = x * x;
  check_failure<std::logic_error>(
      [&] { (void)x.grad(); },
      "grad: the tensor (2) has no gradient: no backward pass reached it since the last "
      "zero_grad()");
  check_failure<std::logic_error>(
      [&] { (void)y.grad(); },
      "grad: the tensor (2) is not a leaf; call retain_grad() on it before backward()");
}

BOOST_AUTO_TEST_CASE(use_of_an_undefined_tensor) {
  const D none;
  const auto fails = [](const std::function<void()>& f) {
    check_failure<std::logic_error>(
        f, "tensor: this tensor is undefined (default-constructed or moved from)");
  };
  fails([&] { (void)none.value(); });
  fails([&] { (void)none.shape(); });
  fails([&] { (void)(none + 1.0); });
  fails([&] { (void)none.detach(); });
  fails([&] { (void)none.gradient(); });
  BOOST_TEST(!none.defined());
  BOOST_TEST(!none.requires_grad());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
