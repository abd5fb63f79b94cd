// What is particular to slicing.hpp; its rows are in shape.cpp.

#include "xgrad/ops/slicing.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>

#include "tests/ops/failure.hpp"
#include "tests/ops/reference_rows.hpp"
#include "tests/ops/threads.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/indexing.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad::test {
namespace {

using In = const Tensors&;

}  // namespace

BOOST_AUTO_TEST_SUITE(slicing)

// What Python gives for list(range(5))[start:stop:step].
BOOST_AUTO_TEST_CASE(as_in_python) {
  const D v = arange<double>(5);
  const auto of = [&](Slice s) { return slice(v, 0, s); };
  is(of({}), {0, 1, 2, 3, 4});
  is(of({.start = 3}), {3, 4});
  is(of({.start = -2}), {3, 4});
  is(of({.stop = -2}), {0, 1, 2});
  is(of({1, 4, 2}), {1, 3});
  is(of({.step = -1}), {4, 3, 2, 1, 0});
  is(of({3, std::nullopt, -1}), {3, 2, 1, 0});
  is(of({.stop = 1, .step = -2}), {4, 2});
  is(of({-1, -6, -2}), {4, 2, 0});
  is(of({100, -100, -3}), {4, 1});
  is(of({0, 5, 100}), {0});
  is(of({4, 0, -100}), {4});
  is(of({.step = std::numeric_limits<std::ptrdiff_t>::min()}), {4});
  is(of({.step = std::numeric_limits<std::ptrdiff_t>::max()}), {0});
  for (const Slice& none : {Slice{3, 3}, Slice{4, 2}, Slice{2, 4, -1}, Slice{7, 9}, Slice{0, -9}}) {
    check_shape(of(none), {0});
  }
}

// What wraps around is refused before anything is computed.
BOOST_AUTO_TEST_CASE(sizes_that_wrap_around) {
  const D x = arange<double>(3);
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  using Value = std::invalid_argument;
  check_failure<Value>(
      [&] {
        pad(x, {{most - 3, 0}});
      },
      "pad: a size is too large: 3 + 18446744073709551612");
  check_failure<Value>(
      [&] {
        pad(x, {{0, most}});
      },
      "pad: a size is too large: 3 + 18446744073709551615");
  check_failure<Value>(
      [&] {
        pad(x, {{most / 2 - 3, 0}});
      },
      "tensor: shape (9223372036854775807) has more elements than memory can address");
  check_failure<Value>(
      [&] {
        split(x, std::vector<std::size_t>{most, 4});
      },
      "split: a size is too large: 0 + 18446744073709551615");
  check_failure<Value>([&] { repeat(x, {most / 3 + 2}); },
                       "repeat: a size is too large: 3 * 6148914691236517207");
  check_failure<Value>(
      [&] {
        reshape(arange<double>(2), {3, 6148914691236517206});
      },
      "reshape: a size is too large: 3 * 6148914691236517206");
  const std::ptrdiff_t half = std::ptrdiff_t{1} << 32;
  check_failure<Value>(
      [&] {
        reshape(zeros<double>({0}), {half, half});
      },
      "reshape: a size is too large: 4294967296 * 4294967296");
  check_failure<Value>(
      [&] {
        reshape(zeros<double>({0}), {0, half, half});
      },
      "tensor: shape (0, 4294967296, 4294967296) has more elements than memory can "
      "address");
  check_failure<Value>(
      [&] { eye<double>(static_cast<std::size_t>(half), most); },
      "tensor: shape (4294967296, 18446744073709551615) has more elements than memory can "
      "address");
  check_failure<Value>([&] { (void)one_hot<double>(Indices::from_shape({0}), most); },
                       "tensor: shape (0, 18446744073709551615) has more elements than memory can "
                       "address");
  check_failure<Value>(
      [&] {
        (void)random_integers({most / 2, 4}, 0, 1);
      },
      "tensor: shape (9223372036854775807, 4) has more elements than memory can address");
}

BOOST_AUTO_TEST_CASE(positions_of_any_integer_type) {
  const D v = arange<double>(5);
  const std::size_t i = 1;
  const int k = 3;
  is(slice(v, 0, i, k), {1, 2});
  is(slice(v, 0, i, i + 1), {1});
  is(slice(v, 0, std::nullopt, k), {0, 1, 2});
  BOOST_TEST(select(v, 0, k).item() == 3);
}

