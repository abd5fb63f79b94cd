// Linear systems and determinants: rows of PyTorch, residuals, matrices of the books, and what is
// right where others are not. Operations on matrices are proved in tests/proof as well; there all
// are small.

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

// Matrices.

using Types = std::tuple<float, double>;
using Wide = std::vector<long double>;  // row-major, square

template <class T>
constexpr double kEpsilon = static_cast<double>(std::numeric_limits<T>::epsilon());

Wide matrix(std::size_t n, long double (*element)(std::size_t i, std::size_t j, std::size_t n)) {
  Wide a(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) a[i * n + j] = element(i, j, n);
  }
  return a;
}

// a - 2 v (v' a) / v'v from the left, or from the right.
void reflect(Wide& a, std::size_t n, std::mt19937_64& engine, bool left) {
  std::normal_distribution<double> normal;
  std::vector<long double> v(n);
  for (auto& e : v) e = normal(engine);
  long double square = 0;
  for (const auto e : v) square += e * e;
  for (std::size_t k = 0; k < n; ++k) {
    long double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += v[i] * a[left ? i * n + k : k * n + i];
    for (std::size_t i = 0; i < n; ++i) a[left ? i * n + k : k * n + i] -= 2 * v[i] * sum / square;
  }
}

// Random, with singular values from 1 down to 1 / condition.
Wide random_matrix(std::size_t n, double condition, bool symmetric) {
  std::mt19937_64 engine(n + static_cast<std::size_t>(std::log10(condition)));
  Wide a(n * n);
  for (std::size_t i = 0; i < n; ++i)
    a[i * n + i] = std::pow(
        condition, -static_cast<double>(i) / static_cast<double>(std::max(n, std::size_t{2}) - 1));
  for (int k = 0; k < 3; ++k) {
    std::mt19937_64 same = engine;
    reflect(a, n, engine, true);
    reflect(a, n, symmetric ? same : engine, false);
  }
  return a;
}

template <class T>
Tensor<T> tensor(const Wide& a, const Shape& shape) {
  return Tensor<T>::from(shape, std::vector<T>(a.begin(), a.end()));
}
template <class T>
Wide wide(const Tensor<T>& a) {
  return Wide(a.data(), a.data() + a.size());
}

// c (n, k) -= op(a) op(b), a (n, n).
Wide less_product(Wide c, const Wide& a, const Wide& b, std::size_t n, std::size_t k,
                  bool transpose_b = false) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < k; ++j) {
      for (std::size_t l = 0; l < n; ++l)
        c[i * k + j] -= a[i * n + l] * b[transpose_b ? j * n + l : l * k + j];
    }
  }
  return c;
}

double norm_of(const Wide& a) {
  long double sum = 0;
  for (const auto e : a) sum += e * e;
  return static_cast<double>(std::sqrt(sum));
}

Wide identity(std::size_t n) {
  return matrix(n, [](std::size_t i, std::size_t j, std::size_t) { return i == j ? 1.0L : 0.0L; });
}

constexpr std::size_t kOrders[] = {1, 3, 8, 16, 17, 60};
constexpr double kConditions[] = {1, 1e4, 1e8};

