// The rows of diagonals.hpp, matrix_products.hpp, distances.hpp and einsum.hpp, and what is particular to them.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "tests/ops/failure.hpp"
#include "tests/ops/reference_rows.hpp"
#include "tests/rounds.hpp"
#include "xgrad/gradient_check/check.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/diagonals.hpp"
#include "xgrad/ops/distances.hpp"
#include "xgrad/ops/einsum.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/matrix_products.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad::test {
namespace {

using In = const Tensors&;

const D a = wave({2, 3}), b = wave({3, 4}, 1), v = wave({3}, 2), w = wave({3}, 3);
const D s = wave({2, 3, 3}, 4), t = wave({2, 3, 3}, 5), tall = wave({5, 3}, 6),
        wide = wave({3, 5}, 7);
const D p = wave({2, 4, 3}, 8), q = wave({2, 5, 3}, 9), long_p = wave({4, 20}, 10),
        long_q = wave({3, 20}, 11);
const D full = s + 3 * eye<double>(3);

// clang-format off
std::vector<Row> diagonal_rows() {
  return {
      {"diagonal", {s}, [](In x) { return diagonal(x[0]); }},
      {"diagonal above", {wide}, [](In x) { return diagonal(x[0], 3); }},
      {"diagonal below", {tall}, [](In x) { return diagonal(x[0], -1); }},
      {"diagonal outside", {tall}, [](In x) { return diagonal(x[0], 7); }},
      {"diagonal of other axes", {s}, [](In x) { return diagonal(x[0], 1, 0, 2); }},
      {"diag_embed", {a}, [](In x) { return diag_embed(x[0], -2); }},
      {"diag of a vector", {v}, [](In x) { return diag(x[0], 1); }},
      {"diag of a matrix", {b}, [](In x) { return diag(x[0], 1); }},
      {"trace", {s}, [](In x) { return trace(x[0]); }},
      {"trace of tall", {tall}, [](In x) { return trace(x[0]); }},
      {"trace of wide", {wide}, [](In x) { return trace(x[0]); }},
      {"trace above", {wide}, [](In x) { return trace(x[0], 2); }},
      {"tril", {s}, [](In x) { return tril(x[0]); }},
      {"tril above", {tall}, [](In x) { return tril(x[0], 1); }},
      {"tril far below", {tall}, [](In x) { return tril(x[0], -9); }},
      {"triu", {s}, [](In x) { return triu(x[0]); }},
      {"triu below", {wide}, [](In x) { return triu(x[0], -2); }},
      {"triu far below", {wide}, [](In x) { return triu(x[0], -9); }},
  };
}

std::vector<Row> product_rows() {
  return {
      {"kron", {a, b}, [](In x) { return kron(x[0], x[1]); }},
      {"kron of vectors", {v, w}, [](In x) { return kron(x[0], x[1]); }},
      {"kron of a vector and a matrix", {v, a}, [](In x) { return kron(x[0], x[1]); }},
      {"kron of batches", {s, a}, [](In x) { return kron(x[0], x[1]); }},
      {"cross", {a, v}, [](In x) { return cross(x[0], x[1]); }},
      {"cross along an axis", {transpose(tall), wide}, [](In x) { return cross(x[0], x[1], 0); }},
      {"matrix_power 1", {full}, [](In x) { return matrix_power(x[0], 1); }},
      {"matrix_power 4", {full}, [](In x) { return matrix_power(x[0], 4); }},
      {"matrix_power 5", {full}, [](In x) { return matrix_power(x[0], 5); }},
      {"matrix_power 8", {full}, [](In x) { return matrix_power(x[0], 8); }},
      {"matrix_power -1", {full}, [](In x) { return matrix_power(x[0], -1); }},
      {"matrix_power -2", {full}, [](In x) { return matrix_power(x[0], -2); }},
      {"cdist", {p, q}, [](In x) { return cdist(x[0], x[1]); }},
      {"cdist squared", {p, q}, [](In x) { return cdist(x[0], x[1], {.squared = true}); }},
      {"cdist p 1", {p, q}, [](In x) { return cdist(x[0], x[1], {.p = 1}); }},
      {"cdist p 3", {p, q}, [](In x) { return cdist(x[0], x[1], {.p = 3}); }},
      {"cdist p 1.5", {p, q}, [](In x) { return cdist(x[0], x[1], {.p = 1.5}); }},
      {"cdist p inf", {p, q}, [](In x) { return cdist(x[0], x[1], {.p = std::numeric_limits<double>::infinity()}); }},
      {"cdist of long rows", {long_p, long_q}, [](In x) { return cdist(x[0], x[1]); }},
      {"cdist squared of long rows", {long_p, long_q}, [](In x) { return cdist(x[0], x[1], {.squared = true}); }},
      {"tensordot", {s, t}, [](In x) { return tensordot(x[0], permute(x[1], {1, 2, 0}), 2); }},
      {"tensordot along axes", {s, t}, [](In x) { return tensordot(x[0], x[1], {0, 2}, {0, 1}); }},
      {"tensordot of nothing", {a, v}, [](In x) { return tensordot(x[0], x[1], 0); }},
  };
}
// clang-format on

std::vector<Row> einsum_rows() {
  const std::vector<std::pair<std::string, Tensors>> all = {
      {"ij,jk", {a, b}},
      {"ij,jk->ki", {a, b}},
      {"bij,bjk->bik", {s, t}},
      {"bij,bkj->bki", {s, t}},
      {"bij,bij->b", {s, t}},
      {"ijk,ikj->", {s, t}},
      {"bii->b", {s}},
      {"bii->bi", {s}},
      {"bij->jb", {s}},
      {"i,j->ij", {v, w}},
      {"i,j,k->kij", {v, w, wave({2}, 20)}},
      {"...ij,jk->...ik", {s, wave({3, 2}, 21)}},
      {"...i,...i", {s, wave({3, 3}, 30)}},
      {"...ij->...", {s}},
      {"...ij->ij", {s}},
      {" i j , j k -> i k ", {a, b}},
      {"ij,jk,kl,lm->im", {wave({2, 3}, 12), wave({3, 4}, 13), wave({4, 2}, 14), wave({2, 3}, 15)}},
      {"ni,ij,nj->n", {a, wave({3, 4}, 22), wave({2, 4}, 23)}},
      {"ij,ij->ij", {a, wave({1, 3}, 24)}},
      {"abc,ia,jb,kc->ijk", {s, wave({2, 2}, 25), wave({2, 3}, 26), wave({2, 3}, 27)}},
      {"aab,bcc->ac", {wave({2, 2, 3}, 28), wave({3, 2, 2}, 29)}},
      {"ba", {a}},
      {"bBa->aB", {s}},
  };
  std::vector<Row> rows;
  for (const auto& [text, operands] : all) {
    std::string name = "einsum " + text;
    std::replace(name.begin(), name.end(), ',', ';');
    rows.push_back({name, operands, [text = text](In x) { return einsum(text, x); }});
  }
  return rows;
}

std::vector<Row> all_rows() {
  std::vector<Row> all;
  // The results of einsum as they are, those of the others cubed.
  for (const auto& rows : {diagonal_rows(), product_rows()}) {
    for (Row row : rows) {
      row.function = [f = row.function](In x) {
        const D y = f(x);
        return y * y * y;
      };
      all.push_back(row);
    }
  }
  for (const Row& row : einsum_rows()) all.push_back(row);
  return all;
}

const RegisterRows kRows("products", all_rows());

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

BOOST_AUTO_TEST_SUITE(products_)

BOOST_AUTO_TEST_CASE(what_a_triangle_leaves_out_is_zero_whatever_it_was) {
  const D x = D::from({2, 2}, {1, NAN, kInfinity, 2});
  is(tril(x, -5), Array<double>{{0, 0}, {0, 0}});
  is(triu(tril(x), 0), Array<double>{{1, 0}, {0, 2}});
  is(tril(x, std::numeric_limits<std::ptrdiff_t>::min()), Array<double>{{0, 0}, {0, 0}});
  is(triu(x, std::numeric_limits<std::ptrdiff_t>::max()), Array<double>{{0, 0}, {0, 0}});
}

BOOST_AUTO_TEST_CASE(diagonals_outside_the_matrix_have_no_elements) {
  for (const std::ptrdiff_t offset :
       {std::ptrdiff_t{4}, std::ptrdiff_t{-3}, std::numeric_limits<std::ptrdiff_t>::max(),
        std::numeric_limits<std::ptrdiff_t>::min()}) {
    check_shape(diagonal(b, offset), {0});
    BOOST_TEST(trace(b, offset).item() == 0);
  }
}

// Fibonacci's numbers are powers of a matrix.
BOOST_AUTO_TEST_CASE(powers_by_squaring_are_exact) {
  const D x = D::from({2, 2}, {1, 1, 1, 0});
  double last = 0, now = 1;
  for (std::ptrdiff_t n = 1; n < 60; ++n) {
    is(matrix_power(x, n), Array<double>{{last + now, now}, {now, last}});
    const double next = last + now;
    last = now;
    now = next;
  }
}

// Distances and their gradients against differences in long double, where products would cancel.
template <class T>
void check_distances(std::size_t k, double far, double apart) {
  const std::size_t n = 5, m = 4;
  std::vector<T> x(n * k), y(m * k);
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<T>(far + apart * std::sin(1 + 2.3 * static_cast<double>(i)));
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] = static_cast<T>(far + apart * std::cos(1 + 1.7 * static_cast<double>(i)));
  std::copy_n(x.begin(), k, y.begin());  // one pair at distance 0
  const Tensor<T> tx = parameter(Tensor<T>::from({n, k}, x)),
                  ty = parameter(Tensor<T>::from({m, k}, y));
  const Tensor<T> d = cdist(tx, ty);
  const auto g = grad({sum(d)}, {tx, ty});
  const long double eps = std::numeric_limits<T>::epsilon(), bound = 20 * eps;
  std::vector<long double> gx(n * k), gy(m * k);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < m; ++j) {
      long double square = 0;
      for (std::size_t l = 0; l < k; ++l) {
        const long double difference = static_cast<long double>(x[i * k + l]) - y[j * k + l];
        square += difference * difference;
      }
      const long double expected = std::sqrt(square);
      BOOST_TEST(std::abs(d.data()[i * m + j] - expected) <= bound * expected);
      for (std::size_t l = 0; l < k && expected != 0; ++l) {
        const long double slope =
            (static_cast<long double>(x[i * k + l]) - y[j * k + l]) / expected;
        gx[i * k + l] += slope;
        gy[j * k + l] -= slope;
      }
    }
  }
  for (std::size_t i = 0; i < gx.size(); ++i)
    BOOST_TEST(std::abs(g[0].data()[i] - gx[i]) <= 5 * bound);
  for (std::size_t i = 0; i < gy.size(); ++i)
    BOOST_TEST(std::abs(g[1].data()[i] - gy[i]) <= 5 * bound);
}