BOOST_AUTO_TEST_CASE(no_elements) {
  const D x = zeros<double>({0, 3});
  check_shape(slice(x, 0, 0, 2), {0, 3});
  check_shape(slice(x, {{.step = -1}, {1, 2}}), {0, 1});
  check_shape(slice(wave({4, 3}), {{9, 9}, {5, 2}}), {0, 0});
  check_shape(select(x, 1, 2), {0});
  check_shape(concat({x, wave({2, 3}), x}), {2, 3});
  check_shape(stack({x, x}, 2), {0, 3, 2});
  check_shape(pad(x, {{1, 1}, {}}), {2, 3});
  BOOST_TEST(split(x, 4).size() == 4U);
  BOOST_TEST(split(x, std::vector<std::size_t>{}).empty());
  check_shape(split(x, {0, 0})[1], {0, 3});
}

BOOST_AUTO_TEST_CASE(no_axes) {
  const D x = 3.0, y = 4.0;
  is(stack({x, y}), {3, 4});
  check_shape(pad(x, {}), {});
  check_shape(slice(x, std::vector<Slice>{}), {});
  is(select(wave({1}), 0, 0), wave({1}).item());
}

BOOST_AUTO_TEST_CASE(gradient_without_elements) {
  const D x = parameter(wave({2, 3}));
  slice(x, 0, 1, 1).backward(zeros<double>({0, 3}));
  BOOST_TEST(sum(x.gradient()).item() == 0);
  concat({slice(x, 0, 2, 2), x}).backward(wave({2, 3}));
  check_close(x.gradient(), wave({2, 3}));
}

// The first slice fills the gradient with zeros, the others add to it in place.
BOOST_AUTO_TEST_CASE(many_slices_write_into_one_gradient) {
  const D x = parameter(wave({1000, 4}));
  D y = 0.0;
  for (std::size_t i = 0; i + 1 < 1000; ++i)
    y = y + sum(select(x, 0, static_cast<std::ptrdiff_t>(i))) * 2.0;
  const std::uint64_t before = pool_statistics().requests;
  y.backward();
  BOOST_TEST(pool_statistics().requests - before < 8000U);
  for (std::size_t k = 0; k < x.size(); ++k)
    BOOST_TEST_REQUIRE(x.gradient().data()[k] == (k < 3996 ? 2 : 0));
}

BOOST_AUTO_TEST_CASE(a_part_is_a_copy) {
  D x = wave({4, 3});
  const D part = slice(x, 0, 1, 3), row = select(x, 0, 0), first = split(x, 2)[0];
  const D before = part.clone();
  x.set_value(zeros<double>({4, 3}).value());
  check_close(part, before);
  check_close(row, wave({3}));
  BOOST_TEST(first.data() != x.data());
}

BOOST_AUTO_TEST_CASE(nothing_to_do_gives_the_argument) {
  const D x = wave({2, 3});
  BOOST_TEST(slice(x, 1, 0, 3).is_same(x));
  BOOST_TEST(split(x, 1)[0].is_same(x));
  BOOST_TEST(pad(x, {{}, {}}).is_same(x));
}

BOOST_AUTO_TEST_CASE(some_inputs_are_constants) {
  const D x = parameter(wave({2})), c = wave({3}, 1);
  const D y = concat({c, x, c, x});
  y.backward(arange<double>(10));
  is(x.gradient(), {3 + 8, 4 + 9});
  BOOST_TEST(!concat({c, c}).requires_grad());
}

BOOST_AUTO_TEST_CASE(more_inputs_than_bits) {
  Tensors parts;
  for (int i = 0; i < 100; ++i) parts.push_back(parameter(wave({2}, i)));
  stack(parts).backward(reshape(arange<double>(200), {100, 2}));
  for (int i = 0; i < 100; ++i)
    is(parts[static_cast<std::size_t>(i)].gradient(), {2.0 * i, 2.0 * i + 1});
}

