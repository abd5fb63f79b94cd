#include <cmath>

#include "row.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/cholesky.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/determinant.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/solve.hpp"

namespace proof {
namespace {

// The arguments of these operations are made of numbers that are free: a derivative along any
// direction is one along directions that stay among such matrices.

template <class X>
X identity_for(const X& x) {
  return xgrad::eye<typename X::value_type>(x.shape().back());
}
template <class X>
X positive(const X& x) {
  return matmul(x, x, {.transpose_b = true}) + identity_for(x);
}
template <class X>
X regular(const X& x) {
  return x.rank() < 2 ? x : x + 3 * identity_for(x);
}

Reference positive(const Reference& x) {
  Reference a = matrix_product(x, transposed(x));
  for_each_index(a.shape, [&](const Index& i) {
    if (i[i.size() - 1] == i[i.size() - 2]) a.at(i) += 1;
  });
  return a;
}
Reference regular(Reference x) {
  for_each_index(x.shape, [&](const Index& i) {
    if (i[i.size() - 1] == i[i.size() - 2]) x.at(i) += 3;
  });
  return x;
}

using Rows = std::vector<std::vector<Number>>;

// Gauss and Jordan: b becomes a^-1 b, and the determinant of a is returned.
Number eliminate(Rows a, Rows& b) {
  const std::size_t n = a.size();
  Number determinant = 1;
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t p = k;
    for (std::size_t i = k; i < n; ++i) p = std::abs(a[i][k]) > std::abs(a[p][k]) ? i : p;
    if (p != k) determinant = -determinant;
    std::swap(a[k], a[p]);
    std::swap(b[k], b[p]);
    determinant *= a[k][k];
    for (std::size_t i = 0; i < n; ++i) {
      const Number f = i == k ? 1 - 1 / a[k][k] : a[i][k] / a[k][k];
      for (std::size_t j = 0; j < n; ++j) a[i][j] -= f * a[k][j];
      for (std::size_t j = 0; j < b[i].size(); ++j) b[i][j] -= f * b[k][j];
    }
  }
  return determinant;
}

Shape batch_of(const Shape& s) { return Shape(s.begin(), s.end() - 2); }

Index joined(Index batch, std::size_t i, std::size_t j) {
  batch.push_back(i);
  batch.push_back(j);
  return batch;
}

Rows matrix(const Reference& x, const Index& batch) {
  const std::size_t m = x.shape[x.rank() - 2], n = x.shape[x.rank() - 1];
  Rows r(m, std::vector<Number>(n));
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) r[i][j] = x.at(joined(batch, i, j));
  }
  return r;
}

Reference with_axis_of_one(Reference x) {
  x.shape.push_back(1);
  return x;
}

// a^-1 b.
Reference solution(const Reference& a, const Reference& b) {
  if (b.rank() == 1) {
    Reference x = solution(a, with_axis_of_one(b));
    x.shape = x.shape.without(x.rank() - 1);
    return x;
  }
  Shape batch = xgrad::broadcast_shapes("proof", batch_of(a.shape), batch_of(b.shape));
  Shape shape = batch;
  shape.push_back(b.shape[b.rank() - 2]);
  shape.push_back(b.shape[b.rank() - 1]);
  Reference x(shape);
  for_each_index(batch, [&](const Index& k) {
    Rows r = matrix(b, k);
    eliminate(matrix(a, k), r);
    for (std::size_t i = 0; i < r.size(); ++i) {
      for (std::size_t j = 0; j < r[i].size(); ++j) x.at(joined(k, i, j)) = r[i][j];
    }
  });
  return x;
}

Reference determinants(const Reference& a) {
  return generate(batch_of(a.shape), [&](const Index& k) {
    Rows nothing(a.shape.back());
    return eliminate(matrix(a, k), nothing);
  });
}

Reference mapped(Reference x, Number (*f)(Number)) {
  for (Number& v : x.values) v = f(v);
  return x;
}

Reference unit(std::size_t n) {
  return generate({n, n}, [](const Index& i) { return i[0] == i[1] ? 1 : 0; });
}

Reference factor(const Reference& a) {
  Reference l(a.shape);
  const std::size_t n = a.shape.back();
  for_each_index(batch_of(a.shape), [&](const Index& k) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t i = j; i < n; ++i) {
        Number v = a.at(joined(k, i, j));
        for (std::size_t p = 0; p < j; ++p) v -= l.at(joined(k, i, p)) * l.at(joined(k, j, p));
        l.at(joined(k, i, j)) = i == j ? std::sqrt(v) : v / l.at(joined(k, j, j));
      }
    }
  });
  return l;
}

// A triangle of x with 1 on the diagonal, or the diagonal of `regular`.
Reference triangle(const Reference& x, bool upper, bool ones) {
  return generate(x.shape, [&](const Index& k) {
    const std::size_t i = k[k.size() - 2], j = k[k.size() - 1];
    if (i == j) return ones ? Number(1) : x.at(k) + 3;
    return (upper ? i < j : i > j) ? x.at(k) : 0;
  });
}

Row square(Row r = {}) {
  r.arguments = {{{3, 3}, -1, 1}};
  r.shapes = {{{1, 1}}, {{0, 0}}, {{2, 2, 2}}, {{0, 2, 2}}, {{2, 0, 0}}, {{2, 1, 3, 3}}};
  r.large = {{8, 48, 48}};
  r.tolerance = 4e-14;
  return r;
}

