#include <algorithm>
#include <cmath>

#include "row.hpp"
#include "spectral_reference.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/eigen.hpp"
#include "xgrad/ops/indexing.hpp"
#include "xgrad/ops/least_squares.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/matrix_exp.hpp"
#include "xgrad/ops/qr.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/svd.hpp"

namespace proof {
namespace {

using Result = std::function<Shape(std::size_t, std::size_t)>;

Shape values(std::size_t m, std::size_t n) { return {std::min(m, n)}; }
Shape one(std::size_t, std::size_t) { return {}; }

Reference row_of(const std::vector<Number>& v) {
  Reference r({v.size()});
  r.values = v;
  return r;
}
Reference number(Number v) {
  Reference r{Shape{}};
  r.values = {v};
  return r;
}

// Of a + a': any matrix is the argument of a function of symmetric ones.
Formula symmetric(std::function<Reference(const Eigen&)> f, Result result) {
  return each_matrix(
      [f](const Reference& a) {
        return f(eigen(generate(a.shape, [&](const Index& i) {
          return a.at(i) + a.at({i[1], i[0]});
        })));
      },
      std::move(result));
}
template <class T>
xgrad::Tensor<T> symmetric(const xgrad::Tensor<T>& a) {
  return a + transpose(a);
}

Formula any(std::function<Reference(const Singular&)> f, Result result) {
  return each_matrix([f](const Reference& a) { return f(singular(a)); }, std::move(result));
}

Shape tall_part(std::size_t m, std::size_t n) { return {m, std::min(m, n)}; }
Shape wide_part(std::size_t m, std::size_t n) { return {std::min(m, n), n}; }

// 1 + q1 q1' from all columns of q, whichever complete it.
template <class T>
xgrad::Tensor<T> doubled_projection(const xgrad::Tensor<T>& a) {
  const auto [q, r] = qr(a, xgrad::QrMode::complete);
  const std::size_t m = a.size(-2), k = std::min(m, a.size(-1));
  std::vector<T> weights(m, T(1));
  std::fill_n(weights.begin(), k, T(2));
  return matmul(q * xgrad::Tensor<T>::from(weights), q, {.transpose_b = true});
}
Reference doubled_projection(const Reference& a) {
  const Reference q = orthogonal(a).q;
  Reference y = matrix_product(q, transposed(q));
  for (std::size_t i = 0; i < a.shape[0]; ++i) y.at({i, i}) += 1;
  return y;
}

Row square(double tolerance = 1e-13) {
  return {.arguments = {{{3, 3}}},
          .shapes = {{{0, 0}}, {{0, 3, 3}}, {{1, 1}}, {{2, 3, 3}}, {{1, 2, 2, 2}}},
          .large = {{8, 24, 24}},
          .tolerance = tolerance};
}
Row rectangular(double tolerance = 1e-13) {
  return {.arguments = {{{3, 4}}},
          .shapes = {{{0, 0}}, {{0, 3}}, {{3, 0}}, {{0, 3, 2}}, {{1, 1}}, {{4, 2}}, {{2, 3, 3}}},
          .large = {{8, 24, 20}},
          .tolerance = tolerance};
}
Row constant(Row r) {
  r.differentiable = false;
  return r;
}
Row without_empty(Row r) {
  std::erase_if(r.shapes, [](const std::vector<Shape>& s) { return s[0].elements() == 0; });
  return r;
}

// a (..., m, n), b (..., m, p): batches as the first of both, or none.
Reference least_squares(const References& in) {
  const Reference inverse = each_matrix(pseudo_inverse, [](std::size_t m, std::size_t n) {
    return Shape{n, m};
  })({in[0]});
  if (in[1].rank() > 1) return matrix_product(inverse, in[1]);
  Reference column = in[1];
  column.shape.push_back(1);
  Reference x = matrix_product(inverse, column);
  x.shape = x.shape.without(x.rank() - 1);
  return x;
}

Row two(Shape a, Shape b, std::vector<std::vector<Shape>> shapes) {
  return {.arguments = {{std::move(a)}, {std::move(b)}},
          .shapes = std::move(shapes),
          .large = {{8, 24, 20}, {8, 24, 4}},
          .tolerance = 1e-12};
}

}  // namespace

std::vector<Row> spectral_rows() {
  return {
      prove(
          "eigvalsh", [](const auto& a) { return eigvalsh(symmetric(a)); },
          symmetric([](const Eigen& e) { return row_of(e.values); }, values), square()),
      prove(
          "eigh: values", [](const auto& a) { return eigh(symmetric(a)).values; },
          symmetric([](const Eigen& e) { return row_of(e.values); }, values), square()),
      prove(
          "eigh: vectors", [](const auto& a) { return eigh(symmetric(a)).vectors; },
          symmetric([](const Eigen& e) { return e.vectors; },
                    [](std::size_t n, std::size_t) {
                      return Shape{n, n};
                    }),
          square(1e-12)),
      prove(
          "svdvals", [](const auto& a) { return svdvals(a); },
          any([](const Singular& s) { return row_of(s.s); }, values), rectangular()),
      prove(
          "svd: s", [](const auto& a) { return svd(a).s; },
          any([](const Singular& s) { return row_of(s.s); }, values), rectangular()),
      prove(
          "svd: u", [](const auto& a) { return svd(a).u; },
          any([](const Singular& s) { return s.u; }, tall_part), rectangular(1e-12)),
      prove(
          "svd: vh", [](const auto& a) { return svd(a).vh; },
          any([](const Singular& s) { return s.vh; }, wide_part), rectangular(1e-12)),
      prove(
          "qr: q", [](const auto& a) { return qr(a).q; },
          each_matrix([](const Reference& a) { return orthogonal(a).q; }, tall_part),
          rectangular(1e-12)),
      prove(
          "qr: r", [](const auto& a) { return qr(a).r; },
          each_matrix([](const Reference& a) { return orthogonal(a).r; }, wide_part),
          rectangular(1e-12)),
      prove(
          "qr: complete", [](const auto& a) { return doubled_projection(a); },
          each_matrix([](const Reference& a) { return doubled_projection(a); },
                      [](std::size_t m, std::size_t) {
                        return Shape{m, m};
                      }),
          without_empty(
              {.arguments = {{{4, 2}}}, .shapes = {{{2, 5, 3}}, {{4, 1}}}, .tolerance = 1e-13})),
      prove(
          "qr: complete r", [](const auto& a) { return qr(a, xgrad::QrMode::complete).r; },
          each_matrix(
              [](const Reference& a) {
                const Reference r = orthogonal(a).r;
                return generate(a.shape,
                                [&](const Index& i) { return i[0] < r.shape[0] ? r.at(i) : 0; });
              },
              [](std::size_t m, std::size_t n) {
                return Shape{m, n};
              }),
          rectangular(1e-12)),
      prove(
          "matrix_norm: frobenius", [](const auto& a) { return matrix_norm(a); },
          any(
              [](const Singular& s) {
                Number sum = 0;
                for (const Number v : s.s) sum += v * v;
                return number(std::sqrt(sum));
              },
              one),
          rectangular()),
      prove(
          "matrix_norm: nuclear",
          [](const auto& a) { return matrix_norm(a, xgrad::MatrixNorm::nuclear); },
          any([](const Singular& s) { return number(add_up(s.s)); }, one), rectangular()),
      prove(
          "matrix_norm: spectral",
          [](const auto& a) { return matrix_norm(a, xgrad::MatrixNorm::spectral); },
          any([](const Singular& s) { return number(s.s.empty() ? 0 : s.s[0]); }, one),
          rectangular()),
      prove(
          "cond", [](const auto& a) { return cond(a); },
          any([](const Singular& s) { return number(s.s.front() / s.s.back()); }, one),
          constant(without_empty(rectangular(1e-11)))),
      prove(
          "matrix_rank",
          []<class T>(const xgrad::Tensor<T>& a) { return xgrad::from_indices<T>(matrix_rank(a)); },
          any([](const Singular& s) { return number(static_cast<Number>(s.s.size())); }, one),
          on_host(constant(rectangular()))),
      prove(
          "pinv", [](const auto& a) { return pinv(a); },
          each_matrix(pseudo_inverse,
                      [](std::size_t m, std::size_t n) {
                        return Shape{n, m};
                      }),
          rectangular(1e-12)),
      prove(
          "lstsq", [](const auto& a, const auto& b) { return lstsq(a, b); }, least_squares,
          two({4, 2}, {4, 3},
              {{{2, 4}, {2, 1}},
               {{3, 3}, {3, 1}},
               {{4, 2}, {4}},
               {{1, 1}, {1, 1}},
               {{2, 3, 2}, {3, 2}},
               {{3, 2}, {2, 3, 1}},
               {{0, 2}, {0, 1}},
               {{2, 0}, {2, 1}},
               {{2, 2}, {2, 0}},
               {{0, 3, 2}, {3, 1}}})),
      prove(
          "matrix_exp", [](const auto& a) { return matrix_exp(a); },
          each_matrix(exponential,
                      [](std::size_t n, std::size_t) {
                        return Shape{n, n};
                      }),
          square(1e-14)),
  };
}

}  // namespace proof
