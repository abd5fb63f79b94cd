// The references first, each with its name, then the tables: name, call, reference, where to prove it.

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

Row joined(std::vector<Shape> arguments, std::vector<std::vector<Shape>> shapes,
           std::vector<Shape> large) {
  Row r{.shapes = std::move(shapes), .large = std::move(large), .tolerance = 0};
  for (const Shape& shape : arguments) r.arguments.push_back({shape});
  return r;
}

// Where an element of the result comes from: (index, shape of x) -> index of x.
using Source = Index (*)(const Index&, const Shape&);
// The shape of the result.
using Target = Shape (*)(const Shape&);

constexpr Target kSame = [](const Shape& s) { return s; };
constexpr Source kHere = [](const Index& i, const Shape&) { return i; };

constexpr Target kThreeRows = [](const Shape& s) { return Shape{3, s.elements() / 3}; };
constexpr Target kFlat = [](const Shape& s) { return Shape{s[0], elements_from(s, 1)}; };
constexpr Target kSqueezed = [](const Shape& s) { return s.without(1); };
constexpr Target kUnsqueezed = [](const Shape& s) { return s.with(s.rank() - 1, 1); };

constexpr Target kPermuted = [](const Shape& s) { return Shape{s[2], s[0], s[1]}; };
constexpr Source kUnpermuted = [](const Index& i, const Shape&) { return Index{i[1], i[2], i[0]}; };
constexpr Source kFlipped = [](const Index& i, const Shape& s) {
  return Index{s[0] - 1 - i[0], i[1], s[2] - 1 - i[2]};
};

constexpr Source kRolled = [](const Index& i, const Shape& s) {
  return Index{(i[0] + s[0] - 1) % s[0], i[1], (i[2] + 2) % s[2]};
};

constexpr Target kMiddle = [](const Shape& s) {
  return Shape{s[0], s[1] < 3 ? s[1] - 1 : 2, s[2]};
};
constexpr Source kFromMiddle = [](const Index& i, const Shape&) {
  return Index{i[0], i[1] + 1, i[2]};
};
constexpr Target kLastRows = [](const Shape& s) { return Shape{1, s[1], (s[2] + 1) / 2}; };
constexpr Source kBackwards = [](const Index& i, const Shape& s) {
  return Index{s[0] - 1, i[1], s[2] - 1 - 2 * i[2]};
};
constexpr Target kMatrix = [](const Shape& s) { return Shape{s[0], s[1]}; };
constexpr Source kFromLastButOne = [](const Index& i, const Shape& s) {
  return Index{i[0], i[1], s[2] - 2};
};
constexpr Target kFirstColumn = [](const Shape& s) { return Shape{s[0], 1, s[2]}; };
constexpr Target kHalf = [](const Shape& s) { return Shape{s[0], s[1], s[2] / 2}; };

Reference transpose_of(const References& in) { return transposed(in[0]); }

Reference broadcast_of(const References& in) {
  return generate(target_of(in[0].shape), [&](const Index& i) { return in[0].at(i); });
}

// Twice along the first of three axes, three times along the last.
Reference repetition(const References& in) {
  Reference x = in[0];
  while (x.rank() < 3) x.shape = x.shape.with(0, 1);
  return generate({2 * x.shape[0], x.shape[1], 3 * x.shape[2]}, [&](const Index& i) {
    return x.at({i[0] % x.shape[0], i[1], i[2] % x.shape[2]});
  });
}

// a, b and a again, along axis 1.
Reference concatenation(const References& in) {
  const std::size_t n = in[0].shape[1], m = in[1].shape[1];
  return generate({in[0].shape[0], 2 * n + m}, [=](const Index& i) {
    if (i[1] >= n && i[1] < n + m) return in[1].at({i[0], i[1] - n});
    return in[0].at({i[0], i[1] < n ? i[1] : i[1] - n - m});
  });
}

Reference pile(const References& in) {
  Shape shape = in[0].shape;
  shape.push_back(2);
  return generate(shape, [&](Index i) {
    const std::size_t which = i.back();
    i.pop_back();
    return in[which].at(i);
  });
}

// One 0.5 before the first axis, two before and one behind the last.
Reference frame(const References& in) {
  const Shape& s = in[0].shape;
  return generate({s[0] + 1, s[1], s[2] + 3}, [&](const Index& i) {
    const bool inside = i[0] >= 1 && i[2] >= 2 && i[2] < s[2] + 2;
    return inside ? in[0].at({i[0] - 1, i[1], i[2] - 2}) : 0.5L;
  });
}

