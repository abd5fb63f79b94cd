#pragma once

// The functions in long double, 11 bits more than double, in forms that do not cancel. x is a float
// or a double. Where a rounded argument would show, as in e^(-x^2/2), its remainder is carried.

#include <cmath>

namespace exact {

using Real = long double;

/// A constant, rounded, and what is missing.
struct Constant {
  Real value, rest;
};
constexpr Constant kSqrtHalf{0.707106781186547524381894L, 1.895032558893257079655e-20L};
constexpr Constant kSqrtEightByPi{1.595769121605730711706272L, 5.351177755720478292013e-20L};
constexpr Constant kGeluCube{0.07135481627260024877721376L, -8.750062144008984958248e-22L};

/// e^(a + b), |b| far below 1.
inline Real exp_of_sum(Real a, Real b) { return std::exp(a) * (1 + b); }

inline Real negative(Real x) { return -x; }
inline Real square(Real x) { return x * x; }
inline Real reciprocal(Real x) { return 1 / x; }
inline Real rsqrt(Real x) { return 1 / std::sqrt(x); }
inline Real sign(Real x) { return x > 0 ? 1 : x < 0 ? -1 : x; }
inline Real relu(Real x) { return x <= 0 ? 0 : x; }

inline Real gaussian(Real x) {
  if (std::fabs(x) > 200) return 0;
  const Real square = x * x, rest = std::fma(x, x, -square);
  return exp_of_sum(-square / 2, -rest / 2);
}
/// erfc(-x / sqrt 2) / 2, whose slope is gaussian(x) / sqrt(2 pi).
inline Real ndtr(Real x) {
  if (std::isinf(x)) return x > 0;
  const Real z = -x * kSqrtHalf.value;
  const Real rest = std::fma(-x, kSqrtHalf.value, -z) - x * kSqrtHalf.rest;
  return std::erfc(z) / 2 - 0.564189583547756286948079L * std::exp(-z * z) * rest;
}
inline Real sigmoid(Real x) { return 1 / (1 + std::exp(-x)); }
inline Real softplus(Real x) { return relu(x) + std::log1p(std::exp(-std::fabs(x))); }
inline Real log_sigmoid(Real x) { return -softplus(-x); }
inline Real silu(Real x) { return x == -INFINITY ? -0.0L : x * sigmoid(x); }
inline Real gelu(Real x) { return x == -INFINITY ? -0.0L : x * ndtr(x); }
/// x / (1 + e^(-w)), w = sqrt(8 / pi) (x + 0.044715 x^3) with its remainder.
inline Real gelu_tanh(Real x) {
  if (x < -1e3L) return -0.0L;
  if (x > 1e3L) return x;
  const Real square = x * x, square_rest = std::fma(x, x, -square);
  const Real f = std::fma(kGeluCube.value, square, kSqrtEightByPi.value);
  const Real f_rest = std::fma(kGeluCube.value, square, kSqrtEightByPi.value - f) +
                      kGeluCube.value * square_rest + kGeluCube.rest * square + kSqrtEightByPi.rest;
  const Real w = x * f, w_rest = std::fma(x, f, -w) + x * f_rest;
  return x / (1 + exp_of_sum(-w, -w_rest));
}
inline Real softsign(Real x) { return std::isinf(x) ? sign(x) : x / (1 + std::fabs(x)); }
/// x tanh(log(1 + e)), e = e^x.
inline Real mish(Real x) {
  if (x < -1e4L) return -0.0L;
  if (x > 1e3L) return x;
  const Real e = std::exp(x), n = e * (e + 2);
  return x * (n / (n + 2));
}
inline Real elu(Real x) { return x > 0 ? x : std::expm1(x); }
inline Real selu(Real x) {
  return 1.0507009873554804934L * (x > 0 ? x : 1.6732632423543772848L * std::expm1(x));
}
inline Real celu(Real x) { return x > 0 ? x : 2 * std::expm1(x / 2); }

}  // namespace exact