Row system(Row r = {}) {
  r = square(r);
  r.arguments.push_back({{3, 2}});
  r.shapes = {{{1, 1}, {1}},          {{1, 1}, {1, 1}},          {{3, 3}, {3}},
              {{0, 0}, {0}},          {{0, 0}, {0, 2}},          {{2, 2}, {2, 0}},
              {{2, 2, 2}, {2, 2, 1}}, {{2, 2, 2}, {2}},          {{2, 2, 2}, {2, 3}},
              {{2, 2}, {3, 2, 2}},    {{2, 1, 2, 2}, {3, 2, 1}}, {{0, 2, 2}, {0, 2, 1}},
              {{0, 2, 2}, {2}},       {{2, 2}, {0, 2, 1}},       {{2, 2}, {2, 3, 2, 1}}};
  r.large = {{8, 48, 48}, {8, 48, 40}};
  return r;
}

Row on_the_right(Row r = {}) {
  r = square(r);
  r.arguments.push_back({{2, 3}});
  r.shapes = {{{1, 1}, {1, 1}},
              {{0, 0}, {2, 0}},
              {{2, 2, 2}, {3, 2}},
              {{2, 2}, {2, 3, 2}},
              {{2, 2}, {0, 3, 2}}};
  r.large = {{8, 48, 48}, {8, 40, 48}};
  return r;
}

template <class Transpose>
Reference solved_with_triangle(const References& in, xgrad::TriangularSolveOptions o,
                               const Transpose& transposed_if) {
  const Reference a = triangle(in[0], o.upper, o.unit_diagonal);
  const Reference op = transposed_if(a, o.transpose == o.left);
  if (o.left) return solution(op, in[1]);
  return transposed(solution(op, transposed(in[1])));
}

Row triangular(xgrad::TriangularSolveOptions o) {
  const std::string name = std::string("triangular_solve: ") + (o.upper ? "upper" : "lower") +
                           (o.transpose ? ", transposed" : "") +
                           (o.unit_diagonal ? ", unit diagonal" : "") +
                           (o.left ? "" : ", on the right");
  return prove(
      name, [o](const auto& a, const auto& b) { return triangular_solve(regular(a), b, o); },
      [o](const References& in) {
        return solved_with_triangle(
            in, o, [](const Reference& a, bool t) { return t ? transposed(a) : a; });
      },
      o.left ? system({.functions = {"triangular_solve"}})
             : on_the_right({.functions = {"triangular_solve"}}));
}

}  // namespace

std::vector<Row> linear_system_rows() {
  return {
      prove(
          "cholesky", [](const auto& x) { return cholesky(positive(x)); },
          [](const References& in) { return factor(positive(in[0])); }, square()),
      prove(
          "cholesky: upper", [](const auto& x) { return cholesky(positive(x), {.upper = true}); },
          [](const References& in) { return transposed(factor(positive(in[0]))); },
          square({.functions = {"cholesky"}})),
      prove(
          "cholesky_solve",
          [](const auto& x, const auto& b) { return cholesky_solve(regular(x), b); },
          [](const References& in) {
            const Reference l = triangle(in[0], false, false);
            return solution(matrix_product(l, transposed(l)), in[1]);
          },
          system()),
      prove(
          "cholesky_solve: upper",
          [](const auto& x, const auto& b) {
            return cholesky_solve(regular(x), b, {.upper = true});
          },
          [](const References& in) {
            const Reference u = triangle(in[0], true, false);
            return solution(matrix_product(transposed(u), u), in[1]);
          },
          system({.functions = {"cholesky_solve"}})),
      prove(
          "logdet", [](const auto& x) { return logdet(positive(x)); },
          [](const References& in) {
            return mapped(determinants(positive(in[0])), [](Number v) { return std::log(v); });
          },
          square()),
      triangular({}),
      triangular({.upper = true}),
      triangular({.transpose = true}),
      triangular({.upper = true, .transpose = true}),
      triangular({.unit_diagonal = true}),
      triangular({.left = false}),
      triangular({.upper = true, .transpose = true, .unit_diagonal = true, .left = false}),
      prove(
          "solve", [](const auto& a, const auto& b) { return solve(regular(a), b); },
          [](const References& in) { return solution(regular(in[0]), in[1]); }, system()),
      prove(
          "solve: spd",
          [](const auto& a, const auto& b) { return solve(positive(a), b, {.spd = true}); },
          [](const References& in) { return solution(positive(in[0]), in[1]); },
          system({.functions = {"solve"}})),
      prove(
          "inverse", [](const auto& a) { return inverse(regular(a)); },
          [](const References& in) { return solution(regular(in[0]), unit(in[0].shape.back())); },
          square()),
      prove(
          "det", [](const auto& a) { return det(a); },
          [](const References& in) { return determinants(in[0]); }, square()),
      prove(
          "slogdet", [](const auto& a) { return slogdet(a).logarithm; },
          [](const References& in) {
            return mapped(determinants(in[0]), [](Number v) { return std::log(std::abs(v)); });
          },
          square()),
  };
}

}  // namespace proof