Reference grid(const References& in) {
  return generate({2, in[0].values.size(), in[1].values.size()},
                  [&](const Index& i) { return in[i[0]].at({i[1 + i[0]]}); });
}
#define OF_X(...) [](const auto& x) { return __VA_ARGS__; }
#define OF_AB(...) [](const auto& a, const auto& b) { return __VA_ARGS__; }

// clang-format off
std::vector<Row> view_rows() {
  return {
      prove("reshape", OF_X(reshape(x, {3, -1})), as_shape(kThreeRows),
            large({{3, 64, 1024}}, cube({{{1, 3, 1}}, {{3}}, {{3, 0}}}))),
      prove("flatten", OF_X(flatten(x, 1)), as_shape(kFlat), cube()),
      prove("squeeze", OF_X(squeeze(x, 1)), as_shape(kSqueezed),
            large({{512, 1, 256}}, with_shape({2, 1, 3}, {{{1, 1}}, {{0, 1, 3}}}))),
      prove("unsqueeze", OF_X(unsqueeze(x, -2)), as_shape(kUnsqueezed), cube()),
      prove("permute", OF_X(permute(x, {2, 0, 1})), rearrange(kPermuted, kUnpermuted), cube()),
      prove("transpose", OF_X(transpose(x)), transpose_of, cube()),
      prove("broadcast_to", OF_X(broadcast_to(x, target_of(x.shape()))), broadcast_of,
            joined({{3, 1}}, {{{}}, {{4}}, {{2, 1, 1}}, {{3, 0}}}, {{3, 1 << 17}})),
      prove("flip", OF_X(flip(x, {0, -1})), rearrange(kSame, kFlipped), cube()),
      prove("roll", OF_X(roll(x, {1, -2}, {0, -1})), rearrange(kSame, kRolled), cube()),
      prove("repeat", OF_X(repeat(x, {2, 1, 3})), repetition,
            cube({{{1, 1, 1}}, {{1, 3, 1}}, {{2, 0, 3}}, {{}}, {{3}}})),
  };
}

std::vector<Row> part_rows() {
  return {
      prove("slice", OF_X(slice(x, 1, 1, 3)), rearrange(kMiddle, kFromMiddle),
            cube({{{1, 2, 1}}, {{2, 3, 1}}, {{0, 3, 4}}})),
      prove("slice: parts", OF_X(slice(x, {{.start = -1}, {}, {.step = -2}})),
            rearrange(kLastRows, kBackwards), cube({{{1, 1, 1}}, {{3, 2, 5}}})),
      prove("select", OF_X(select(x, -1, -2)), rearrange(kMatrix, kFromLastButOne),
            cube({{{1, 1, 2}}, {{0, 3, 4}}})),
      prove("split", OF_X(split(x, std::vector<std::size_t>{1, 2}, 1)), rearrange(kFirstColumn, kHere),
            large({{128, 3, 512}}, cube({{{1, 3, 1}}, {{0, 3, 4}}}))),
      prove("split: equal", OF_X(split(x, 2, -1)), rearrange(kHalf, kHere), cube({{{1, 1, 2}}})),
  };
}

std::vector<Row> joined_rows() {
  return {
      prove("concat", OF_AB(xgrad::concat({a, b, a}, 1)), concatenation,
            joined({{2, 3}, {2, 1}}, {{{1, 1}, {1, 2}}, {{2, 0}, {2, 3}}}, {{512, 300}, {512, 100}})),
      prove("stack", OF_AB(xgrad::stack({a, b}, -1)), pile,
            joined({{2, 3}, {2, 3}}, {{{}, {}}, {{1}, {1}}, {{0, 2}, {0, 2}}}, {{512, 256}, {512, 256}})),
      prove("meshgrid", OF_AB(xgrad::stack(xgrad::meshgrid(std::vector{a, b}))), grid,
            joined({{2}, {3}}, {{{1}, {1}}, {{0}, {2}}}, {{512}, {256}})),
      prove("pad", OF_X(pad(x, {{1, 0}, {}, {2, 1}}, 0.5)), frame, cube()),
  };
}
// clang-format on

}  // namespace

std::vector<Row> shape_rows() {
  std::vector<Row> all;
  for (const auto& rows : {view_rows(), part_rows(), joined_rows()}) {
    all.insert(all.end(), rows.begin(), rows.end());
  }
  return all;
}

}  // namespace proof
