// The slope of every elementwise function over the whole range, by the backward pass of the
// instruction set in use, against long double; docs/precision.md has the bounds. With
// XGRAD_PRECISION it prints what it finds, as precision.cpp does.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/precision/exact.hpp"
#include "tests/precision/sweep.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"

namespace {

using exact::Real;
using namespace xgrad;

// Bounds by "function type", of the second table of the page: its rows begin with "slope of".
std::map<std::string, double> read_page() {
  std::ifstream file(std::string(XGRAD_SOURCE_DIR) + "/docs/precision.md");
  BOOST_REQUIRE(file);
  std::map<std::string, double> bounds;
  for (std::string line, bar, slope, of, name; std::getline(file, line);) {
    std::istringstream row(line);
    if (!(row >> bar >> slope >> of >> name) || slope != "slope") continue;
    name = name.substr(1, name.size() - 2);
    row >> bar >> bounds[name + " float"] >> bar >> bounds[name + " double"];
  }
  return bounds;
}

int asked_points() {
  const char* asked = std::getenv("XGRAD_PRECISION");
  return asked != nullptr ? std::atoi(asked) : 0;
}

// Zeros may have either sign; a slope at a zero does not depend on that zero's.
template <class T>
double distance(T result, Real exact) {
  if (result == 0) result = std::copysign(result, static_cast<T>(std::signbit(exact) ? -1 : 1));
  if (exact == 0) exact = std::copysign(exact, std::signbit(result) ? -1 : 1);
  return sweep::distance(result, exact);
}

struct Range {
  double low = -std::numeric_limits<double>::infinity(),
         high = std::numeric_limits<double>::infinity();
  double gap_low = 1, gap_high = -1;  // around a zero of the slope, which is a difference there
};

template <class T, class F>
void check(const std::string& name, const F& f, Real (*exact)(Real), const Range& range) {
  std::vector<T> points = sweep::points<T>(asked_points() > 0 ? asked_points() : 6);
  std::erase_if(points, [&](T x) {
    return !(x >= range.low && x <= range.high) || (x > range.gap_low && x < range.gap_high);
  });
  const Tensor<T> x = parameter(Tensor<T>::from({points.size()}, points));
  const Tensor<T> slopes = grad(sum(f(x)), x);
  double worst = 0;
  T at = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double d = distance(slopes.data()[i], exact(points[i]));
    if (d > worst) worst = d, at = points[i];
  }
  const std::string row = name + (sizeof(T) == 4 ? " float" : " double");
  static const std::map<std::string, double> bounds = read_page();
  if (asked_points() > 0) {
    std::cout << std::left << std::setw(34) << row << std::setw(10) << std::setprecision(3) << worst
              << " at " << std::setprecision(17) << at << '\n';
  }
  BOOST_REQUIRE_MESSAGE(bounds.contains(row), "docs/precision.md has no bound for " << row);
  BOOST_TEST(worst <= bounds.at(row),
             "slope of " << row << ": " << worst << " at " << std::setprecision(17) << at);
}

template <class F>
void both(const std::string& name, const F& f, Real (*exact)(Real), const Range& range = {}) {
  check<float>(name, f, exact, range);
  check<double>(name, f, exact, range);
}

Real logistic_density(Real x) {
  const Real e = std::exp(-std::fabs(x));
  return e / ((1 + e) * (1 + e));
}
Real density(Real x) { return 0.398942280401432677939946L * exact::gaussian(x); }
Real silu_slope(Real x) {
  if (std::isinf(x)) return x > 0;
  return exact::sigmoid(x) + x * logistic_density(x);
}
Real gelu_slope(Real x) {
  if (std::isinf(x)) return x > 0;
  return exact::ndtr(x) + x * density(x);
}
Real square_of(Real x) { return x * x; }

#define SLOPE(f) [](const auto& x) { return f(x); }

BOOST_AUTO_TEST_SUITE(slopes)

BOOST_AUTO_TEST_CASE(exponentials_and_logarithms) {
  both("exp", SLOPE(exp), std::exp);
  both("expm1", SLOPE(expm1), std::exp);
  both("log", SLOPE(log), exact::reciprocal, {.low = 0});
  both("log1p", SLOPE(log1p), [](Real x) { return 1 / (1 + x); }, {.low = -1});
  both("sinh", SLOPE(sinh), std::cosh);
  both("cosh", SLOPE(cosh), std::sinh);
  both("tanh", SLOPE(tanh), [](Real x) { return 1 / square_of(std::cosh(x)); });
  both("sigmoid", SLOPE(sigmoid), logistic_density);
  both("softplus", SLOPE(softplus), exact::sigmoid);
  both("log_sigmoid", SLOPE(log_sigmoid), [](Real x) { return exact::sigmoid(-x); });
}

BOOST_AUTO_TEST_CASE(arithmetic) {
  both("sqrt", SLOPE(sqrt), [](Real x) { return 1 / (2 * std::sqrt(std::fabs(x))); }, {.low = 0});
  both("rsqrt", SLOPE(rsqrt), [](Real x) { return -1 / (2 * x * std::sqrt(x)); }, {.low = 1e-46});
  both("square", SLOPE(square), [](Real x) { return 2 * x; });
  both("reciprocal", SLOPE(reciprocal), [](Real x) { return -1 / (x * x); });
  both("abs", SLOPE(abs), exact::sign);
}

BOOST_AUTO_TEST_CASE(circle) {
  both("sin", SLOPE(sin), std::cos);
  both("cos", SLOPE(cos), [](Real x) { return -std::sin(x); });
  both("tan", SLOPE(tan), [](Real x) { return 1 / square_of(std::cos(x)); });
  both("asin", SLOPE(asin), [](Real x) { return 1 / std::sqrt((1 - x) * (1 + x)); },
       {.low = -1, .high = 1});
  both("acos", SLOPE(acos), [](Real x) { return -1 / std::sqrt((1 - x) * (1 + x)); },
       {.low = -1, .high = 1});
  both("atan", SLOPE(atan), [](Real x) { return 1 / (1 + x * x); });
}

BOOST_AUTO_TEST_CASE(normal_distribution) {
  both("erf", SLOPE(erf), [](Real x) {
    const Real square = x * x, rest = std::fma(x, x, -square);
    return std::isinf(square) ? 0 : 1.12837916709551257389616L * exact::exp_of_sum(-square, -rest);
  });
  both("ndtr", SLOPE(ndtr), density);
}

BOOST_AUTO_TEST_CASE(activations) {
  both("elu", SLOPE(elu), [](Real x) { return x > 0 ? 1 : std::exp(x); });
  both(
      "celu", [](const auto& x) { return celu(x, 2); },
      [](Real x) { return x > 0 ? 1 : std::exp(x / 2); });
  both("selu", SLOPE(selu), [](Real x) {
    return 1.0507009873554804934L * (x > 0 ? 1 : 1.6732632423543772848L * std::exp(x));
  });
  both("softsign", SLOPE(softsign), [](Real x) { return 1 / square_of(1 + std::fabs(x)); });
  both("silu", SLOPE(silu), silu_slope, {.gap_low = -2, .gap_high = -0.8});
  both("gelu", SLOPE(gelu), gelu_slope, {.gap_low = -1.2, .gap_high = -0.4});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
