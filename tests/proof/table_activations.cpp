#include <algorithm>
#include <cmath>
#include <limits>

#include "row.hpp"
#include "xgrad/ops/activations.hpp"

namespace proof {
namespace {

constexpr Number kSeluScale = 1.0507009873554804934193349852946L,
                 kSeluAlpha = 1.6732632423543772848170429916717L;

constexpr double kOfOperand = std::numeric_limits<double>::quiet_NaN();  // of another operand

Number sigmoid_of(Number x) { return 1 / (1 + std::exp(-x)); }
Number softplus_of(Number x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}
Number limited(Number x, Number low, Number high) {
  return std::isnan(x) ? x : std::clamp(x, low, high);
}
Number elu_of(Number x, Number alpha) { return x > 0 ? x : alpha * std::expm1(x); }

// x gate(x), 0 at minus infinity, where the gate is 0.
Number gated(Number x, Number gate) { return std::isinf(x) && x < 0 ? 0 : x * gate; }

Number gelu_tanh(Number x) {
  const Number k = std::sqrt(2 / std::acos(Number(-1)));
  return gated(x, 0.5L * (1 + std::tanh(k * (x + 0.044715L * x * x * x))));
}

Row on(double low, double high, std::vector<Kink> kinks = {}) {
  return {.arguments = {{{2, 3}, low, high}}, .kinks = std::move(kinks), .elementwise = true};
}

}  // namespace

std::vector<Row> activation_rows() {
  return {
      prove(
          "log_sigmoid", [](const auto& x) { return log_sigmoid(x); },
          elementwise([](Number x) { return -softplus_of(-x); }), on(-4, 4)),
      prove(
          "clamp", [](const auto& x) { return clamp(x, -0.5, 1); },
          elementwise([](Number x) { return limited(x, -0.5L, 1); }),
          on(-2, 2, {{-0.5, 0}, {1, 0}})),
      prove(
          "clip", [](const auto& x) { return clip(x, -0.5, 1); },
          elementwise([](Number x) { return limited(x, -0.5L, 1); }),
          on(-2, 2, {{-0.5, 0}, {1, 0}})),
      prove(
          "hardtanh", [](const auto& x) { return hardtanh(x); },
          elementwise([](Number x) { return limited(x, -1, 1); }), on(-2, 2, {{-1, 0}, {1, 0}})),
      prove(
          "relu6", [](const auto& x) { return relu6(x); },
          elementwise([](Number x) { return limited(x, 0, 6); }), on(-8, 8, {{0, 0}, {6, 0}})),
      prove(
          "leaky_relu", [](const auto& x) { return leaky_relu(x, 0.125); },
          elementwise([](Number x) { return x > 0 ? x : 0.125L * x; }), on(-2, 2, {{0, 0.125}})),
      prove("prelu", [](const auto& x, const auto& slope) { return prelu(x, slope); },
            elementwise([](Number x, Number a) { return x > 0 || std::isnan(x) ? x : a * x; }),
            {.arguments = {{{2, 3}, -2, 2}, {{2, 3}, 0.1, 0.9}},
             .kinks = {{0, kOfOperand}},
             .elementwise = true}),
      prove(
          "elu", [](const auto& x) { return elu(x); },
          elementwise([](Number x) { return elu_of(x, 1); }), on(-3, 3, {{0, 1}})),
      prove(
          "elu: alpha", [](const auto& x) { return elu(x, 1.5); },
          elementwise([](Number x) { return elu_of(x, 1.5L); }), on(-3, 3, {{0, 1.5}})),
      prove(
          "celu", [](const auto& x) { return celu(x, 2); },
          elementwise([](Number x) { return x > 0 ? x : 2 * std::expm1(x / 2); }),
          on(-3, 3, {{0, 1}})),
      prove(
          "selu", [](const auto& x) { return selu(x); },
          elementwise([](Number x) { return kSeluScale * elu_of(x, kSeluAlpha); }),
          on(-3, 3, {{0, static_cast<double>(kSeluScale * kSeluAlpha)}})),
      prove(
          "gelu", [](const auto& x) { return gelu(x); },
          elementwise([](Number x) { return gated(x, std::erfc(-x / std::sqrt(2.0L)) / 2); }),
          on(-3, 3)),
      prove(
          "gelu: tanh", [](const auto& x) { return gelu(x, xgrad::GeluForm::tanh); },
          elementwise([](Number x) { return gelu_tanh(x); }), on(-3, 3)),
      prove(
          "silu", [](const auto& x) { return silu(x); },
          elementwise([](Number x) { return gated(x, sigmoid_of(x)); }), on(-4, 4)),
      prove(
          "softsign", [](const auto& x) { return softsign(x); }, elementwise([](Number x) {
            return std::isinf(x) ? std::copysign(1.0L, x) : x / (1 + std::fabs(x));
          }),
          on(-3, 3, {{0, 1}})),
      prove(
          "mish", [](const auto& x) { return mish(x); },
          elementwise([](Number x) { return gated(x, std::tanh(softplus_of(x))); }), on(-4, 4)),
      prove(
          "maxout", [](const auto& x) { return maxout(x, 2); },
          [](const References& in) {
            Shape shape = in[0].shape;
            shape[shape.rank() - 1] /= 2;
            return generate(shape, [&](Index i) {
              i.back() *= 2;
              const Number a = in[0].at(i);
              ++i.back();
              return std::max(a, in[0].at(i));
            });
          },
          {.arguments = {{{3, 4}}},
           .shapes = {{{2}}, {{1, 1, 2}}, {{0, 2}}},
           .large = {{256, 512}}}),
  };
}

}  // namespace proof