BOOST_AUTO_TEST_CASE(float_too) {
  const Tensor<float> x = Tensor<float>::from({2, 2}, {1, 2, 3, 4});
  const auto same = [](const Tensor<float>& y, const Array<float>& expected) {
    BOOST_TEST((y.value() == expected));
  };
  same(slice(x, 1, {.step = -1}), {{2, 1}, {4, 3}});
  same(slice(x, {{1, 2}}), {{3, 4}});
  same(select(x, 1, -1), {2, 4});
  same(concat({x, x}, 1), {{1, 2, 1, 2}, {3, 4, 3, 4}});
  same(stack({x, x}, -1), {{{1, 1}, {2, 2}}, {{3, 3}, {4, 4}}});
  same(pad(x, {{0, 1}, {1, 0}}, 9), {{9, 1, 2}, {9, 3, 4}, {9, 9, 9}});
  same(split(x, 2, 1)[1], Tensor<float>::from({2, 1}, {2, 4}).value());
}

BOOST_AUTO_TEST_CASE(same_for_any_number_of_threads) {
  const Tensors x = {wave({300, 500}), wave({300, 40}, 1)};
  check_threads([](In in) { return slice(in[0], {{.step = -1}, {1, 499}}); }, {x[0]});
  check_threads([](In in) { return slice(in[0], 1, {.step = 2}); }, {x[0]});
  check_threads([](In in) { return concat({in[0], in[1], in[0]}, 1); }, x);
  check_threads([](In in) { return stack({in[0], in[0]}, 2); }, {x[0]});
  check_threads([](In in) { return pad(in[0], {{3, 4}, {5, 6}}, 1); }, {x[0]});
}

BOOST_AUTO_TEST_CASE(errors_of_parts) {
  using Value = std::invalid_argument;
  using Range = std::out_of_range;
  const D x = wave({6, 2});
  check_failure<Value>([&] { slice(x, 0, 0, 2, 0); }, "slice: step is 0");
  check_failure<Range>([&] { slice(x, 2, 0, 1); },
                       "slice: axis 2 is out of range [-2, 1]: x (6, 2)");
  check_failure<Value>(
      [&] {
        slice(x, {{}, {}, {}});
      },
      "slice: more parts than axes: 3 parts, x (6, 2)");
  check_failure<Range>([&] { select(x, 0, 6); },
                       "select: index out of range: index 6, axis 0 of x (6, 2)");
  check_failure<Range>([&] { select(x, -1, -3); },
                       "select: index out of range: index -3, axis 1 of x (6, 2)");
  check_failure<Value>([&] { split(x, 4); },
                       "split: no parts of equal size: 4 parts, axis 0 of x (6, 2)");
  check_failure<Value>([&] { split(x, 0, 1); },
                       "split: no parts of equal size: 0 parts, axis 1 of x (6, 2)");
  check_failure<Value>(
      [&] {
        split(x, {2, 3});
      },
      "split: the sizes do not add up: sum 5, axis 0 of x (6, 2)");
}

BOOST_AUTO_TEST_CASE(errors_of_putting_together) {
  using Value = std::invalid_argument;
  using Range = std::out_of_range;
  const D x = wave({6, 2});
  check_failure<Value>([] { concat(Tensors{}); }, "concat: no tensors are given");
  check_failure<Value>(
      [&] {
        concat({x, x, wave({6, 3})});
      },
      "concat: shapes differ outside axis 0: tensor 0 (6, 2), tensor 2 (6, 3)");
  check_failure<Value>(
      [&] {
        concat({x, wave({6})}, 1);
      },
      "concat: shapes differ outside axis 1: tensor 0 (6, 2), tensor 1 (6)");
  check_failure<Range>(
      [] {
        concat({D(1.0), D(2.0)});
      },
      "concat: axis 0 is out of range: tensor 0 () has no axes");
  check_failure<Value>([] { stack(Tensors{}); }, "stack: no tensors are given");
  check_failure<Value>(
      [&] {
        stack({x, wave({2, 6})});
      },
      "stack: shapes differ: tensor 0 (6, 2), tensor 1 (2, 6)");
  check_failure<Range>([&] { stack({x}, 3); },
                       "stack: axis 3 is out of range [-3, 2]: tensor 0 (6, 2)");
  check_failure<Value>(
      [&] {
        pad(x, {{1, 1}});
      },
      "pad: not one padding for each axis: 1 paddings, x (6, 2)");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
