#include "xgrad/autograd/shape.hpp"

#include "tests/autograd/helpers.hpp"
#include "xgrad/autograd/axis.hpp"

namespace xgrad::test {
namespace {

using Value = std::invalid_argument;
using Range = std::out_of_range;

Shape of_rank(std::size_t rank) { return Shape(std::vector<int>(rank, 1)); }

}  // namespace

BOOST_AUTO_TEST_SUITE(shape)

BOOST_AUTO_TEST_CASE(sizes) {
  const Shape s = {2, 3, 4};
  BOOST_TEST(s.rank() == 3U);
  BOOST_TEST(s.size() == 3U);
  BOOST_TEST(s.elements() == 24U);
  BOOST_TEST(s.front() == 2U);
  BOOST_TEST(s.back() == 4U);
  BOOST_TEST(s[1] == 3U);
  BOOST_TEST((Shape{2, 0, 4}).elements() == 0U);
}

BOOST_AUTO_TEST_CASE(scalar) {
  const Shape s;
  BOOST_TEST(s.empty());
  BOOST_TEST(s.elements() == 1U);
  BOOST_TEST(to_string(s) == "()");
}

BOOST_AUTO_TEST_CASE(as_text) {
  BOOST_TEST(to_string(Shape{5}) == "(5)");
  BOOST_TEST(to_string(Shape{2, 3}) == "(2, 3)");
}

BOOST_AUTO_TEST_CASE(from_ranges) {
  const std::vector<int> v = {2, 3};
  BOOST_TEST((Shape(v) == Shape{2, 3}));
  BOOST_TEST((Shape(v.begin(), v.end()) == Shape{2, 3}));
  BOOST_TEST((Shape(Array<double>::from_shape({4, 5}).shape()) == Shape{4, 5}));
}

BOOST_AUTO_TEST_CASE(comparison) {
  BOOST_TEST((Shape{2, 3} == Shape{2, 3}));
  BOOST_TEST((Shape{2, 3} != Shape{3, 2}));
  BOOST_TEST((Shape{2} != Shape{2, 1}));
}

BOOST_AUTO_TEST_CASE(axes_in_and_out) {
  const Shape s = {2, 3};
  BOOST_TEST((s.without(0) == Shape{3}));
  BOOST_TEST((s.without(1) == Shape{2}));
  BOOST_TEST((s.with(0, 7) == Shape{7, 2, 3}));
  BOOST_TEST((s.with(2, 7) == Shape{2, 3, 7}));
  BOOST_TEST((Shape().with(0, 7) == Shape{7}));
}

BOOST_AUTO_TEST_CASE(eight_axes_and_no_more) {
  BOOST_TEST(of_rank(8).rank() == 8U);
  check_failure<Value>([] { of_rank(9); }, "shape: more than 8 axes");
  check_failure<Value>([] { of_rank(8).with(3, 1); }, "shape: more than 8 axes");
}

BOOST_AUTO_TEST_CASE(broadcasting) {
  const auto both = [](const Shape& a, const Shape& b) {
    return to_string(broadcast_shapes("f", a, b));
  };
  BOOST_TEST(both({2, 3}, {2, 3}) == "(2, 3)");
  BOOST_TEST(both({2, 1}, {3}) == "(2, 3)");
  BOOST_TEST(both({}, {2, 3}) == "(2, 3)");
  BOOST_TEST(both({4, 1, 3}, {2, 1}) == "(4, 2, 3)");
  BOOST_TEST(both({0}, {1}) == "(0)");
  BOOST_TEST(both({1}, {2, 0}) == "(2, 0)");
}

BOOST_AUTO_TEST_CASE(what_does_not_broadcast) {
  check_failure<Value>(
      [] {
        broadcast_shapes("add", {2, 3}, {4});
      },
      "add: shapes do not broadcast: a (2, 3), b (4)");
  check_failure<Value>([] { broadcast_shapes("add", {0}, {2}); },
                       "add: shapes do not broadcast: a (0), b (2)");
  check_failure<Value>(
      [] {
        broadcast_shapes("add", {4}, {2, 3});
      },
      "add: shapes do not broadcast: a (4), b (2, 3)");
}

BOOST_AUTO_TEST_CASE(axes_from_the_end) {
  BOOST_TEST(normalize_axis("f", 0, 2) == 0U);
  BOOST_TEST(normalize_axis("f", -1, 2) == 1U);
  BOOST_TEST(normalize_axis("f", -2, 2) == 0U);
  check_failure<Range>([] { normalize_axis("sum", 2, 2); },
                       "sum: axis 2 is out of range for 2 axes");
  check_failure<Range>([] { normalize_axis("sum", -3, 2); },
                       "sum: axis -3 is out of range for 2 axes");
  check_failure<Range>([] { normalize_axis("sum", 0, 0); },
                       "sum: axis 0 is out of range for 0 axes");
  const Shape shape{2, 3};
  BOOST_TEST(normalize_axis("f", -2, shape) == 0U);
  BOOST_TEST(normalize_new_axis("f", -1, shape) == 2U);
  BOOST_TEST(normalize_new_axis("f", -1, Shape{}) == 0U);
  check_failure<Range>([&] { normalize_axis("sum", 2, shape); },
                       "sum: axis 2 is out of range [-2, 1]: x (2, 3)");
  check_failure<Range>([&] { normalize_axis("sum", -3, shape, "weight"); },
                       "sum: axis -3 is out of range [-2, 1]: weight (2, 3)");
  check_failure<Range>([] { normalize_axis("sum", 0, Shape{}); },
                       "sum: axis 0 is out of range: x () has no axes");
  check_failure<Range>([&] { normalize_new_axis("unsqueeze", 3, shape); },
                       "unsqueeze: axis 3 is out of range [-3, 2]: x (2, 3)");
  check_failure<Range>([] { normalize_new_axis("unsqueeze", 1, Shape{}); },
                       "unsqueeze: axis 1 is out of range [-1, 0]: x ()");
}

BOOST_AUTO_TEST_CASE(lists_of_axes) {
  const std::vector<std::ptrdiff_t> v = {0, -1};
  const auto check = [&](const Axes& a) { BOOST_TEST((std::vector(a.begin(), a.end()) == v)); };
  check({0, -1});
  check(v);
  const Axes one = 3;
  BOOST_TEST(one.size() == 1U);
  BOOST_TEST(one[0] == 3);
  BOOST_TEST(Axes().empty());
  check_failure<Value>([] { Axes(std::vector<std::ptrdiff_t>(9)); }, "axes: more than 8 axes");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
