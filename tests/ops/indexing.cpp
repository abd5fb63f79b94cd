// What is particular to indexing.hpp; its rows are in shape.cpp.

#include "xgrad/ops/indexing.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <vector>

#include "tests/ops/failure.hpp"
#include "tests/ops/reference_rows.hpp"
#include "tests/ops/threads.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad::test {
namespace {

using In = const Tensors&;

Indices column(const std::vector<std::int64_t>& positions) {
  Indices indices(Indices::shape_type{positions.size(), 1});
  std::copy(positions.begin(), positions.end(), indices.begin());
  return indices;
}

Indices empty_indices(const Shape& shape) {
  return Indices(Indices::shape_type(shape.begin(), shape.end()));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(indexing)

BOOST_AUTO_TEST_CASE(lookup_of_rows) {
  const D table = D::from({3, 2}, {0, 1, 10, 11, 20, 21});
  is(index_select(table, 0, Indices{2, 0, 2}), {{20, 21}, {0, 1}, {20, 21}});
  is(index_select(table, -1, Indices{1}), D::from({3, 1}, {1, 11, 21}).value());
  is(index_select(table, 0, Indices{{0, 1}}), {{{0, 1}, {10, 11}}});
}

BOOST_AUTO_TEST_CASE(repeated_positions_add_up) {
  const D table = parameter(zeros<double>({3, 2}));
  index_select(table, 0, Indices{2, 0, 2}).backward(D::from({3, 2}, {1, 2, 3, 4, 5, 6}));
  is(table.gradient(), {{3, 4}, {0, 0}, {6, 8}});
  is(index_add(table, 0, Indices{1, 1}, ones<double>({2, 2})), {{0, 0}, {2, 2}, {0, 0}});
}

// One position without axes of its own takes the axis away.
BOOST_AUTO_TEST_CASE(no_axes) {
  const Indices two(Indices::shape_type{}, 2);
  is(index_select(D::from({3}, {5, 6, 7}), 0, two), 7);
  is(one_hot<double>(two, 4), {0, 0, 1, 0});
  is(from_indices<double>(two), 2);
}

BOOST_AUTO_TEST_CASE(no_elements) {
  const D x = parameter(wave({3, 2}));
  const Indices none = empty_indices({0});
  const D y = index_select(x, 0, none);
  check_shape(y, {0, 2});
  y.backward(zeros<double>({0, 2}));
  is(x.gradient(), {{0, 0}, {0, 0}, {0, 0}});
  check_shape(index_select(zeros<double>({3, 0}), 0, Indices{1, 1}), {2, 0});
  check_shape(gather(x, 0, empty_indices({0, 2})), {0, 2});
  check_close(scatter_add(x, 0, empty_indices({0, 2}), zeros<double>({0, 2})), x);
  check_shape(one_hot<double>(none, 3), {0, 3});
}

BOOST_AUTO_TEST_CASE(negative_positions_count_from_the_end) {
  const D x = parameter(D::from({3, 2}, {1, 2, 3, 4, 5, 6}));
  is(index_select(x, 0, Indices{-1, 0}), {{5, 6}, {1, 2}});
  is(index_add(x, 1, Indices{-2}, ones<double>({3, 1})), {{2, 2}, {4, 4}, {6, 6}});
  const Indices column = indices({3, 1}, {-1, 0, -2});
  is(gather(x, 1, column), D::from({3, 1}, {2, 3, 5}).value());
  is(scatter_add(x, 1, column, ones<double>({3, 1})), {{1, 3}, {4, 4}, {6, 6}});
  gather(x, 1, column).backward(ones<double>({3, 1}));
  is(x.gradient(), {{0, 1}, {1, 0}, {1, 0}});
}

BOOST_AUTO_TEST_CASE(positions_from_a_vector) {
  const std::vector<int> v = {0, 1, 2, -1};
  BOOST_TEST((indices({2, 2}, v) == Indices{{0, 1}, {2, -1}}));
  BOOST_TEST((indices({2, 2}, {5, 6, 7, 8}) == Indices{{5, 6}, {7, 8}}));
  BOOST_TEST((indices(v) == Indices{0, 1, 2, -1}));
  check_failure<std::invalid_argument>([&] { indices({3}, v); }, "indices: 4 values for shape (3)");
  check_failure<std::out_of_range>(
      [] {
        indices(std::vector<std::size_t>{1, SIZE_MAX});
      },
      "indices: a value is too large: 18446744073709551615");
}

BOOST_AUTO_TEST_CASE(positions_are_copied) {
  const D x = parameter(wave({3}));
  Indices index = {0, 1};
  const D y = index_select(x, 0, index);
  index.fill(2);
  y.backward(ones<double>({2}));
  is(x.gradient(), {1, 1, 0});
}

BOOST_AUTO_TEST_CASE(one_hot_rows) {
  is(one_hot<double>(Indices{2, 0}, 3), {{0, 0, 1}, {1, 0, 0}});
  BOOST_TEST((one_hot<float>(Indices{1}, 2).value() == Array<float>{{0, 1}}));
}

BOOST_AUTO_TEST_CASE(float_too) {
  const Tensor<float> x = Tensor<float>::from({2, 2}, {1, 2, 3, 4});
  BOOST_TEST((index_select(x, 1, Indices{1, 1, 0}).value() == Array<float>{{2, 2, 1}, {4, 4, 3}}));
  BOOST_TEST((gather(x, 1, column({1, 0})).value() == Tensor<float>::from({2, 1}, {2, 3}).value()));
  BOOST_TEST((scatter_add(x, 0, Indices{{1, 0}}, ones_like(slice(x, 0, 0, 1))).value() ==
              Array<float>{{1, 3}, {4, 4}}));
}

// Both ways of sharing out the sums: by outer index, and by column.
BOOST_AUTO_TEST_CASE(same_for_any_number_of_threads) {
  Indices rows(std::vector<std::size_t>{3000}), along(std::vector<std::size_t>{300, 200});
  for (std::size_t k = 0; k < rows.size(); ++k)
    rows.data()[k] = static_cast<std::int64_t>(k * k % 50);
  for (std::size_t k = 0; k < along.size(); ++k)
    along.data()[k] = static_cast<std::int64_t>(k * 7 % 50);
  check_threads([&](In in) { return index_select(in[0], 0, rows); }, {wave({50, 100})});
  check_threads([&](In in) { return index_select(in[0], 1, rows); }, {wave({40, 50})});
  check_threads([&](In in) { return index_add(in[0], 0, rows, in[1]); },
                {wave({50, 100}), wave({3000, 100}, 1)});
  check_threads([&](In in) { return gather(in[0], 1, along); }, {wave({300, 50})});
  check_threads([&](In in) { return scatter_add(in[0], 1, along, in[1]); },
                {wave({300, 50}), wave({300, 200}, 1)});
}

BOOST_AUTO_TEST_CASE(errors) {
  using Value = std::invalid_argument;
  using Range = std::out_of_range;
  const D x = wave({2, 3});
  check_failure<Range>(
      [&] {
        index_select(x, 1, Indices{{0, 1}, {3, 2}});
      },
      "index_select: index out of range: index(1, 0) is 3, n 3");
  check_failure<Range>(
      [&] {
        index_select(x, 0, Indices{1, -3});
      },
      "index_select: index out of range: index(1) is -3, n 2");
  check_failure<Range>([&] { index_select(x, 2, Indices{1}); },
                       "index_select: axis 2 is out of range [-2, 1]: x (2, 3)");
  check_failure<Value>(
      [&] {
        index_add(x, 0, Indices{1}, wave({2, 3}));
      },
      "index_add: the source does not fit: x (2, 3), index (1), source (2, 3)");
  check_failure<Range>(
      [&] {
        index_add(x, 0, Indices{2}, wave({1, 3}));
      },
      "index_add: index out of range: index(0) is 2, n 2");
  check_failure<Value>(
      [&] {
        gather(x, 1, Indices{0, 1});
      },
      "gather: sizes differ outside the axis: x (2, 3), index (2)");
  check_failure<Value>([&] { gather(x, 1, column({0})); },
                       "gather: sizes differ outside the axis: x (2, 3), index (1, 1)");
  check_failure<Range>(
      [&] {
        gather(x, 1, column({0, 3}));
      },
      "gather: index out of range: index(1, 0) is 3, n 3");
  check_failure<Value>(
      [&] {
        scatter_add(x, 1, column({0, 1}), wave({2, 2}));
      },
      "scatter_add: source and index have different shapes: x (2, 3), index (2, 1), source (2, 2)");
  check_failure<Range>(
      [&] {
        one_hot<double>(Indices{0, 5}, 5);
      },
      "one_hot: index out of range: index(1) is 5, n 5");
  check_failure<Range>(
      [] {
        one_hot<double>(Indices{0, -1}, 5);
      },
      "one_hot: index out of range: index(1) is -1, n 5");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
