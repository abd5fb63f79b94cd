// grad(outputs, inputs).

#include "tests/autograd/helpers.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad::test {

BOOST_FIXTURE_TEST_SUITE(grad_function, NothingLeft)

BOOST_AUTO_TEST_CASE(leaves_the_leaves_alone) {
  const D x = leaf({1, 2}), y = leaf({3, 4});
  const Tensors g = grad(Tensors{sum(x * y)}, {x, y});
  is(g[0], {3, 4});
  is(g[1], {1, 2});
  BOOST_TEST(!x.has_grad());
  BOOST_TEST(!y.has_grad());
}

BOOST_AUTO_TEST_CASE(of_interior_tensors) {
  const D x = leaf({1, 2}), a = x * x, b = a * 3.0, y = sum(b * b);
  const Tensors g = grad({y}, {b, a, x});
  is(g[0], {6, 24});
  is(g[1], {18, 72});
  is(g[2], {36, 288});
}

BOOST_AUTO_TEST_CASE(an_input_behind_another) {
  const D x = leaf({3}), a = 2.0 * x;
  const Tensors g = grad(Tensors{sum(a * x)}, {a, x});
  is(g[0], {3});
  is(g[1], {12});
}

BOOST_AUTO_TEST_CASE(of_the_output_itself) {
  const D x = leaf({3}), y = x * x;
  const Tensors g = grad({y}, {y, x}, {}, Tensors{D::from({1}, {10})});
  is(g[0], {10});
  is(g[1], {60});
  is(grad(x, x), {1});
}

BOOST_AUTO_TEST_CASE(several_outputs_and_seeds) {
  const D x = leaf({1, 2}), a = x * x, b = 3.0 * x;
  const D g = grad({a, b}, {x}, {}, {D::from({2}, {1, 10}), D::from({2}, {100, 1000})})[0];
  is(g, {302, 3040});
}

BOOST_AUTO_TEST_CASE(one_output_twice) {
  const D x = leaf({3}), y = sum(x * x);
  is(grad({y, y}, {x})[0], {12});
}

BOOST_AUTO_TEST_CASE(one_input_twice) {
  const D x = leaf({3});
  Tensors g = grad(Tensors{sum(x * x)}, {x, x});
  g[0].mutable_value() *= 2.0;
  is(g[0], {12});
  is(g[1], {6});
}

BOOST_AUTO_TEST_CASE(results_share_no_memory) {
  const D a = leaf({1}), b = leaf({2}), seed = D::from({1}, {1});
  Tensors g = grad(Tensors{a + b}, {a, b}, {}, {seed});
  g[0].mutable_value() *= 7.0;
  is(g[1], {1});
  is(seed, {1});
}

// Only what leads to the inputs is walked, and released.
BOOST_AUTO_TEST_CASE(the_rest_of_the_graph_is_left_alone) {
  const D x = leaf({2}), w = leaf({3}), a = exp(x), b = exp(w), y = sum(a * b);
  (void)grad(y, a);
  sum(b).backward();
  sum(a).backward();
  BOOST_CHECK_THROW(y.backward(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(unused_input) {
  const D x = leaf({1, 2}), u = leaf({3}), y = sum(exp(x));
  check_failure<std::logic_error>(
      [&] {
        (void)grad({y}, {x, u});
      },
      "grad: input 1 (1) does not reach the outputs; give {.allow_unused = true} to get an "
      "undefined tensor");
  y.backward();  // the call that failed released nothing
  BOOST_TEST(x.has_grad());
}

BOOST_AUTO_TEST_CASE(unused_input_allowed) {
  const D x = leaf({1, 2}), u = leaf({3});
  const Tensors g = grad(Tensors{sum(x)}, {u, x}, {.allow_unused = true});
  BOOST_TEST(!g[0].defined());
  is(g[1], {1, 1});
}

BOOST_AUTO_TEST_CASE(retained_and_released) {
  const D x = leaf({3}), y = sum(x * x);
  is(grad(y, x, {.retain_graph = true}), {6});
  is(grad(y, x), {6});
  check_failure<std::logic_error>(
      [&] { (void)grad(y, x); },
      "backward: the graph of \"sum\" was released by an earlier backward pass; give that "
      "one {.retain_graph = true}");
}

// A released part may lead to the input: it is not passed over in silence.
BOOST_AUTO_TEST_CASE(a_released_part_is_an_error) {
  const D x = leaf({3}), a = x * x;
  sum(a).backward();
  BOOST_CHECK_THROW((void)grad(sum(a + x), x, {.allow_unused = true}), std::logic_error);
}

// What an interior input was made from does not matter, and may be gone.
BOOST_AUTO_TEST_CASE(of_an_interior_tensor_whose_graph_was_released) {
  const D w = leaf({2}), x = w * w, y = sum(3.0 * x);
  sum(x * x).backward();
  is(grad(y, x), {3});
}

BOOST_AUTO_TEST_CASE(nothing_before_the_earliest_input_is_walked) {
  const D w = leaf({2});
  D x = w * w;
  int calls = 0;
  x.register_hook([&](const D&) {
    ++calls;
    return D();
  });
  const D a = 2.0 * x, b = a * x;
  is(grad(sum(b + a), a, {.retain_graph = true}), {5});
  BOOST_TEST(calls == 0);
  const Tensors g = grad({sum(b + a)}, {a, x});
  is(g[0], {5});
  is(g[1], {2 * 5 + 8});
}

BOOST_AUTO_TEST_CASE(errors) {
  const D x = leaf({1, 2}), c = D::from({2}, {1, 2}), y = x * c;
  check_failure<std::logic_error>(
      [&] {
        (void)grad(Tensors{sum(y)}, {x, c});
      },
      "grad: input 1 (2) does not require a gradient: it takes parameter(x) or x.requires_grad_() "
      "before the computation");
  check_failure<std::logic_error>(
      [&] { (void)grad({c}, {x}); },
      "grad: the output (2) does not depend on anything that requires a gradient: what it was "
      "computed "
      "from are constants, detached or frozen; parameter(x) or x.requires_grad_() before the "
      "computation makes x count");
  check_failure<std::invalid_argument>(
      [&] { (void)grad(y, x); },
      "grad: the output has shape (2); only a single element can be differentiated "
      "without a seed");
  check_failure<std::invalid_argument>([&] { (void)grad({y}, {x}, {}, {D(1.0)}); },
                                       "grad: the seed has shape (), the output (2)");
  check_failure<std::invalid_argument>(
      [&] {
        (void)grad({y}, {x}, {}, {c, c});
      },
      "grad: 1 outputs, 2 seeds");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
