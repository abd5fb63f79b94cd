// Functions that are small somewhere, compared with mpmath number by number: their errors are
// bounded relative to the value, also in the tails.

#include <algorithm>
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

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

BOOST_AUTO_TEST_SUITE(special_functions)

BOOST_AUTO_TEST_CASE(in_double) { check_all<double>(); }
BOOST_AUTO_TEST_CASE(in_float) { check_all<float>(); }

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
