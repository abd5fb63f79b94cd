// Functions that are small somewhere, compared with mpmath number by number: their errors are
// bounded relative to the value, also in the tails.

#include <algorithm>
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "tests/data/references.hpp"
#include "xgrad/autograd/tensor.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad::test {
namespace {

/// `values` is within `bound` units of T's precision of the reference in each number of normal
/// size, measured by the reference or, where that is smaller, by the row `terms` it is a sum of.
template <class T>
void check_relative(const xgrad_test::Rows& rows, const std::string& name, const Tensor<T>& values,
                    double bound, const std::string& terms) {
  const std::vector<double>& expected = rows.at(name);
  BOOST_TEST_REQUIRE(expected.size() == values.size());
  const double precision = std::numeric_limits<T>::epsilon();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    // Factors of what is below this may be below the normal range.
    if (std::abs(expected[i]) < 64 * std::numeric_limits<T>::min()) continue;
    if (std::abs(expected[i]) > std::numeric_limits<T>::max()) continue;
    const double y = values.data()[i];
    const double size = std::max(std::abs(expected[i]), std::abs(rows.at(terms)[i]));
    BOOST_TEST(std::abs(y - expected[i]) <= bound * precision * size,
               name << " at " << rows.at("x")[i] << ": " << y << ", not " << expected[i]);
  }
}
template <class T>
void check_relative(const xgrad_test::Rows& rows, const std::string& name, const Tensor<T>& values,
                    double bound) {
  check_relative(rows, name, values, bound, name);
}

template <class T, class F>
void check_with_gradient(const xgrad_test::Rows& rows, const std::string& name, const F& f,
                         double bound) {
  const std::vector<double>& at = rows.at("x");
  const Tensor<T> x = parameter(Tensor<T>(xgrad_test::shaped<T>({at.size()}, at)));
  const Tensor<T> y = f(x);
  check_relative(rows, name, y, bound);
  sum(y).backward();
  check_relative(rows, name + " gradient", x.gradient(), bound, name == "gelu" ? "ndtr" : name);
}

template <class T>
void check_all() {
  const auto rows = xgrad_test::read_rows("special_functions.txt");
  const std::vector<double>& at = rows.at("x");
  const Tensor<T> x(xgrad_test::shaped<T>({at.size()}, at));
  check_relative(rows, "exp", exp(x), 2);
  check_relative(rows, "tanh", tanh(x), 2);
  check_with_gradient<T>(
      rows, "ndtr", [](const auto& v) { return ndtr(v); }, 10);
  check_with_gradient<T>(
      rows, "gelu", [](const auto& v) { return gelu(v); }, 16);
}

using Floats = boost::mpl::list<float, double>;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

BOOST_AUTO_TEST_SUITE(special_functions)

BOOST_AUTO_TEST_CASE(in_double) { check_all<double>(); }
BOOST_AUTO_TEST_CASE(in_float) { check_all<float>(); }

// The C library's, to the last place in float, with all its special cases.
template <class T>
void check_powers(const std::vector<T>& bases, const std::vector<T>& exponents) {
  using Limits = std::numeric_limits<T>;
  const auto right = [](T x, T y, T power) {
    const T expected = std::pow(x, y);
    if (std::isnan(expected)) return std::isnan(power);
    if (std::isinf(expected) || expected == 0)
      return power == expected && std::signbit(power) == std::signbit(expected);
    const T next = std::nextafter(std::abs(expected), Limits::infinity());
    return std::abs(power - expected) <= next - std::abs(expected);
  };
  const auto x = Tensor<T>::from({bases.size(), 1}, bases);
  const auto each = pow(x, Tensor<T>::from({exponents.size()}, exponents));
  for (std::size_t j = 0; j < exponents.size(); ++j) {
    const T y = exponents[j];
    const auto one = pow(x, y);  // products, where there are few factors
    for (std::size_t i = 0; i < bases.size(); ++i) {
      const T p = each.data()[i * exponents.size() + j];
      BOOST_TEST(right(bases[i], y, p), bases[i] << "^" << y << " is not " << p);
      if (y == T(0.5) && bases[i] < -Limits::max()) continue;  // sqrt
      const T q = one.data()[i];
      BOOST_TEST((right(bases[i], y, q) || std::abs(q - p) <= 4 * Limits::epsilon() * std::abs(p)),
                 bases[i] << "^" << y << " is not " << q);
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(powers, T, Floats) {
  using Limits = std::numeric_limits<T>;
  std::vector<T> special = {0,
                            T(-0.0),
                            1,
                            -1,
                            Limits::infinity(),
                            -Limits::infinity(),
                            Limits::quiet_NaN(),
                            Limits::max(),
                            -Limits::max(),
                            Limits::denorm_min(),
                            -Limits::denorm_min()};
  check_powers(special, special);
  std::vector<T> small, exponents;
  for (int i = -40; i <= 40; ++i) {
    exponents.push_back(T(i) / 4);
    if (i != 0) small.push_back(T(i) * T(0.37));
  }
  check_powers(small, exponents);
  check_powers(small, special);
  check_powers(special, exponents);
  std::vector<T> spread, steep;
  for (int i = -30; i <= 30; ++i) {
    spread.push_back(std::exp(T(i) * T(2.9)));
    steep.push_back(T(i) * T(0.93));
  }
  check_powers(spread, steep);
}

BOOST_AUTO_TEST_CASE(beyond_the_range) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const auto x = Tensor<double>::from({6}, {-kInfinity, -1e300, -0.0, 1e300, kInfinity, none});
  const auto is = [](const Tensor<double>& y, const std::vector<double>& expected) {
    for (std::size_t i = 0; i < expected.size(); ++i) BOOST_TEST(y.data()[i] == expected[i]);
    BOOST_TEST(std::isnan(y.data()[5]));
  };
  is(exp(x), {0, 0, 1, kInfinity, kInfinity});
  is(tanh(x), {-1, -1, 0, 1, 1});
  is(ndtr(x), {0, 0, 0.5, 1, 1});
  BOOST_TEST(std::signbit(tanh(x).data()[2]));
  const Tensor<float> y = exp(Tensor<float>::from({4}, {-200, 88, 89, 3e38F}));
  BOOST_TEST(y.data()[0] == 0);
  BOOST_TEST(std::isfinite(y.data()[1]));
  BOOST_TEST(std::isinf(y.data()[2]));
  BOOST_TEST(std::isinf(y.data()[3]));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xgrad::test
