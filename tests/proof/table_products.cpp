// Diagonals and triangles of matrices, products along named axes, Kronecker's and the cross product, powers.

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "row.hpp"
#include "xgrad/ops/diagonals.hpp"
#include "xgrad/ops/distances.hpp"
#include "xgrad/ops/einsum.hpp"
#include "xgrad/ops/matrix_products.hpp"

namespace proof {
namespace {

// The shape of diagonal k of the last two axes.
Shape without_matrix(const Shape& s) { return Shape(s.begin(), s.end() - 2); }

std::size_t length(std::size_t m, std::size_t n, long k) {
  std::size_t r = 0;
  for (std::size_t i = 0; i < m; ++i) {
    const long j = static_cast<long>(i) + k;
    r += j >= 0 && j < static_cast<long>(n) ? 1 : 0;
  }
  return r;
}

std::size_t up(long k) { return static_cast<std::size_t>(k > 0 ? k : 0); }

// x[..., i, i + k].
Formula diagonal_of(long k) {
  return [k](const References& in) {
    Shape s = in[0].shape;
    Shape r = without_matrix(s);
    r.push_back(length(s[s.rank() - 2], s.back(), k));
    return generate(r, [&](Index i) {
      const std::size_t at = i.back();
      i.back() = at + up(-k);
      i.push_back(at + up(k));
      return in[0].at(i);
    });
  };
}

Formula diagonal_sum() {
  return [](const References& in) {
    const Reference d = diagonal_of(0)(in);
    const std::size_t n = d.shape.back();
    return generate(Shape(d.shape.begin(), d.shape.end() - 1), [&](Index i) {
      Number total = 0;
      i.push_back(0);
      for (i.back() = 0; i.back() < n; ++i.back()) total += d.at(i);
      return total;
    });
  };
}

Formula matrix_with_diagonal(long k) {
  return [k](const References& in) {
    Shape r = in[0].shape;
    const std::size_t n = r.back() + up(k) + up(-k);
    r[r.rank() - 1] = n;
    r.push_back(n);
    return generate(r, [&](Index i) -> Number {
      const std::size_t row = i[i.size() - 2], column = i.back();
      if (row + up(k) != column + up(-k)) return 0;
      i.pop_back();
      i.back() = row - up(-k);
      return in[0].at(i);
    });
  };
}

Formula triangle(bool lower, long k) {
  return [=](const References& in) {
    return generate(in[0].shape, [&](const Index& i) -> Number {
      const long above = static_cast<long>(i.back()) - static_cast<long>(i[i.size() - 2]) - k;
      return (lower ? above <= 0 : above >= 0) ? in[0].at(i) : 0;
    });
  };
}

Row matrices(Shape shape, std::vector<std::vector<Shape>> shapes) {
  return {.arguments = {{std::move(shape)}},
          .shapes = std::move(shapes),
          .large = {{4, 300, 200}},
          .tolerance = 1e-14};
}

Row large(Row r, std::vector<Shape> shapes) {
  r.large = std::move(shapes);
  return r;
}

Row pair(Shape a, Shape b, std::vector<std::vector<Shape>> shapes, std::vector<Shape> large = {}) {
  return {.arguments = {{std::move(a)}, {std::move(b)}},
          .shapes = std::move(shapes),
          .large = std::move(large),
          .tolerance = 1e-14};
}

const std::vector<std::vector<Shape>> kMatrices = {{{1, 1}}, {{2, 3}}, {{4, 2}},    {{2, 3, 3}},
                                                   {{0, 3}}, {{3, 0}}, {{0, 2, 2}}, {{1, 2, 2}}};

Reference kronecker(const References& in) {
  Reference a = in[0], b = in[1];
  const bool vectors = a.rank() == 1 && b.rank() == 1;
  if (a.rank() == 1) a.shape = a.shape.with(0, 1);
  if (b.rank() == 1) b.shape = b.shape.with(0, 1);
  Shape r = xgrad::broadcast_shapes("", without_matrix(a.shape), without_matrix(b.shape));
  const std::size_t p = b.shape[b.rank() - 2], q = b.shape.back();
  r.push_back(a.shape[a.rank() - 2] * p);
  r.push_back(a.shape.back() * q);
  Reference y = generate(r, [&](Index i) {
    Index j = i;
    i[i.size() - 2] /= p;
    i.back() /= q;
    j[j.size() - 2] %= p;
    j.back() %= q;
    return a.at(i) * b.at(j);
  });
  if (vectors) y.shape = {y.shape.back()};
  return y;
}

Reference vector_product(const References& in) {
  return generate(xgrad::broadcast_shapes("", in[0].shape, in[1].shape), [&](const Index& i) {
    Index j = i, k = i;
    j.back() = (i.back() + 1) % 3;
    k.back() = (i.back() + 2) % 3;
    return in[0].at(j) * in[1].at(k) - in[0].at(k) * in[1].at(j);
  });
}

// One product after the other: where numbers are not finite, another order finds other ones.
Formula power(std::size_t n) {
  return [n](const References& in) {
    const std::size_t last = in[0].rank() - 1;
    Reference y =
        generate(in[0].shape, [&](const Index& i) -> Number { return i[last] == i[last - 1]; });
    for (std::size_t i = 0; i < n; ++i) y = matrix_product(y, in[0]);
    return y;
  };
}

// x (b, i), w (i, j), y (b, j) -> (b)
Reference bilinear(const References& in) {
  return generate({in[0].shape[0]}, [&](const Index& b) {
    Number total = 0;
    for_each_index(in[1].shape, [&](const Index& i) {
      total += in[0].at({b[0], i[0]}) * in[1].at(i) * in[2].at({b[0], i[1]});
    });
    return total;
  });
}

// (2, 3, 4), (3, 4, 5) -> (2, 5)
Reference over_two_axes(const References& in) {
  const Shape &a = in[0].shape, &b = in[1].shape;
  Reference x = in[0], y = in[1];
  x.shape = {a[0], a[1] * a[2]};
  y.shape = {b[0] * b[1], b[2]};
  return matrix_product(x, y);
}

// term(total, difference) of all elements, and the end of it.
Formula over_differences(std::function<Number(Number, Number)> term,
                         std::function<Number(Number)> end) {
  return [term, end](const References& in) {
    const Reference &a = in[0], &b = in[1];
    Shape r = xgrad::broadcast_shapes("", without_matrix(a.shape), without_matrix(b.shape));
    r.push_back(a.shape[a.rank() - 2]);
    r.push_back(b.shape[b.rank() - 2]);
    return generate(r, [&](Index i) {
      Index j = i;
      j[j.size() - 2] = j.back();
      Number total = 0;
      for (i.back() = j.back() = 0; i.back() < a.shape.back(); j.back() = ++i.back())
        total = term(total, a.at(i) - b.at(j));
      return end(total);
    });
  };
}

Formula distances(bool squared) {
  return over_differences([](Number total, Number d) { return total + d * d; },
                          [squared](Number total) { return squared ? total : std::sqrt(total); });
}

Formula norms_of_differences(Number p) {
  if (std::isinf(p)) {
    const auto larger = [](Number total, Number d) {
      return total >= std::abs(d) || std::isnan(total) ? total : std::abs(d);
    };
    return over_differences(larger, [](Number total) { return total; });
  }
  return over_differences([p](Number total, Number d) { return total + std::pow(std::abs(d), p); },
                          [p](Number total) { return std::pow(total, 1 / p); });
}

const std::vector<std::vector<Shape>> kRows = {
    {{1, 1}, {1, 1}}, {{2, 1, 2, 3}, {2, 1, 3}}, {{2, 20}, {3, 20}}, {{0, 2}, {3, 2}},
    {{2, 0}, {3, 0}}, {{0, 2, 2}, {2, 2}},       {{2, 2}, {0, 2}}};

#define OF_X(...) [](const auto& x) { return __VA_ARGS__; }
#define OF_AB(...) [](const auto& a, const auto& b) { return __VA_ARGS__; }

// clang-format off
std::vector<Row> diagonal_rows() {
  return {
      prove("diagonal", OF_X(diagonal(x)), diagonal_of(0), matrices({3, 4}, kMatrices)),
      prove("diagonal: above", OF_X(diagonal(x, 1)), diagonal_of(1),
            matrices({2, 3, 3}, {{{1, 2}}, {{2, 3}}, {{0, 3}}, {{2, 0, 3}}})),
      prove("diagonal: below", OF_X(diagonal(x, -2)), diagonal_of(-2),
            matrices({3, 4}, {{{3, 1}}, {{1, 4, 2}}, {{0, 3}}, {{0, 3, 3}}})),
      prove("diag_embed", OF_X(diag_embed(x)), matrix_with_diagonal(0),
            large(matrices({3}, {{{1}}, {{2, 3}}, {{0}}, {{0, 2}}, {{2, 0}}}), {{4, 200}})),
      prove("diag_embed: above", OF_X(diag_embed(x, 2)), matrix_with_diagonal(2),
            large(matrices({2, 3}, {{{1}}, {{0}}}), {})),
      prove("diag_embed: below", OF_X(diag_embed(x, -1)), matrix_with_diagonal(-1),
            large(matrices({2, 3}, {{{1}}, {{0}}}), {})),
      prove("diag", OF_X(diag(x, -1)), diagonal_of(-1),
            Row{.arguments = {{{4, 3}}}, .shapes = {{{2, 1}}, {{3, 4}}, {{0, 2}}}, .large = {{300, 200}}}),
      prove("diag: of a vector", OF_X(diag(x, 1)), matrix_with_diagonal(1),
            Row{.arguments = {{{3}}}, .shapes = {{{1}}, {{0}}}}),
      prove("trace", OF_X(trace(x)), diagonal_sum(), matrices({3, 3}, kMatrices)),
      prove("tril", OF_X(tril(x)), triangle(true, 0), matrices({3, 4}, kMatrices)),
      prove("tril: above", OF_X(tril(x, 1)), triangle(true, 1), matrices({2, 3, 3}, kMatrices)),
      prove("triu", OF_X(triu(x)), triangle(false, 0), matrices({4, 3}, kMatrices)),
      prove("triu: below", OF_X(triu(x, -1)), triangle(false, -1), matrices({2, 3, 3}, kMatrices)),
  };
}

std::vector<Row> matrix_product_rows() {
  return {
      prove("kron", OF_AB(kron(a, b)), kronecker,
            pair({2, 3}, {3, 2},
                 {{{1, 1}, {1, 1}}, {{2}, {3}}, {{2}, {2, 2}}, {{2, 1, 2}, {3, 1}}, {{2, 1, 2, 2}, {3, 1, 2}},
                  {{0, 2}, {3, 2}}, {{1, 2}, {0, 2, 2}}, {{1}, {0}}},
                 {{30, 20}, {20, 30}})),
      prove("cross", OF_AB(cross(a, b)), vector_product,
            pair({2, 3}, {3}, {{{2, 3}, {2, 3}}, {{3}, {3}}, {{2, 1, 3}, {2, 3}}, {{0, 3}, {1, 3}}, {{1, 3}, {1, 3}}},
                 {{1 << 16, 3}, {1 << 16, 3}})),
      prove("matrix_power", OF_X(matrix_power(x, 3)), power(3),
            Row{.arguments = {{{3, 3}}}, .may_be_infinite = 0, .shapes = {{{1, 1}}, {{2, 2, 2}}, {{0, 0}}, {{0, 2, 2}}, {{2, 0, 0}}},
                .large = {{150, 150}}, .tolerance = 1e-13}),
      prove("matrix_power: even", OF_X(matrix_power(x, 4)), power(4),
            Row{.arguments = {{{2, 2, 2}}}, .may_be_infinite = 0, .shapes = {{{1, 1}}}, .tolerance = 1e-13}),
      prove("matrix_power: 6", OF_X(matrix_power(x, 6)), power(6),
            Row{.arguments = {{{2, 2}, -1, 1}}, .may_be_infinite = 0, .tolerance = 1e-13}),
      prove("matrix_power: 0", OF_X(matrix_power(x, 0)), power(0),
            Row{.arguments = {{{2, 2, 2}}}, .zero_gradient = true, .shapes = {{{1, 1}}, {{0, 0}}}}),
  };
}

std::vector<Row> einsum_rows() {
  return {
      prove("einsum", OF_AB(einsum("...ij,...jk->...ik", a, b)),
            [](const References& in) { return matrix_product(in[0], in[1]); },
            pair({2, 3}, {3, 4},
                 {{{1, 1}, {1, 1}}, {{2, 1, 2, 3}, {2, 3, 2}}, {{0, 3}, {3, 2}}, {{2, 0}, {0, 3}},
                  {{0, 2, 3}, {3, 2}}},
                 {{300, 200}, {200, 250}})),
      prove("einsum: three operands",
            [](const auto& x, const auto& w, const auto& y) { return einsum("bi,ij,bj->b", x, w, y); }, bilinear,
            Row{.arguments = {{{2, 3}}, {{3, 4}}, {{2, 4}}},
                .may_be_infinite = 0,
                .shapes = {{{1, 1}, {1, 1}, {1, 1}}, {{0, 2}, {2, 3}, {0, 3}}, {{2, 0}, {0, 3}, {2, 3}}},
                .large = {{300, 80}, {80, 90}, {300, 90}},
                .tolerance = 1e-13}),
      prove("einsum: a diagonal", OF_X(einsum("...ii->...", x)), diagonal_sum(),
            large(matrices({3, 3}, {{{1, 1}}, {{2, 3, 3}}, {{0, 0}}, {{0, 2, 2}}}), {{4, 200, 200}})),
      prove("einsum: a product of numbers", OF_AB(einsum(",", a, b)),
            [](const References& in) { return generate({}, [&](const Index&) { return in[0].at({}) * in[1].at({}); }); },
            Row{.arguments = {{{}}, {{}}}}),
      prove("tensordot", OF_AB(tensordot(a, b)), over_two_axes,
            pair({2, 3, 4}, {3, 4, 2},
                 {{{1, 1, 1}, {1, 1, 1}}, {{0, 2, 2}, {2, 2, 3}}, {{2, 0, 3}, {0, 3, 2}}},
                 {{50, 60, 20}, {60, 20, 50}})),
  };
}

std::vector<Row> distance_rows() {
  return {
      prove("cdist", OF_AB(cdist(a, b)), distances(false), pair({3, 2}, {2, 2}, kRows, {{300, 20}, {200, 20}})),
      prove("cdist: long rows", OF_AB(cdist(a, b)), distances(false), pair({2, 2, 18}, {3, 18}, {})),
      prove("cdist: squared", OF_AB(cdist(a, b, {.squared = true})), distances(true),
            pair({3, 2}, {2, 2}, kRows, {{300, 20}, {200, 20}})),
      prove("cdist: squared, long rows", OF_AB(cdist(a, b, {.squared = true})), distances(true),
            pair({2, 17}, {3, 17}, {})),
      prove("cdist: p = 1", OF_AB(cdist(a, b, {.p = 1})), norms_of_differences(1),
            pair({3, 2}, {2, 2}, kRows, {{300, 20}, {200, 20}})),
      prove("cdist: p = 2.5", OF_AB(cdist(a, b, {.p = 2.5})), norms_of_differences(2.5), pair({3, 2}, {2, 2}, kRows)),
      prove("cdist: p infinite", OF_AB(cdist(a, b, {.p = std::numeric_limits<double>::infinity()})),
            norms_of_differences(std::numeric_limits<Number>::infinity()), pair({3, 2}, {2, 2}, kRows)),
  };
}
// clang-format on

}  // namespace

std::vector<Row> product_rows() {
  std::vector<Row> all;
  for (const auto& rows : {diagonal_rows(), matrix_product_rows(), einsum_rows(), distance_rows()})
    all.insert(all.end(), rows.begin(), rows.end());
  return all;
}

}  // namespace proof
