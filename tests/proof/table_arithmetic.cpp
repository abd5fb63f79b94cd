#include <cmath>

#include "row.hpp"
#include "xgrad/ops/arithmetic.hpp"

namespace proof {
namespace {

Number larger(Number a, Number b) {
  return std::isnan(a) || std::isnan(b) ? a + b : std::max(a, b);
}
Number smaller(Number a, Number b) {
  return std::isnan(a) || std::isnan(b) ? a + b : std::min(a, b);
}

Number log_of_sum(Number a, Number b) {
  if (a == b) return a + std::log(Number(2));
  return larger(a, b) + std::log1p(std::exp(-std::fabs(a - b)));
}

// An elementwise function of two numbers in [low, high].
Row pair(double low, double high) {
  return {.arguments = {{{3, 4}, low, high}, {{3, 4}, low, high}}, .elementwise = true};
}

Row single(double low, double high) {
  return {.arguments = {{{2, 3}, low, high}}, .elementwise = true};
}

Row kinked(Kink k) {
  Row r = single(-2, 2);
  r.kinks = {k};
  return r;
}

Row constant_of_one() {
  return {.arguments = {{{3, 4}, -2, 2, false}}, .elementwise = true, .differentiable = false};
}

// 0 or 1 where a comparison holds. Arguments from {0, 1}, so that some are equal.
template <class F>
Row mask(const char* name, F f, Number (*reference)(Number, Number)) {
  return prove(name, f, elementwise(reference),
               {.arguments = {{{3, 4}, 0, 1, false}, {{3, 4}, 0, 1, false}},
                .elementwise = true,
                .differentiable = false});
}

}  // namespace

std::vector<Row> arithmetic_rows() {
  return {
      prove(
          "add", [](const auto& a, const auto& b) { return a + b; },
          elementwise([](Number a, Number b) { return a + b; }), pair(-2, 2)),
      prove(
          "subtract", [](const auto& a, const auto& b) { return a - b; },
          elementwise([](Number a, Number b) { return a - b; }), pair(-2, 2)),
      prove(
          "multiply", [](const auto& a, const auto& b) { return a * b; },
          elementwise([](Number a, Number b) { return a * b; }), pair(-2, 2)),
      prove(
          "divide", [](const auto& a, const auto& b) { return a / b; },
          elementwise([](Number a, Number b) { return a / b; }), pair(0.3, 2)),
      prove(
          "negative", [](const auto& x) { return -x; }, elementwise([](Number x) { return -x; }),
          single(-2, 2)),
      prove(
          "pow", [](const auto& x, const auto& y) { return pow(x, y); }, elementwise(std::pow),
          pair(0.3, 2)),
      prove(
          "pow: square", [](const auto& x) { return pow(x, 2); },
          elementwise([](Number x) { return x * x; }), single(-2, 2)),
      prove(
          "pow: cube", [](const auto& x) { return pow(x, 3); },
          elementwise([](Number x) { return x * x * x; }), single(-2, 2)),
      prove(
          "pow: root", [](const auto& x) { return pow(x, 0.5f); }, elementwise(std::sqrt),
          single(0.1, 2)),
      prove(
          "pow: inverse", [](const auto& x) { return pow(x, -1); },
          elementwise([](Number x) { return 1 / x; }), single(0.3, 2)),
      prove(
          "pow: fraction", [](const auto& x) { return pow(x, -1.75f); },
          elementwise([](Number x) { return std::pow(x, Number(-1.75)); }), single(0.3, 2)),
      prove(
          "maximum", [](const auto& a, const auto& b) { return maximum(a, b); },
          elementwise(larger), pair(-2, 2)),
      prove(
          "minimum", [](const auto& a, const auto& b) { return minimum(a, b); },
          elementwise(smaller), pair(-2, 2)),
      prove(
          "maximum: number", [](const auto& x) { return maximum(x, 0.5); },
          elementwise([](Number x) { return larger(x, 0.5L); }), kinked({0.5, 0})),
      prove(
          "minimum: number", [](const auto& x) { return minimum(0.5, x); },
          elementwise([](Number x) { return smaller(x, 0.5L); }), kinked({0.5, 0})),
      prove("where", [](const auto& m, const auto& a, const auto& b) { return where(m, a, b); },
            elementwise([](Number m, Number a, Number b) { return m != 0 ? a : b; }),
            {.arguments = {{{3, 4}, 0, 1, false}, {{3, 4}}, {{3, 4}}}, .elementwise = true}),
      prove("masked_fill", [](const auto& x, const auto& m) { return masked_fill(x, m, 2.5F); },
            elementwise([](Number x, Number m) { return m != 0 ? 2.5L : x; }),
            {.arguments = {{{3, 4}}, {{3, 4}, 0, 1, false}}, .elementwise = true}),
      prove(
          "logaddexp", [](const auto& a, const auto& b) { return logaddexp(a, b); },
          elementwise(log_of_sum), pair(-2, 2)),
      prove(
          "xlogy", [](const auto& x, const auto& y) { return xlogy(x, y); },
          elementwise([](Number x, Number y) {
            return x == 0 && !std::isnan(y) ? Number(0) : x * std::log(y);
          }),
          pair(0.3, 2)),
      prove(
          "atan2", [](const auto& y, const auto& x) { return atan2(y, x); },
          elementwise(std::atan2), pair(-2, 2)),
      prove(
          "operators with scalars",
          [](const auto& x) { return (2 - x) * 3 / (x + 4) - 1 + 0.5 * -x - 1 / (5 + +x); },
          elementwise([](Number x) { return (2 - x) * 3 / (x + 4) - 1 - x / 2 - 1 / (5 + x); }),
          single(-2, 2)),
      mask(
          "less", [](const auto& a, const auto& b) { return a < b; },
          [](Number a, Number b) { return Number(a < b); }),
      mask(
          "less_equal", [](const auto& a, const auto& b) { return a <= b; },
          [](Number a, Number b) { return Number(a <= b); }),
      mask(
          "greater", [](const auto& a, const auto& b) { return a > b; },
          [](Number a, Number b) { return Number(a > b); }),
      mask(
          "greater_equal", [](const auto& a, const auto& b) { return a >= b; },
          [](Number a, Number b) { return Number(a >= b); }),
      mask(
          "equal", [](const auto& a, const auto& b) { return a == b; },
          [](Number a, Number b) { return Number(a == b); }),
      mask(
          "not_equal", [](const auto& a, const auto& b) { return a != b; },
          [](Number a, Number b) { return Number(a != b); }),
      mask(
          "logical_and", [](const auto& a, const auto& b) { return a && b; },
          [](Number a, Number b) { return Number(a != 0 && b != 0); }),
      mask(
          "logical_or", [](const auto& a, const auto& b) { return a || b; },
          [](Number a, Number b) { return Number(a != 0 || b != 0); }),
      prove("logical_not", [](const auto& a) { return !a; },
            elementwise([](Number a) { return Number(a == 0); }),
            {.arguments = {{{3, 4}, 0, 1, false}}, .elementwise = true, .differentiable = false}),
      prove(
          "isnan", [](const auto& x) { return isnan(x); },
          elementwise([](Number x) { return Number(std::isnan(x)); }), constant_of_one()),
      prove(
          "isinf", [](const auto& x) { return isinf(x); },
          elementwise([](Number x) { return Number(std::isinf(x)); }), constant_of_one()),
      prove(
          "isfinite", [](const auto& x) { return isfinite(x); },
          elementwise([](Number x) { return Number(std::isfinite(x)); }), constant_of_one()),
  };
}

}  // namespace proof
