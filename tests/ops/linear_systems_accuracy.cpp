// Residuals of linear systems for random matrices of all conditions; those of the books, and derivatives,
// against the truth in 60 digits (tests/references/exact_systems.py).

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/ops/reference_rows.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/cholesky.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/determinant.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/solve.hpp"

namespace xgrad::test {
namespace {

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

using In = const Tensors&;

D exact(const std::string& name, const Shape& shape) {
  return reference("exact_systems", name, shape);
}

std::vector<Row> rows() {
  const D definite = exact("definite", {5, 5}), regular = wave({5, 5}, 1) + 4 * eye<double>(5);
  std::vector<Row> all = {
      {"cholesky", {definite}, [](In in) { return cholesky(in[0]); }, 1e-13},
      {"solve", {regular, wave({5, 2}, 2)}, [](In in) { return solve(in[0], in[1]); }, 1e-13}};
  for (const std::string rank : {"4", "3", "2"})
    all.push_back({"det of rank " + rank,
                   {exact("rank " + rank, {4, 4})},
                   [](In in) { return det(in[0]); },
                   1e-13});
  return all;
}

const RegisterRows registered("exact_systems", rows());

// |x - truth| <= units u times the bound, element by element.
void check_bound(const D& x, const std::string& truth, const std::string& bound, double units) {
  const D expected = exact(truth, x.shape()), most = exact(bound, x.shape());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double off = std::abs(x.data()[i] - expected.data()[i]);
    BOOST_TEST(off <= units * kEpsilon<double> / 2 * most.data()[i],
               truth << ", element " << i << ": " << off << ", bound " << most.data()[i]);
  }
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

// Higham, theorems 8.5 and 9.4: solutions, gradients by the right-hand side, and determinants.
BOOST_AUTO_TEST_CASE(known_matrices_within_the_bounds_of_theory) {
  const std::pair<std::string, std::size_t> all[] = {
      {"hilbert", 10}, {"kahan", 16}, {"wilkinson", 24}, {"frank", 12}};
  for (const auto& [name, n] : all) {
    const D a = exact(name + " matrix", {n, n});
    const D b = parameter(wave({n, 2}, 1)), x = solve(a, b);
    sum(x * wave({n, 2}, 100)).backward();
    const auto units = 3 * static_cast<double>(n);
    check_bound(x, name + " solution", name + " bound", units);
    check_bound(b.gradient(), name + " gradient", name + " gradient bound", units);
    const double truth = exact(name + " determinant", {}).item(),
                 most = exact(name + " determinant bound", {}).item();
    BOOST_TEST(std::abs(det(a).item() / truth - 1) <= units * kEpsilon<double> / 2 * (1 + most),
               name);
  }
  const D kahan = exact("kahan matrix", {16, 16});
  check_bound(triangular_solve(kahan, wave({16, 2}, 1), {.upper = true}), "kahan solution",
              "kahan triangular bound", 16);
  const D hilbert = exact("hilbert matrix", {10, 10});
  check_bound(solve(hilbert, wave({10, 2}, 1), {.spd = true}), "hilbert solution", "hilbert bound",
              31);
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

}  // namespace xgrad::test