BOOST_AUTO_TEST_CASE(distances_that_cancel) {
  for (const std::size_t k : {std::size_t{3}, std::size_t{40}}) {
    for (const double far : {0.0, 1.0, 1e3}) {
      for (const double apart : {1.0, 1e-2}) {
        BOOST_TEST_CONTEXT(k << " " << far << " " << apart) {
          check_distances<float>(k, far, apart);
          check_distances<double>(k, far, apart);
        }
      }
    }
  }
}

// Two clusters: within them differences, between them products.
BOOST_AUTO_TEST_CASE(distances_in_clusters) {
  D x = D::uninitialized({6, 32});
  for (std::size_t i = 0; i < x.size(); ++i)
    x.mutable_data()[i] = (i / 32 % 2 == 0 ? 1 : -1) + 1e-7 * std::sin(static_cast<double>(i));
  const D d = cdist(x, x);
  for (std::size_t i = 0; i < 6; ++i) {
    for (std::size_t j = 0; j < 6; ++j) {
      long double square = 0;
      for (std::size_t l = 0; l < 32; ++l) {
        const long double difference =
            static_cast<long double>(x.data()[i * 32 + l]) - x.data()[j * 32 + l];
        square += difference * difference;
      }
      BOOST_TEST(std::abs(d.data()[i * 6 + j] - std::sqrt(square)) <= 1e-14L * std::sqrt(square));
    }
  }
  const D near = x + 0.1 * wave(x.shape()), weights = wave({6, 6}, 3);
  for (const bool squared : {false, true}) {
    const auto report = check_gradients(
        [&](const auto& u) { return sum(weights * cdist(u, D(x), {.squared = squared})); }, {near},
        {.samples = kCheckedCoordinates, .order = 2});
    BOOST_TEST(report.passed(), report.table());
  }
}