// |a x - b| <= 20 n eps |a| |x|.
template <class T>
void check_residual(const Tensor<T>& a, const Tensor<T>& x, const Tensor<T>& b, double factor = 1) {
  const std::size_t n = a.shape().back(), k = x.shape().back();
  const double residual = norm_of(less_product(wide(b), wide(a), wide(x), n, k));
  BOOST_TEST(residual <= factor * 20 * static_cast<double>(n) * kEpsilon<T> * norm_of(wide(a)) *
                             norm_of(wide(x)),
             "n " << n << ", residual " << residual);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(linear_systems_are_accurate)

BOOST_AUTO_TEST_CASE_TEMPLATE(residuals, T, Types) {
  for (const std::size_t n : kOrders) {
    for (const double condition : kConditions) {
      const auto a = tensor<T>(random_matrix(n, condition, false), {n, n});
      const auto b = tensor<T>(random_matrix(n, 1, false), {n, n});
      check_residual(a, solve(a, b), b);
      check_residual(a, inverse(a), tensor<T>(identity(n), {n, n}));
      const auto lower = triangular_solve(a + 2 * eye<T>(n), b);
      BOOST_TEST(std::isfinite(lower.data()[0]));
    }
  }
}

// In float a condition of 1e8 is beyond what is definite.
BOOST_AUTO_TEST_CASE_TEMPLATE(residuals_of_definite_matrices, T, Types) {
  for (const std::size_t n : kOrders) {
    for (const double condition : kConditions) {
      if (condition * kEpsilon<T> * static_cast<double>(n) > 0.1) continue;
      const auto a = tensor<T>(random_matrix(n, condition, true), {n, n});
      const auto b = tensor<T>(random_matrix(n, 1, false), {n, n});
      const Wide l = wide(cholesky(a));
      const double residual = norm_of(less_product(wide(a), l, l, n, n, true));
      BOOST_TEST(residual <= 20 * static_cast<double>(n) * kEpsilon<T> * norm_of(wide(a)),
                 "n " << n << ", condition " << condition << ", residual " << residual);
      check_residual(a, solve(a, b, {.spd = true}), b);
      check_residual(a, cholesky_solve(cholesky(a), b), b);
    }
  }
}

// Higham, Accuracy and stability of numerical algorithms, 2002, chapter 28: inverse and determinant
// of Hilbert's matrix in closed form.
long double binomial(std::size_t n, std::size_t k) {
  long double r = 1;
  for (std::size_t i = 1; i <= k; ++i)
    r = r * static_cast<long double>(n - k + i) / static_cast<long double>(i);
  return std::round(r);
}
long double hilbert(std::size_t i, std::size_t j, std::size_t) {
  return 1 / static_cast<long double>(i + j + 1);
}
long double inverse_of_hilbert(std::size_t i, std::size_t j, std::size_t n) {
  const long double b = binomial(i + j, i);
  return ((i + j) % 2 == 0 ? 1 : -1) * static_cast<long double>(i + j + 1) *
         binomial(n + i, n - j - 1) * binomial(n + j, n - i - 1) * b * b;
}

BOOST_AUTO_TEST_CASE(hilbert_matrix) {
  for (const std::size_t n : {std::size_t{3}, std::size_t{6}, std::size_t{8}}) {
    const D a = tensor<double>(matrix(n, hilbert), {n, n});
    const Wide exact = matrix(n, inverse_of_hilbert);
    const double condition = norm_of(wide(a)) * norm_of(exact);
    for (const D& y : {inverse(a), solve(a, eye<double>(n), {.spd = true})}) {
      Wide error = wide(y);
      for (std::size_t i = 0; i < error.size(); ++i) error[i] -= exact[i];
      BOOST_TEST(norm_of(error) <= 2 * kEpsilon<double> * condition * norm_of(exact));
    }
    double logarithm = 0;  // of prod_{k<n} (k!)^3 / (n+k)!
    for (std::size_t k = 0; k < n; ++k)
      logarithm +=
          3 * std::lgamma(static_cast<double>(k) + 1) - std::lgamma(static_cast<double>(n + k) + 1);
    BOOST_TEST(std::abs(logdet(a).item() - logarithm) <= 2 * kEpsilon<double> * condition);
    BOOST_TEST(std::abs(slogdet(a).logarithm.item() - logarithm) <=
               2 * kEpsilon<double> * condition);
    BOOST_TEST(std::abs(det(a).item() / std::exp(logarithm) - 1) <=
               2 * kEpsilon<double> * condition);
  }
}

// Kahan's upper triangle: its inverse is much larger than its diagonal says.
long double kahan(std::size_t i, std::size_t j, std::size_t) {
  const long double c = std::cos(1.2L), s = std::pow(std::sin(1.2L), static_cast<long double>(i));
  return i == j ? s : i < j ? -c * s : 0;
}

BOOST_AUTO_TEST_CASE(kahan_matrix) {
  for (const std::size_t n : {std::size_t{8}, std::size_t{40}}) {
    const D a = tensor<double>(matrix(n, kahan), {n, n}), b = wave({n, 2});
    check_residual(a, triangular_solve(a, b, {.upper = true}), b);
    check_residual(transpose(a), triangular_solve(a, b, {.upper = true, .transpose = true}), b);
    check_residual(a, solve(a, b), b);
  }
}

// Wilkinson's: elements grow to 2^(n-1) with partial pivoting, and the error may with them.
long double wilkinson(std::size_t i, std::size_t j, std::size_t n) {
  return i == j || j == n - 1 ? 1 : i > j ? -1 : 0;
}

BOOST_AUTO_TEST_CASE(wilkinson_matrix) {
  for (const std::size_t n : {std::size_t{8}, std::size_t{24}}) {
    const D a = tensor<double>(matrix(n, wilkinson), {n, n}), b = wave({n, 2});
    check_residual(a, solve(a, b), b, std::ldexp(1.0, static_cast<int>(n) - 1));
    BOOST_TEST(det(a).item() == std::ldexp(1.0, static_cast<int>(n) - 1));
  }
}

// Frank's: integers, of determinant 1, with eigenvalues that are hard to find.
long double frank(std::size_t i, std::size_t j, std::size_t n) {
  return j + 1 < i ? 0 : static_cast<long double>(n - std::max(i, j));
}

BOOST_AUTO_TEST_CASE(frank_matrix) {
  for (const std::size_t n : {std::size_t{6}, std::size_t{12}}) {
    const D a = tensor<double>(matrix(n, frank), {n, n});
    const double condition = norm_of(wide(a)) * norm_of(wide(inverse(a)));
    BOOST_TEST(std::abs(det(a).item() - 1) <= 20 * kEpsilon<double> * condition);
    BOOST_TEST(slogdet(a).sign.item() == 1);
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(linear_systems_do_as_they_say)

namespace {

D values(const Shape& shape, const std::vector<double>& v) { return D::from(shape, v); }

// d^2 det / d a[i,j] d a[k,l] of a 3 x 3 matrix, from its definition.
double sign3(std::size_t i, std::size_t j, std::size_t k) {
  return static_cast<double>((static_cast<int>(i) - static_cast<int>(j)) *
                             (static_cast<int>(j) - static_cast<int>(k)) *
                             (static_cast<int>(k) - static_cast<int>(i))) /
         2;
}

Array<double> second_derivative_of_det(const D& a) {
  Array<double> h(Array<double>::shape_type{3, 3, 3, 3});
  h.fill(0);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k)
        for (std::size_t l = 0; l < 3; ++l)
          for (std::size_t m = 0; m < 3; ++m)
            for (std::size_t n = 0; n < 3; ++n)
              h(i, j, k, l) += sign3(i, k, m) * sign3(j, l, n) * a.data()[m * 3 + n];
  return h;
}

Array<double> cofactors(const D& a) {
  const Array<double> h = second_derivative_of_det(a);
  Array<double> c(Array<double>::shape_type{3, 3});
  c.fill(0);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k)
        for (std::size_t l = 0; l < 3; ++l) c(i, j) += h(i, j, k, l) * a.data()[k * 3 + l] / 2;
  return c;
}

void check_near(const Array<double>& a, const Array<double>& b, double tolerance) {
  BOOST_TEST_REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    BOOST_TEST(std::abs(a.data()[i] - b.data()[i]) <= tolerance,
               i << ": " << a.data()[i] << ", expected " << b.data()[i]);
}

const std::vector<double> kSingular[] = {{1, 2, 3, 4, 5, 6, 7, 8, 9},     // rank 2
                                         {0, 1, 2, 0, 3, 4, 0, 5, 6},     // a column of zeros
                                         {1, 2, 3, 2, 4, 6, -1, -2, -3},  // rank 1
                                         {0, 0, 0, 0, 0, 0, 0, 0, 0},
                                         {1, 2, 3, 4, 5, 6, 7, 8, 9 + 1e-13},  // nearly
                                         {2, 1, 0, 1, 3, 1, 0, 1, 4}};         // regular

}  // namespace

// PyTorch 1.13 has the gradient 0 where the rank is n - 1.
BOOST_AUTO_TEST_CASE(det_has_its_derivatives_at_singular_matrices) {
  for (const auto& v : kSingular) {
    D a = parameter(values({3, 3}, v));
    det(a).backward();
    check_near(a.grad(), cofactors(a), 1e-12);
    check_near(hessian<double>([](const D& x) { return det(x); }, a).value(),
               second_derivative_of_det(a), 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(det_has_its_third_derivative_at_zero) {
  const D x = parameter(zeros<double>({3, 3}));
  const D first = grad(det(x), x, {.create_graph = true});
  const D second = grad(slice(reshape(first, {9}), 0, 0, 1), x, {.create_graph = true});
  const D third = grad(slice(reshape(second, {9}), 0, 4, 5), x, {.create_graph = true});
  for (std::size_t i = 0; i < 9; ++i)
    BOOST_TEST(std::abs(third.data()[i] - (i == 8 ? 1 : 0)) <= 1e-13);
}

BOOST_AUTO_TEST_CASE(det_in_a_batch_of_regular_and_singular_matrices) {
  std::vector<double> all;
  for (const auto& v : kSingular) all.insert(all.end(), v.begin(), v.end());
  D a = parameter(values({6, 3, 3}, all));
  det(a).backward(ones<double>({6}));
  for (std::size_t m = 0; m < 6; ++m) {
    const Array<double> g = xt::view(a.grad(), m);
    check_near(g, cofactors(values({3, 3}, kSingular[m])), 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(det_beyond_the_range_on_the_way) {
  BOOST_TEST(det(values({3, 3}, {1e200, 0, 0, 0, 1e200, 0, 0, 0, 1e-300})).item() == 1e100,
             boost::test_tools::tolerance(1e-14));
  BOOST_TEST(det(Tensor<float>::from({2, 2}, {0, 2, 3, 0})).item() == -6);
}

BOOST_AUTO_TEST_CASE(slogdet_of_a_singular_matrix) {
  D a = parameter(values({2, 2}, {1, 2, 2, 4}));
  const auto [sign, logarithm] = slogdet(a);
  BOOST_TEST(sign.item() == 0);
  BOOST_TEST(logarithm.item() == -std::numeric_limits<double>::infinity());
  check_failure<std::invalid_argument>(
      [&, y = logarithm] { y.backward(); },
      "slogdet: the matrix is singular, its logarithm has no gradient: (2, 2)");
  BOOST_TEST(slogdet(values({2, 2}, {0, 1, 1, 0})).sign.item() == -1);
}

// PyTorch 1.13 throws in the backward pass.
BOOST_AUTO_TEST_CASE(solve_of_one_number_and_a_vector) {
  D a = parameter(values({1, 1}, {4})), b = parameter(values({1}, {2}));
  const D x = solve(a, b);
  check_shape(x, {1});
  x.backward();
  BOOST_TEST(a.grad()(0, 0) == -0.125);
  BOOST_TEST(b.grad()(0) == 0.25);
  D c = parameter(values({1, 1}, {4}));
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
