#include <cmath>
#include <limits>

#include "row.hpp"
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
  };
}

}  // namespace proof
