// Functions of a tensor and a number; and those of the C library that are no operations: what the compiler says to write in
// their place (ops/c_library.hpp) is what the C library computes, and who has such a function can call it.

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "xgrad/gradient_check/check.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/gamma.hpp"
#include "xgrad/ops/math.hpp"

using namespace xgrad;

namespace mine {
template <class T>
Tensor<T> hypot(const Tensor<T>& x, const Tensor<T>& y) {
  return sqrt(square(x) + square(y));
}
Tensor<double> cbrt(const Tensor<double>& x) { return x + 1; }
}  // namespace mine

namespace {

using Types = boost::mpl::list<float, double>;
using D = Tensor<double>;

template <class T>
Tensor<T> points() {
  return Tensor<T>::from({-2.75, -1.5, -0.5, -0.25, 0.5, 0.75, 1.5, 3.25});
}

// Each element is that of `expected`, within a few units of T's precision.
template <class T, class F>
void is(const Tensor<T>& y, const Tensor<T>& x, F expected) {
  BOOST_TEST_REQUIRE(y.size() == x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double e = expected(static_cast<double>(x.data()[i]));
    if (std::isnan(e)) {
      BOOST_TEST(std::isnan(y.data()[i]));
    } else {
      BOOST_TEST(std::abs(y.data()[i] - e) <=
                 8 * std::numeric_limits<T>::epsilon() * (1 + std::abs(e)));
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(numbers)

BOOST_AUTO_TEST_CASE_TEMPLATE(values_on_either_side, T, Types) {
  const Tensor<T> x = points<T>(), p = abs(x);
  is(add(x, 2), x, [](double v) { return v + 2; });
  is(add(0.5, x), x, [](double v) { return 0.5 + v; });
  is(subtract(x, 2.0), x, [](double v) { return v - 2; });
  is(subtract(2u, x), x, [](double v) { return 2 - v; });
  is(multiply(x, 3), x, [](double v) { return v * 3; });
  is(multiply(0.25F, x), x, [](double v) { return 0.25 * v; });
  is(divide(x, 4), x, [](double v) { return v / 4; });
  is(divide(1.0, x), x, [](double v) { return 1 / v; });
  is(atan2(x, 1.0), x, [](double v) { return std::atan2(v, 1.0); });
  is(atan2(-1, x), x, [](double v) { return std::atan2(-1.0, v); });
  is(logaddexp(x, 0.5), x, [](double v) { return std::log(std::exp(v) + std::exp(0.5)); });
  is(logaddexp(0.0, x), x, [](double v) { return std::log(1 + std::exp(v)); });
  is(xlogy(x, 2), x, [](double v) { return v * std::log(2.0); });
  is(xlogy(2, p), p, [](double v) { return 2 * std::log(v); });
  is(xlogy(0.0, x - x), x, [](double) { return 0.0; });
}

BOOST_AUTO_TEST_CASE(gradients) {
  const auto right = [](const auto& f) {
    return check_gradients([&](const D& x) { return f(x); }, {points<double>()}).passed();
  };
  BOOST_TEST(right([](const D& x) { return atan2(x, 1.5) * atan2(0.5, x); }));
  BOOST_TEST(right([](const D& x) { return logaddexp(x, 1) * logaddexp(-1.0, x); }));
  BOOST_TEST(right([](const D& x) { return xlogy(x, 3) * xlogy(2.0, square(x)); }));
  BOOST_TEST(
      right([](const D& x) { return divide(subtract(2.0, x), 3) + multiply(2, add(x, x)); }));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_to_write_for_functions_of_one_number, T, Types) {
  const Tensor<T> x = points<T>(), a = abs(x), above = a + 1, inside = x / 4;
  is(log(above + sqrt(above - 1) * sqrt(above + 1)), above, [](double v) { return std::acosh(v); });
  is(sign(x) * log1p(abs(x) + square(x) / (1 + sqrt(1 + square(x)))), x,
     [](double v) { return std::asinh(v); });
  is(0.5 * (log1p(inside) - log1p(-inside)), inside, [](double v) { return std::atanh(v); });
  is(sign(x) * pow(abs(x), 1.0 / 3), x, [](double v) { return std::cbrt(v); });
  is(2 * ndtr(-std::sqrt(2.0) * x), x, [](double v) { return std::erfc(v); });
  is(pow(2, x), x, [](double v) { return std::exp2(v); });
  is(pow(10, x), x, [](double v) { return std::pow(10, v); });
  is(log(a) / std::log(2.0), a, [](double v) { return std::log2(v); });
  is(log(a) / std::log(10.0), a, [](double v) { return std::log10(v); });
  is(round(x), x, [](double v) { return std::rint(v); });
  is(sign(x) * floor(abs(x) + 0.5), x, [](double v) { return std::round(v); });
  is(exp(lgamma(a)), a, [](double v) { return std::tgamma(v); });
  is(sign(x) * floor(abs(x)), x, [](double v) { return std::trunc(v); });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_to_write_for_functions_of_two_numbers, T, Types) {
  const Tensor<T> x = points<T>(), y = points<T>() * 0 - 0.75, a = abs(x);
  is(where(y < 0, -abs(x), abs(x)), x, [](double v) { return std::copysign(v, -0.75); });
  is(relu(x - y), x, [](double v) { return std::fdim(v, -0.75); });
  is(maximum(x, y), x, [](double v) { return std::fmax(v, -0.75); });
  is(minimum(x, y), x, [](double v) { return std::fmin(v, -0.75); });
  is(a + y * floor(a / -y), a, [](double v) { return std::fmod(v, 0.75); });
  is(sqrt(square(x) + square(y)), x, [](double v) { return std::hypot(v, -0.75); });
  is(x * pow(2, y), x, [](double v) { return v * std::exp2(-0.75); });
  is(x - y * round(x / y), x, [](double v) { return std::remainder(v, -0.75); });
}

BOOST_AUTO_TEST_CASE(functions_of_such_a_name_can_be_called) {
  const D x = points<double>();
  using mine::cbrt;
  using mine::hypot;
  is(hypot(x, x), x, [](double v) { return std::sqrt(2.0) * std::abs(v); });
  is(cbrt(x), x, [](double v) { return v + 1; });
  BOOST_TEST(std::hypot(3.0, 4.0) == 5.0);
  BOOST_TEST(::hypot(3.0, 4.0) == 5.0);
}

BOOST_AUTO_TEST_SUITE_END()
