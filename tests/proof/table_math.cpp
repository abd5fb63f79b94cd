#include <cmath>
#include <limits>

#include "row.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/gamma.hpp"
#include "xgrad/ops/math.hpp"

namespace proof {
namespace {

Number sign_of(Number x) { return std::isnan(x) ? x : Number((x > 0) - (x < 0)); }
Number relu_of(Number x) { return x <= 0 ? 0 : x; }
Number softplus_of(Number x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}
Number sigmoid_of(Number x) { return 1 / (1 + std::exp(-x)); }

// An elementwise function of numbers in [low, high].
Row over(double low, double high) {
  return {.arguments = {{{2, 3}, low, high}}, .elementwise = true};
}

// The n-th derivative of digamma for x > 0, from x + 40 on by Euler and Maclaurin's formula.
Number polygamma_of(int n, Number x) {
  if (x == 0 && n == 0) return std::copysign(INFINITY, -x);
  if (std::isinf(x) && x < 0) return NAN;
  Number sum = 0, factorial = 1;
  for (int k = 1; k <= n; ++k) factorial *= -static_cast<Number>(k);
  for (int k = 0; k < 40; ++k) sum -= factorial * std::pow(x + k, -static_cast<Number>(n + 1));
  x += 40;
  const Number p = std::pow(x, -static_cast<Number>(n)), s = static_cast<Number>(n);
  Number rest = -1 / (2 * x), at = 1 / (x * x);
  if (n == 0) {
    for (const Number b : {1 / 12.L, -1 / 120.L, 1 / 252.L, -1 / 240.L, 1 / 132.L}) {
      rest -= b * at;
      at /= x * x;
    }
    return sum + std::log(x) + rest;
  }
  rest -= 1 / s + (s + 1) / 12 * at;
  rest += (s + 1) * (s + 2) * (s + 3) / 720 * at * at;
  rest -= (s + 1) * (s + 2) * (s + 3) * (s + 4) * (s + 5) / 30240 * at * at * at;
  return sum + factorial * p * rest;
}
Number digamma_of(Number x) { return polygamma_of(0, x); }
Number trigamma_of(Number x) { return polygamma_of(1, x); }
Number third_of(Number x) { return polygamma_of(3, x); }

Row kinked(std::vector<Kink> kinks) {
  Row r = over(-2, 2);
  r.kinks = std::move(kinks);
  return r;
}

Row step(std::vector<double> jumps) {
  Row r = kinked({});
  for (const double j : jumps) r.kinks.push_back({j, 0});
  r.zero_gradient = true;
  return r;
}

constexpr auto kThroughDouble = []<class T>(const xgrad::Tensor<T>& x) {
  const xgrad::Tensor<double> wide = x.template to<double>();
  return (wide * wide * wide).to<T>();
};

}  // namespace

std::vector<Row> math_rows() {
  return {
      prove(
          "exp", [](const auto& x) { return exp(x); }, elementwise(std::exp), over(-3, 3)),
      prove(
          "expm1", [](const auto& x) { return expm1(x); }, elementwise(std::expm1), over(-3, 3)),
      prove(
          "log", [](const auto& x) { return log(x); }, elementwise(std::log), over(0.1, 4)),
      prove(
          "log1p", [](const auto& x) { return log1p(x); }, elementwise(std::log1p), over(-0.8, 3)),
      prove(
          "sqrt", [](const auto& x) { return sqrt(x); }, elementwise(std::sqrt), over(0.1, 4)),
      prove(
          "rsqrt", [](const auto& x) { return rsqrt(x); },
          elementwise([](Number x) { return 1 / std::sqrt(x); }), over(0.1, 4)),
      prove(
          "square", [](const auto& x) { return square(x); },
          elementwise([](Number x) { return x * x; }), over(-3, 3)),
      prove(
          "reciprocal", [](const auto& x) { return reciprocal(x); },
          elementwise([](Number x) { return 1 / x; }), over(0.2, 3)),
      prove(
          "abs", [](const auto& x) { return abs(x); }, elementwise(std::fabs), kinked({{0, 0}})),
      prove(
          "sign", [](const auto& x) { return sign(x); }, elementwise(sign_of), step({0})),
      prove(
          "floor", [](const auto& x) { return floor(x); }, elementwise(std::floor),
          step({-2, -1, 0, 1, 2})),
      prove(
          "ceil", [](const auto& x) { return ceil(x); }, elementwise(std::ceil),
          step({-2, -1, 0, 1, 2})),
      prove(
          "round", [](const auto& x) { return round(x); }, elementwise(std::nearbyint),
          step({-1.5, -0.5, 0.5, 1.5})),
      prove(
          "sin", [](const auto& x) { return sin(x); }, elementwise(std::sin), over(-3, 3)),
      prove(
          "cos", [](const auto& x) { return cos(x); }, elementwise(std::cos), over(-3, 3)),
      prove(
          "tan", [](const auto& x) { return tan(x); }, elementwise(std::tan), over(-1.2, 1.2)),
      prove(
          "asin", [](const auto& x) { return asin(x); }, elementwise(std::asin), over(-0.9, 0.9)),
      prove(
          "acos", [](const auto& x) { return acos(x); }, elementwise(std::acos), over(-0.9, 0.9)),
      prove(
          "atan", [](const auto& x) { return atan(x); }, elementwise(std::atan), over(-3, 3)),
      prove(
          "sinh", [](const auto& x) { return sinh(x); }, elementwise(std::sinh), over(-3, 3)),
      prove(
          "cosh", [](const auto& x) { return cosh(x); }, elementwise(std::cosh), over(-3, 3)),
      prove(
          "tanh", [](const auto& x) { return tanh(x); }, elementwise(std::tanh), over(-3, 3)),
      prove(
          "erf", [](const auto& x) { return erf(x); }, elementwise(std::erf), over(-3, 3)),
      prove(
          "ndtr", [](const auto& x) { return ndtr(x); },
          elementwise([](Number x) { return 0.5L * std::erfc(-x / std::sqrt(2.0L)); }),
          over(-3, 3)),
      prove(
          "lgamma", [](const auto& x) { return lgamma(x); }, elementwise(std::lgamma),
          over(0.3, 5)),
      prove(
          "digamma", [](const auto& x) { return digamma(x); }, elementwise(digamma_of),
          over(0.3, 5)),
      prove(
          "polygamma", [](const auto& x) { return polygamma(1, x); }, elementwise(trigamma_of),
          over(0.5, 5)),
      prove(
          "polygamma: 3", [](const auto& x) { return polygamma(3, x); }, elementwise(third_of),
          over(0.5, 5)),
      prove(
          "sigmoid", [](const auto& x) { return sigmoid(x); }, elementwise(sigmoid_of),
          over(-4, 4)),
      prove(
          "logistic_density", [](const auto& x) { return logistic_density(x); },
          elementwise([](Number x) { return sigmoid_of(x) * sigmoid_of(-x); }), over(-4, 4)),
      prove(
          "relu", [](const auto& x) { return relu(x); }, elementwise(relu_of), kinked({{0, 0}})),
      prove(
          "softplus", [](const auto& x) { return softplus(x); }, elementwise(softplus_of),
          over(-4, 4)),
      prove(
          "softplus: beta", [](const auto& x) { return softplus(x, 2.5F); },
          elementwise([](Number x) { return softplus_of(2.5L * x) / 2.5L; }), over(-2, 2)),
      // In float the product is one of doubles, and the passes change type twice. In double the tensor is
      // handed on as it is: what goes through float there is in tests/autograd/cast.cpp, with numbers that
      // float has, because a difference of rounded numbers is no derivative.
      prove("to", kThroughDouble, elementwise([](Number x) { return x * x * x; }), over(-2, 2)),
  };
}

}  // namespace proof