BOOST_AUTO_TEST_CASE(distances_whose_squares_are_beyond_the_range) {
  for (const std::size_t k : {std::size_t{2}, std::size_t{20}}) {
    for (const double scale : {1e200, 1e-200}) {
      D x = D::filled({1, k}, 0), y = D::filled({1, k}, 0);
      x.mutable_data()[0] = 3 * scale;
      y.mutable_data()[1] = -4 * scale;
      BOOST_TEST(std::abs(cdist(x, y).item() / (5 * scale) - 1) < 1e-15);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_infinite_row_spoils_no_other) {
  for (const std::size_t k : {std::size_t{2}, std::size_t{20}}) {
    D x = wave({3, k}), y = wave({2, k}, 1);
    const D before = cdist(x, y);
    x.mutable_data()[1] = kInfinity;
    const D after = cdist(x, y);
    BOOST_TEST(after.data()[0] == kInfinity);
    for (std::size_t i = 2; i < 6; ++i)
      BOOST_TEST(std::abs(after.data()[i] - before.data()[i]) < 1e-14);
  }
}

BOOST_AUTO_TEST_CASE(equal_rows_are_at_distance_0_with_gradient_0) {
  for (const std::size_t k : {std::size_t{3}, std::size_t{30}}) {
    const D x = parameter(wave({4, k}));
    const D d = cdist(x, x.detach());
    for (std::size_t i = 0; i < 4; ++i) BOOST_TEST(d.data()[i * 5] == 0);
    const D g = grad({sum(diagonal(d))}, {x}, {.create_graph = true})[0];
    for (std::size_t i = 0; i < g.size(); ++i) BOOST_TEST(g.data()[i] == 0);
    const D h = grad({sum(g * wave(g.shape(), 3))}, {x}, {.allow_unused = true})[0];
    for (std::size_t i = 0; h.defined() && i < h.size(); ++i) BOOST_TEST(h.data()[i] == 0);
  }
}

// The rule of norm: 0 where rows, or elements of them, are equal; even between the largest.
BOOST_AUTO_TEST_CASE(other_distances_where_rows_meet) {
  const D b = D::from({2, 3}, {1, 2, 5, 1, 4, 3});
  const auto gradient = [&](double p) {
    D a = parameter(D::from({1, 3}, {1, 2, 5}));
    const D d = cdist(a, b, {.p = p});
    BOOST_TEST(d.data()[0] == 0);
    sum(d).backward();
    return a.gradient();
  };
  is(gradient(0), {{0, 0, 0}});
  is(gradient(1), {{0, -1, 1}});
  is(gradient(std::numeric_limits<double>::infinity()), {{0, -0.5, 0.5}});
  const double third = std::pow(2.0, -2.0 / 3);
  check_close(gradient(3), D::from({1, 3}, {0, -third, third}), 1e-15);
  check_close(gradient(0.5), D::from({1, 3}, {0, -2, 2}), 1e-15);
  is(cdist(D::from({1, 3}, {1, 2, 5}), b, {.p = 0}), {{0, 2}});
  for (const double p : {0.0, 0.5, 1.0, 3.0, std::numeric_limits<double>::infinity()}) {
    check_close(cdist(zeros<double>({2, 0}), zeros<double>({1, 0}), {.p = p}),
                zeros<double>({2, 1}), 0);
    check_shape(cdist(zeros<double>({0, 2, 3}), zeros<double>({4, 3}), {.p = p}), {0, 2, 4});
    const D x = parameter(wave({2, 3}));
    const D g =
        grad({sum(diagonal(cdist(x, x.detach(), {.p = p})))}, {x}, {.create_graph = true})[0];
    const D h = grad({sum(g * wave(g.shape(), 3))}, {x}, {.allow_unused = true})[0];
    for (std::size_t i = 0; h.defined() && i < h.size(); ++i) BOOST_TEST(h.data()[i] == 0);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
