// Linear systems: rows of PyTorch, and what is right where others are not. Operations on matrices
// are proved in tests/proof as well; there all are small.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <tuple>
#include <vector>
#include <xtensor/xview.hpp>

#include "tests/ops/failure.hpp"
#include "tests/ops/reference_rows.hpp"
#include "tests/ops/threads.hpp"
#include "xgrad/autograd/derivatives.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/cholesky.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/determinant.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/solve.hpp"

namespace xgrad::test {
namespace {

using In = const Tensors&;

D definite(const D& x) {
  const std::size_t n = x.shape().back();
  return matmul(x, x, {.transpose_b = true}) / static_cast<double>(n) + eye<double>(n);
}
D regular(const D& x) {
  const std::size_t n = x.shape().back();
  return x + 4 * std::sqrt(static_cast<double>(n)) * eye<double>(n);
}

void add_rows(std::vector<Row>& rows, const std::string& name, const Shape& shape) {
  const std::size_t n = shape.back();
  const D a = wave(shape), b = wave({shape[0], n, 3}, 1), v = wave({shape[0], n, 1}, 2);
  const auto row = [&](const std::string& f, const Tensors& inputs, auto function) {
    rows.push_back({f + " " + name, inputs, function});
  };
  row("cholesky", {a}, [](In in) { return cholesky(definite(in[0])); });
  row("logdet", {a}, [](In in) { return logdet(definite(in[0])); });
  row("solve", {a, b}, [](In in) { return solve(regular(in[0]), in[1]); });
  row("inverse", {a}, [](In in) { return inverse(regular(in[0])); });
  if (name == "large") return;
  row("cholesky upper", {a}, [](In in) { return cholesky(definite(in[0]), {.upper = true}); });
  row("cholesky_solve", {a, b}, [](In in) { return cholesky_solve(regular(in[0]), in[1]); });
  row("triangular_solve", {a, b}, [](In in) { return triangular_solve(regular(in[0]), in[1]); });
  row("triangular_solve right", {a, b}, [](In in) {
    return triangular_solve(transpose(regular(in[0])), transpose(in[1]),
                            {.upper = true, .left = false});
  });
  row("solve vectors", {a, v}, [](In in) { return solve(regular(in[0]), in[1]); });
  row("solve definite", {a, b}, [](In in) { return solve(definite(in[0]), in[1], {.spd = true}); });
  row("det", {a},
      [n](In in) { return det(regular(in[0]) / 4.0 / std::sqrt(static_cast<double>(n))); });
  row("slogdet", {a}, [](In in) { return slogdet(regular(in[0])).logarithm; });
}

std::vector<Row> rows() {
  std::vector<Row> all;
  add_rows(all, "small", {3, 4, 4});
  add_rows(all, "large", {1, 17, 17});
  return all;
}

const RegisterRows registered("linear_systems", rows());

}  // namespace

BOOST_AUTO_TEST_SUITE(linear_systems_do_as_they_say)

// PyTorch 1.13 throws in the backward pass.
BOOST_AUTO_TEST_CASE(solve_of_one_number_and_a_vector) {
  D a = parameter(D::from({1, 1}, {4})), b = parameter(D::from({1}, {2}));
  const D x = solve(a, b);
  check_shape(x, {1});
  x.backward();
  BOOST_TEST(a.grad()(0, 0) == -0.125);
  BOOST_TEST(b.grad()(0) == 0.25);
  D c = parameter(D::from({1, 1}, {4}));
  solve(c, c).backward();
  BOOST_TEST(c.grad()(0, 0) == 0);
}

// What is not recorded goes other ways than what is.
BOOST_AUTO_TEST_CASE(plain_and_recorded_passes_agree) {
  const auto check = [](const auto& f, const Tensors& inputs) {
    const D y = f(inputs), seed = wave(y.shape(), 7);
    const auto plain = grad(std::vector{y}, inputs, {.retain_graph = true}, {seed});
    const auto recorded = grad(std::vector{y}, inputs, {.create_graph = true}, {seed});
    for (std::size_t i = 0; i < inputs.size(); ++i) check_close(plain[i], recorded[i], 1e-11);
  };
  for (const std::size_t n : {1u, 2u, 4u, 5u, 8u, 15u, 16u, 17u, 33u, 70u}) {
    for (const std::size_t count : {1u, 3u, 19u}) {
      if (count > 3 && n > 17) continue;
      const D s = parameter(definite(wave({count, n, n}))),
              g = parameter(regular(wave({count, n, n})));
      const D b = parameter(wave({count, n, 1}, 1)), c = parameter(wave({count, n, 17}, 2));
      check([](In in) { return cholesky(in[0]); }, {s});
      check([](In in) { return logdet(in[0]); }, {s});
      check([](In in) { return inverse(in[0]); }, {g});
      for (const D& right : {b, c}) {
        check([](In in) { return solve(in[0], in[1]); }, {g, right});
        check([](In in) { return solve(in[0], in[1], {.spd = true}); }, {s, right});
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(gradients_of_symmetric_arguments_are_symmetric) {
  for (const std::size_t n : {std::size_t{5}, std::size_t{40}}) {
    const auto check = [n](const auto& f) {
      D a = parameter(definite(wave({n, n})));
      const D y = f(a);
      y.backward(wave(y.shape(), 3));
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < i; ++j)
          BOOST_TEST(std::abs(a.grad()(i, j) - a.grad()(j, i)) <=
                     1e-13 * (1 + std::abs(a.grad()(i, j))));
      }
    };
    check([](const D& a) { return cholesky(a); });
    check([](const D& a) { return cholesky(a, {.upper = true}); });
    check([](const D& a) { return logdet(a); });
    check([n](const D& a) { return solve(a, wave({n, 2}), {.spd = true}); });
  }
}

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// OpenBLAS' dpotrf reports success.
BOOST_AUTO_TEST_CASE(what_is_not_finite_is_refused) {
  for (const std::size_t n : {std::size_t{3}, std::size_t{20}}) {
    for (const double bad : {kNan, kInfinity, -kInfinity}) {
      D a = definite(wave({2, n, n}));
      a.mutable_data()[n * n + 2 * n + 1] = bad;
      const auto refused = [&](const char* operation, const auto& f) {
        const std::string sizes = std::to_string(n) + ", " + std::to_string(n) + ")";
        check_failure<std::invalid_argument>(
            f, std::string(operation) + ": a is not finite: matrix 1 of the batch has " +
                   (std::isnan(bad) ? "nan"
                    : bad > 0       ? "inf"
                                    : "-inf") +
                   " at (2, 1), (..., " + sizes);
      };
      refused("cholesky", [&] { cholesky(a); });
      refused("logdet", [&] { logdet(a); });
      refused("solve", [&] { solve(a, wave({n})); });
      refused("solve", [&] { solve(a, wave({n}), {.spd = true}); });
      refused("inverse", [&] { inverse(a); });
      refused("det", [&] { det(a); });
      refused("slogdet", [&] { slogdet(a); });
      refused("triangular_solve", [&] { triangular_solve(a, wave({n})); });
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_read_may_be_anything) {
  for (const std::size_t n : {std::size_t{3}, std::size_t{20}}) {
    const D a = definite(wave({n, n}));
    D lower = a.clone(), upper = a.clone();
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        lower.mutable_data()[j * n + i] = kNan;
        upper.mutable_data()[i * n + j] = kInfinity;
      }
    }
    check_identical(cholesky(lower), cholesky(a));
    check_identical(cholesky(upper, {.upper = true}), cholesky(a, {.upper = true}));
    check_identical(logdet(lower), logdet(a));
    check_identical(solve(lower, wave({n}), {.spd = true}), solve(a, wave({n}), {.spd = true}));
    check_identical(triangular_solve(lower, wave({n})), triangular_solve(a, wave({n})));
    for (std::size_t i = 0; i < n; ++i) upper.mutable_data()[i * n + i] = kNan;
    const TriangularSolveOptions unit{.upper = true, .unit_diagonal = true};
    check_identical(triangular_solve(upper, wave({n}), unit), triangular_solve(a, wave({n}), unit));
  }
}

BOOST_AUTO_TEST_CASE(the_first_matrix_that_fails_is_told) {
  for (const std::size_t n : {std::size_t{6}, std::size_t{40}}) {
    D a = broadcast_to(eye<double>(n), {7, n, n}).clone();
    for (const std::size_t m : {std::size_t{3}, std::size_t{5}})
      a.mutable_data()[(m * n + 4) * n + 4] = 0;
    const std::string sizes = ", (..., " + std::to_string(n) + ", " + std::to_string(n) + ")";
    check_failure<std::invalid_argument>(
        [&] { cholesky(a); },
        "cholesky: matrix 3 of the batch is not positive definite: leading minor 5" + sizes);
    check_failure<std::invalid_argument>(
        [&] { solve(a, wave({n})); },
        "solve: matrix 3 of the batch is singular: pivot 5 is 0" + sizes);
    check_failure<std::invalid_argument>(
        [&] { inverse(a); }, "inverse: matrix 3 of the batch is singular: pivot 5 is 0" + sizes);
    check_failure<std::invalid_argument>(
        [&] { triangular_solve(a, wave({n})); },
        "triangular_solve: matrix 3 of the batch is singular: a has 0 at (4, 4)" + sizes);
  }
}

// xtensor-blas overwrites column-major arguments, and refuses strided views or takes the wrong
// shape for them.
BOOST_AUTO_TEST_CASE(operands_are_any_expressions_and_stay_as_they_are) {
  const std::size_t n = 5;
  const Array<double> big = definite(wave({12, 12})).value();
  const auto strided = xt::view(big, xt::range(0, 10, 2), xt::range(0, 10, 2));
  const auto reversed =
      xt::view(big, xt::range(4, xt::placeholders::_, -1), xt::range(4, xt::placeholders::_, -1));
  const xt::xarray<double, xt::layout_type::column_major> columns = strided;
  const auto before = columns;
  const Array<double> plain = strided, backwards = reversed;
  check_identical(inverse(D(strided)), inverse(D(plain)));
  check_identical(inverse(D(columns)), inverse(D(plain)));
  check_close(inverse(D(xt::transpose(strided))), transpose(inverse(D(plain))));
  check_identical(cholesky(D(reversed)), cholesky(D(backwards)));
  check_identical(solve(D(strided), D(xt::view(big, 11, xt::range(0, 5)))),
                  solve(D(plain), D(Array<double>(xt::view(big, 11, xt::range(0, 5))))));
  BOOST_TEST((columns == before));
  const D a = D(plain), b = wave({n, 2}), kept = a.clone(), right = b.clone();
  solve(a, b);
  inverse(a);
  det(a);
  cholesky(a);
  check_identical(a, kept);
  check_identical(b, right);
}

BOOST_AUTO_TEST_CASE(threads_do_not_show) {
  for (const auto& [count, n] :
       {std::pair<std::size_t, std::size_t>{3000, 4}, {40, 17}, {2, 110}}) {
    const D x = wave({count, n, n}), b = wave({count, n, 2}, 1);
    check_threads([](In in) { return cholesky(definite(in[0])); }, {x});
    check_threads([](In in) { return solve(regular(in[0]), in[1]); }, {x, b});
    check_threads([](In in) { return inverse(regular(in[0])); }, {x});
    check_threads([](In in) { return logdet(definite(in[0])); }, {x});
  }
}

// Wherever it is in a batch, and beside whichever others.
BOOST_AUTO_TEST_CASE(a_matrix_is_treated_the_same_in_any_batch) {
  const D x = regular(wave({37, 6, 6})), s = definite(wave({37, 6, 6})), b = wave({37, 6, 1}, 1);
  const D solved = solve(x, b), inverted = inverse(x), factor = cholesky(s);
  for (const std::ptrdiff_t m : {0, 15, 16, 36}) {
    check_identical(select(solved, 0, m), solve(select(x, 0, m), select(b, 0, m)));
    check_identical(select(inverted, 0, m), inverse(select(x, 0, m)));
    check_identical(select(factor, 0, m), cholesky(select(s, 0, m)));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
