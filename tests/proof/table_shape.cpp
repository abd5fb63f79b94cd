#include "row.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"

namespace proof {
namespace {

using Ints = std::vector<std::ptrdiff_t>;

const std::vector<std::vector<Shape>> kShapes = {{{1, 1, 1}}, {{1, 3, 1}}, {{2, 0, 3}}};

Row cube(std::vector<std::vector<Shape>> shapes = kShapes) {
  return {.arguments = {{{2, 3, 4}}},
          .shapes = std::move(shapes),
          .large = {{128, 32, 64}},
          .tolerance = 0};
}

Row large(std::vector<Shape> shapes, Row r) {
  r.large = std::move(shapes);
  return r;
}

Row with_shape(const Shape& shape, std::vector<std::vector<Shape>> shapes) {
  Row r = cube(std::move(shapes));
  r.arguments[0].shape = shape;
  r.large = {};
  return r;
}

// The same numbers in the same order.
Formula as_shape(Shape (*shape)(const Shape&)) {
  return [shape](const References& in) {
    Reference y = in[0];
    y.shape = shape(in[0].shape);
    return y;
  };
}

std::size_t elements_from(const Shape& s, std::size_t axis) {
  std::size_t n = 1;
  for (std::size_t i = axis; i < s.rank(); ++i) n *= s[i];
  return n;
}

// What broadcast_to is to make: (2, 3, n).
Shape target_of(const Shape& s) {
  const bool fixed = s.rank() < 2 || s.back() == 1;
  return {2, 3, fixed ? 4 : s.back()};
}

Shape same(const Shape& s) { return s; }

}  // namespace

std::vector<Row> shape_rows() {
  return {
      prove(
          "reshape",
          [](const auto& x) {
            return reshape(x, {3, -1});
          },
          as_shape([](const Shape& s) {
            return Shape{3, s.elements() / 3};
          }),
          large({{3, 64, 1024}}, cube({{{1, 3, 1}}, {{3}}, {{3, 0}}}))),
      prove(
          "flatten", [](const auto& x) { return flatten(x, 1); }, as_shape([](const Shape& s) {
            return Shape{s[0], elements_from(s, 1)};
          }),
          cube()),
      prove(
          "squeeze", [](const auto& x) { return squeeze(x, 1); },
          as_shape([](const Shape& s) { return s.without(1); }),
          large({{512, 1, 256}}, with_shape({2, 1, 3}, {{{1, 1}}, {{0, 1, 3}}}))),
      prove(
          "unsqueeze", [](const auto& x) { return unsqueeze(x, -2); },
          as_shape([](const Shape& s) { return s.with(s.rank() - 1, 1); }), cube()),
      prove(
          "permute",
          [](const auto& x) {
            return permute(x, {2, 0, 1});
          },
          rearrange(
              [](const Shape& s) {
                return Shape{s[2], s[0], s[1]};
              },
              [](const Index& i, const Shape&) {
                return Index{i[1], i[2], i[0]};
              }),
          cube()),
      prove(
          "transpose", [](const auto& x) { return transpose(x); },
          [](const References& in) { return transposed(in[0]); }, cube()),
      prove(
          "broadcast_to", [](const auto& x) { return broadcast_to(x, target_of(x.shape())); },
          [](const References& in) {
            return generate(target_of(in[0].shape), [&](const Index& i) { return in[0].at(i); });
          },
          {.arguments = {{{3, 1}}},
           .shapes = {{{}}, {{4}}, {{2, 1, 1}}, {{3, 0}}},
           .large = {{3, 1 << 17}},
           .tolerance = 0}),
      prove(
          "flip",
          [](const auto& x) {
            return flip(x, {0, -1});
          },
          rearrange(same,
                    [](const Index& i, const Shape& s) {
                      return Index{s[0] - 1 - i[0], i[1], s[2] - 1 - i[2]};
                    }),
          cube()),
      prove(
          "repeat",
          [](const auto& x) {
            return repeat(x, {2, 1, 3});
          },
          [](const References& in) {
            Reference x = in[0];
            while (x.rank() < 3) x.shape = x.shape.with(0, 1);
            return generate({2 * x.shape[0], x.shape[1], 3 * x.shape[2]}, [&](const Index& i) {
              return x.at({i[0] % x.shape[0], i[1], i[2] % x.shape[2]});
            });
          },
          cube({{{1, 1, 1}}, {{1, 3, 1}}, {{2, 0, 3}}, {{}}, {{3}}})),
      prove(
          "slice", [](const auto& x) { return slice(x, 1, 1, 3); },
          rearrange(
              [](const Shape& s) {
                return Shape{s[0], s[1] < 3 ? s[1] - 1 : 2, s[2]};
              },
              [](const Index& i, const Shape&) {
                return Index{i[0], i[1] + 1, i[2]};
              }),
          cube({{{1, 2, 1}}, {{2, 3, 1}}, {{0, 3, 4}}})),
      prove(
          "slice: parts",
          [](const auto& x) {
            return slice(x, {{.start = -1}, {}, {.step = -2}});
          },
          rearrange(
              [](const Shape& s) {
                return Shape{1, s[1], (s[2] + 1) / 2};
              },
              [](const Index& i, const Shape& s) {
                return Index{s[0] - 1, i[1], s[2] - 1 - 2 * i[2]};
              }),
          cube({{{1, 1, 1}}, {{3, 2, 5}}})),
      prove(
          "select", [](const auto& x) { return select(x, -1, -2); },
          rearrange(
              [](const Shape& s) {
                return Shape{s[0], s[1]};
              },
              [](const Index& i, const Shape& s) {
                return Index{i[0], i[1], s[2] - 2};
              }),
          cube({{{1, 1, 2}}, {{0, 3, 4}}})),
      prove(
          "split",
          [](const auto& x) {
            return split(x, std::vector<std::size_t>{1, 2}, 1);
          },
          rearrange(
              [](const Shape& s) {
                return Shape{s[0], 1, s[2]};
              },
              [](const Index& i, const Shape&) { return i; }),
          large({{128, 3, 512}}, cube({{{1, 3, 1}}, {{0, 3, 4}}}))),
      prove(
          "split: equal", [](const auto& x) { return split(x, 2, -1); },
          rearrange(
              [](const Shape& s) {
                return Shape{s[0], s[1], s[2] / 2};
              },
              [](const Index& i, const Shape&) { return i; }),
          cube({{{1, 1, 2}}})),
      prove(
          "concat",
          [](const auto& a, const auto& b) {
            return xgrad::concat({a, b, a}, 1);
          },
          [](const References& in) {
            const std::size_t n = in[0].shape[1], m = in[1].shape[1];
            return generate({in[0].shape[0], 2 * n + m}, [=](const Index& i) {
              if (i[1] >= n && i[1] < n + m) return in[1].at({i[0], i[1] - n});
              return in[0].at({i[0], i[1] < n ? i[1] : i[1] - n - m});
            });
          },
          {.arguments = {{{2, 3}}, {{2, 1}}},
           .shapes = {{{1, 1}, {1, 2}}, {{2, 0}, {2, 3}}},
           .large = {{512, 300}, {512, 100}},
           .tolerance = 0}),
      prove(
          "stack",
          [](const auto& a, const auto& b) {
            return xgrad::stack({a, b}, -1);
          },
          [](const References& in) {
            Shape shape = in[0].shape;
            shape.push_back(2);
            return generate(shape, [&](Index i) {
              const std::size_t which = i.back();
              i.pop_back();
              return in[which].at(i);
            });
          },
          {.arguments = {{{2, 3}}, {{2, 3}}},
           .shapes = {{{}, {}}, {{1}, {1}}, {{0, 2}, {0, 2}}},
           .large = {{512, 256}, {512, 256}},
           .tolerance = 0}),
      prove(
          "pad",
          [](const auto& x) {
            return pad(x, {{1, 0}, {}, {2, 1}}, 0.5);
          },
          [](const References& in) {
            const Shape& s = in[0].shape;
            return generate({s[0] + 1, s[1], s[2] + 3}, [&](const Index& i) {
              const bool inside = i[0] >= 1 && i[2] >= 2 && i[2] < s[2] + 2;
              return inside ? in[0].at({i[0] - 1, i[1], i[2] - 2}) : 0.5L;
            });
          },
          cube()),
  };
}

}  // namespace proof
