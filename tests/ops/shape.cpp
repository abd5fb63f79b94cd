// The rows of shape.hpp, slicing.hpp and indexing.hpp, and what is particular to shape.hpp.

#include "xgrad/ops/shape.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/ops/failure.hpp"
#include "tests/ops/reference_rows.hpp"
#include "tests/ops/threads.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/indexing.hpp"

namespace xgrad::test {
namespace {

using In = const Tensors&;

std::vector<Row> shape_rows() {
  const D x = wave({2, 3, 4}), v = wave({7}, 2);
  return {
      {"reshape",
       {x},
       [](In in) {
         return reshape(in[0], {4, -1});
       }},
      {"flatten", {x}, [](In in) { return flatten(in[0]); }},
      {"flatten middle", {x}, [](In in) { return flatten(in[0], 0, -2); }},
      {"squeeze",
       {x},
       [](In in) {
         return squeeze(slice(in[0], {{}, {0, 1}, {0, 1}}));
       }},
      {"squeeze axis",
       {x},
       [](In in) {
         return squeeze(slice(in[0], {{}, {0, 1}, {0, 1}}), 1);
       }},
      {"unsqueeze", {x}, [](In in) { return unsqueeze(in[0], -1); }},
      {"permute",
       {x},
       [](In in) {
         return permute(in[0], {2, 0, 1});
       }},
      {"permute reversed",
       {x},
       [](In in) {
         return permute(in[0], {-1, -2, -3});
       }},
      {"transpose", {x}, [](In in) { return transpose(in[0]); }},
      {"transpose outer", {x}, [](In in) { return transpose(in[0], 0, 2); }},
      {"broadcast_to",
       {x},
       [](In in) {
         return broadcast_to(slice(in[0], 1, 0, 1), {3, 2, 3, 4});
       }},
      {"flip", {x}, [](In in) { return flip(in[0]); }},
      {"flip axes",
       {x},
       [](In in) {
         return flip(in[0], {0, -1});
       }},
      {"repeat",
       {x},
       [](In in) {
         return repeat(in[0], {2, 1, 3});
       }},
      {"repeat in front",
       {v},
       [](In in) {
         return repeat(in[0], {3, 2});
       }},
  };
}

std::vector<Row> part_rows() {
  const D x = wave({2, 3, 4}), v = wave({7}, 2);
  return {
      {"slice", {x}, [](In in) { return slice(in[0], 1, 1, 3); }},
      {"slice step", {x}, [](In in) { return slice(in[0], -1, {.step = 3}); }},
      {"slice backwards", {x}, [](In in) { return slice(in[0], 1, {.step = -1}); }},
      {"slice backwards step", {v}, [](In in) { return slice(in[0], 0, 5, 0, -2); }},
      {"slice negative", {v}, [](In in) { return slice(in[0], 0, -5, -1); }},
      {"slice outside", {v}, [](In in) { return slice(in[0], 0, -100, 100, 4); }},
      {"slice many",
       {x},
       [](In in) {
         return slice(in[0], {{.start = 1}, {.step = 2}, {3, 0, -1}});
       }},
      {"slices of one",
       {v},
       [](In in) {
         return slice(in[0], 0, 0, 4) * slice(in[0], 0, 2, 6) * slice(in[0], 0, {.start = 3});
       }},
      {"select", {x}, [](In in) { return select(in[0], 1, 1); }},
      {"select negative", {x}, [](In in) { return select(in[0], -1, -1); }},
      {"split", {x}, [](In in) { return split(in[0], 2, 2)[1]; }},
      {"split sizes",
       {x},
       [](In in) {
         return split(in[0], {1, 2}, 1)[1];
       }},
  };
}

std::vector<Row> joined_rows() {
  const D x = wave({2, 3, 4}), y = wave({2, 3, 4}, 1), v = wave({7}, 2);
  return {
      {"concat",
       {x, y},
       [](In in) {
         return concat({in[0], in[1], in[0]}, 1);
       }},
      {"concat negative",
       {x, y},
       [](In in) {
         return concat({in[0], slice(in[1], 2, 0, 1)}, -1);
       }},
      {"stack",
       {x, y},
       [](In in) {
         return stack({in[0], in[1]});
       }},
      {"stack last",
       {x, y},
       [](In in) {
         return stack({in[0], in[1], in[0]}, -1);
       }},
      {"pad",
       {x},
       [](In in) {
         return pad(in[0], {{1, 0}, {}, {2, 1}});
       }},
      {"pad value",
       {v},
       [](In in) {
         return pad(in[0], {{2, 3}}, 0.75);
       }},
  };
}

std::vector<Row> indexing_rows() {
  const D x = wave({2, 3, 4}), y = wave({2, 3, 4}, 1);
  const Indices rows = {2, 0, 2, 1}, table = {{0, 2}, {1, 1}, {2, 0}};
  const Indices along = {{{0, 1, 1, 0}, {2, 2, 0, 0}}, {{2, 2, 0, 1}, {2, 1, 0, 1}}};
  return {
      {"index_select", {x}, [=](In in) { return index_select(in[0], 1, rows); }},
      {"index_select table", {x}, [=](In in) { return index_select(in[0], 1, table); }},
      {"index_add",
       {x, y},
       [=](In in) { return index_add(in[0], 1, rows, index_select(in[1], 1, rows)); }},
      {"gather", {x}, [=](In in) { return gather(in[0], 1, along); }},
      {"scatter_add",
       {x, y},
       [=](In in) { return scatter_add(in[0], -2, along, slice(in[1], 1, 0, 2)); }},
  };
}

// As in the script, cubed.
std::vector<Row> all_rows() {
  std::vector<Row> rows;
  for (const auto& more : {shape_rows(), part_rows(), joined_rows(), indexing_rows()}) {
    for (const Row& row : more) {
      rows.push_back({row.name, row.inputs, [f = row.function](In in) {
                        const D y = f(in);
                        return y * y * y;
                      }});
    }
  }
  return rows;
}

const RegisterRows kRows("shape", all_rows());

}  // namespace

BOOST_AUTO_TEST_SUITE(shape)

BOOST_AUTO_TEST_CASE(sizes_from_anything) {
  const D x = wave({2, 3, 4});
  const std::size_t n = 4;
  const int m = 6;
  check_shape(reshape(x, {n, m}), {4, 6});
  check_shape(reshape(x, {x.size(0), -1}), {2, 12});
  check_shape(reshape(x, -1), {24});
  check_shape(reshape(x, Shape{6, 4}), {6, 4});
  check_shape(reshape(x, std::vector<std::ptrdiff_t>{3, 8}), {3, 8});
  check_shape(reshape(D(1.0), {}), {});
  check_shape(reshape(D(1.0), {1, 1}), {1, 1});
  check_shape(reshape(wave({1, 1}), {}), {});
}

BOOST_AUTO_TEST_CASE(no_elements) {
  const D x = zeros<double>({0, 3});
  check_shape(reshape(x, {3, -1}), {3, 0});
  check_shape(reshape(x, {5, 0, 2}), {5, 0, 2});
  check_shape(flatten(x), {0});
  check_shape(permute(x, {1, 0}), {3, 0});
  check_shape(transpose(x), {3, 0});
  check_shape(flip(x), {0, 3});
  check_shape(repeat(x, {2, 2}), {0, 6});
  check_shape(repeat(wave({2, 3}), {0, 1}), {0, 3});
  check_shape(broadcast_to(zeros<double>({0, 1}), {0, 4}), {0, 4});
  check_shape(squeeze(zeros<double>({0, 1})), {0});
}

BOOST_AUTO_TEST_CASE(no_axes) {
  const D x = 3.0;
  check_shape(flatten(x), {1});
  check_shape(squeeze(x), {});
  check_shape(unsqueeze(x, 0), {1});
  check_shape(unsqueeze(x, -1), {1});
  check_shape(permute(x, {}), {});
  check_shape(flip(x), {});
  check_shape(repeat(x, {2, 3}), {2, 3});
  check_shape(repeat(x, {}), {});
  check_shape(broadcast_to(x, {2, 0}), {2, 0});
}

BOOST_AUTO_TEST_CASE(gradient_without_elements) {
  const D x = parameter(zeros<double>({0, 3}));
  for (const D& y : {permute(x, {1, 0}), repeat(x, {2, 2}), reshape(x, {3, 0}), flip(x)}) {
    y.backward(zeros<double>(y.shape()));
  }
  check_shape(x.gradient(), {0, 3});
}

BOOST_AUTO_TEST_CASE(views_share_memory) {
  const D x = wave({2, 3});
  for (const D& y : {reshape(x, {3, 2}), flatten(x), unsqueeze(x, 1), squeeze(unsqueeze(x, 0)),
                     transpose(unsqueeze(x, 1), 0, 1), repeat(x, {1, 1})}) {
    BOOST_TEST(y.data() == x.data());
  }
  BOOST_TEST(permute(x, {1, 0}).data() != x.data());
  BOOST_TEST(reshape(x, {2, 3}).is_same(x));
  BOOST_TEST(permute(x, {0, 1}).is_same(x));
}

BOOST_AUTO_TEST_CASE(float_too) {
  const Tensor<float> x = Tensor<float>::from({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto is = [](const Tensor<float>& y, const Array<float>& expected) {
    BOOST_TEST((y.value() == expected));
  };
  is(reshape(x, {3, 2}), {{1, 2}, {3, 4}, {5, 6}});
  is(transpose(x), {{1, 4}, {2, 5}, {3, 6}});
  is(flip(x, 1), {{3, 2, 1}, {6, 5, 4}});
  is(repeat(x, {1, 2}), {{1, 2, 3, 1, 2, 3}, {4, 5, 6, 4, 5, 6}});
  is(broadcast_to(slice(x, 0, 0, 1), {2, 3}), {{1, 2, 3}, {1, 2, 3}});
}

// The kernel of a transposition has tiles, edges, and blocks of 64.
BOOST_AUTO_TEST_CASE(permutations_of_every_size) {
  for (const std::size_t n : {1U, 2U, 3U, 7U, 8U, 15U, 16U, 17U, 33U, 63U, 64U, 65U, 130U}) {
    const std::size_t m = n + 5;
    const D x = wave({2, n, m, 3}), y = permute(x, {0, 3, 2, 1});
    bool same = true;
    for (std::size_t k = 0; k < y.size(); ++k) {
      const std::size_t i = k % n, j = k / n % m, c = k / n / m % 3, b = k / n / m / 3;
      same = same && y.data()[k] == x.data()[((b * n + i) * m + j) * 3 + c];
    }
    BOOST_TEST(same, n);
  }
}

BOOST_AUTO_TEST_CASE(same_for_any_number_of_threads) {
  const Tensors x = {wave({300, 500})};
  check_threads([](In in) { return transpose(in[0]); }, x);
  check_threads([](In in) { return flip(in[0]); }, x);
  check_threads([](In in) { return repeat(in[0], {2, 3}); }, x);
  check_threads([](In in) { return broadcast_to(slice(in[0], 1, 0, 1), {300, 500}); }, x);
  check_threads([](In in) { return permute(in[0], {2, 1, 0, 3}); }, {wave({30, 20, 17, 19})});
}

BOOST_AUTO_TEST_CASE(errors) {
  using Value = std::invalid_argument;
  using Range = std::out_of_range;
  const D x = wave({2, 3});
  check_failure<Value>(
      [&] {
        reshape(x, {4, 2});
      },
      "reshape: the sizes do not fit: x (2, 3), sizes (4, 2)");
  check_failure<Value>(
      [&] {
        reshape(x, {4, -1});
      },
      "reshape: the sizes do not fit: x (2, 3), sizes (4, -1)");
  check_failure<Value>(
      [&] {
        reshape(x, {-1, -1});
      },
      "reshape: more than one size is -1: sizes (-1, -1)");
  check_failure<Value>([&] { reshape(x, {-2, 3}); }, "reshape: size -2 is negative: sizes (-2, 3)");
  check_failure<Value>(
      [&] {
        reshape(zeros<double>({0}), {0, -1});
      },
      "reshape: the sizes do not fit: x (0), sizes (0, -1)");
  check_failure<Value>([&] { reshape(x, {1, 1, 1, 1, 1, 1, 1, 2, 3}); }, "shape: more than 8 axes");
  check_failure<Value>(
      [&] {
        flatten(wave({2, 3, 4}), 2, 1);
      },
      "flatten: the last axis comes before the first: start_axis 2, end_axis 1");
  check_failure<Range>([&] { flatten(x, 2); }, "flatten: axis 2 is out of range [-2, 1]: x (2, 3)");
  check_failure<Value>([&] { squeeze(x, 0); },
                       "squeeze: axis 0 has more than one element or none: x (2, 3)");
  check_failure<Value>(
      [&] {
        squeeze(wave({1, 1}), {0, -2});
      },
      "squeeze: axis -2 is given twice: x (1, 1)");
  check_failure<Range>([&] { unsqueeze(x, 3); },
                       "unsqueeze: axis 3 is out of range [-3, 2]: x (2, 3)");
  check_failure<Value>([&] { permute(x, {0, 0}); }, "permute: axis 0 is given twice: x (2, 3)");
  check_failure<Value>([&] { permute(x, {1}); },
                       "permute: not every axis is named once: axes (1), x (2, 3)");
  check_failure<Range>(
      [&] {
        permute(x, {0, 2});
      },
      "permute: axis 2 is out of range [-2, 1]: x (2, 3)");
  check_failure<Range>([&] { transpose(wave({3})); },
                       "transpose: axis -2 is out of range [-1, 0]: x (3)");
  check_failure<Range>([&] { flip(x, -3); }, "flip: axis -3 is out of range [-2, 1]: x (2, 3)");
  check_failure<Value>([&] { flip(x, {1, 1}); }, "flip: axis 1 is given twice: x (2, 3)");
  check_failure<Value>([&] { repeat(x, {2}); },
                       "repeat: fewer repeats than axes: repeats (2), x (2, 3)");
  check_failure<Value>(
      [&] {
        broadcast_to(x, {3, 3});
      },
      "broadcast_to: shape (2, 3) does not broadcast to (3, 3)");
  check_failure<std::logic_error>(
      [] { flip(D()); }, "tensor: this tensor is undefined (default-constructed or moved from)");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
