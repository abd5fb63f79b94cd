// The gamma distribution: numbers from it, and how its quantiles move with the shape.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "xgrad/kernels/gamma.hpp"
#include "xgrad/kernels/philox.hpp"

namespace xgrad::kernels {
namespace {

constexpr std::size_t kCost = 64;

// --- Numbers ---

struct Uniforms {
  double u[4];  // in (0, 1)
};

// Those of one attempt at one number: two blocks of words.
Uniforms uniforms(Generator::State draw, std::uint64_t i, std::uint64_t attempt) {
  std::uint32_t word[8];
  for (std::uint64_t k = 0; k < 2; ++k)
    philox_block(word + 4 * k, draw, i | (2 * attempt + k) << 44);
  Uniforms r;
  for (std::size_t k = 0; k < 4; ++k) {
    const std::uint64_t bits = static_cast<std::uint64_t>(word[2 * k + 1]) << 32 | word[2 * k];
    r.u[k] = static_cast<double>(bits >> 12) * 0x1p-52 + 0x1p-53;
  }
  return r;
}

// G. Marsaglia, W. W. Tsang, A simple method for generating gamma variables, 2000; a >= 1.
// False for a rejected attempt.
bool attempt_gamma(double a, const Uniforms& r, double& z) {
  const double d = a - 1. / 3, c = 1 / (3 * std::sqrt(d));
  const double radius = std::sqrt(-2 * std::log(r.u[0]));
  const double x = radius * std::cos(2 * std::numbers::pi * r.u[1]), root = 1 + c * x;
  if (root <= 0) return false;
  const double v = root * root * root;
  z = d * v;
  return std::log(r.u[2]) < 0.5 * x * x + d * (1 - v + std::log(v));
}

// Below 1 by the shape a + 1 and a power of a uniform number (ibid., section 6).
double draw_gamma(double a, Generator::State draw, std::uint64_t i) {
  double z = 0;
  for (std::uint64_t attempt = 0;; ++attempt) {
    const Uniforms r = uniforms(draw, i, attempt);
    if (!attempt_gamma(a < 1 ? a + 1 : a, r, z)) continue;
    return a < 1 ? std::exp(std::log(z) + std::log(r.u[3]) / a) : z;
  }
}

// --- Slopes ---

// With F the distribution function and p the density, the slope is -F_a / p. The derivatives of F
// by a are those of the terms of its series, or of its continued fraction; see the header of
// ops/distributions.hpp for the source.

constexpr double kSmall = 1e-18;

// F / p = z sum c, c = z^n / (a (a + 1) ... (a + n)), and the logarithm of p c has the derivative
// log z - digamma(a + n + 1) by a.
GammaSlope slope_by_series(double a, double z) {
  const double log_z = std::log(z), by_log = log_z - polygamma(0, a);
  double c = 1 / a, first = by_log - 1 / a, second = polygamma(1, a) - 1 / (a * a);
  double sum = c, sum_first = c * first, sum_second = c * (first * first - second);
  for (double n = a + 1; c > kSmall * sum; n += 1) {
    c *= z / n;
    first -= 1 / n;
    second -= 1 / (n * n);
    sum += c;
    sum_first += c * first;
    sum_second += c * (first * first - second);
  }
  const double slope = -z * sum_first;
  return {slope, -z * sum_second - slope * by_log, -by_log - slope * ((a - 1) / z - 1)};
}

// A number with its first and second derivative.
struct Jet {
  double v, d, dd;
};
Jet operator+(Jet x, Jet y) { return {x.v + y.v, x.d + y.d, x.dd + y.dd}; }
Jet operator*(Jet x, Jet y) {
  return {x.v * y.v, x.d * y.v + x.v * y.d, x.dd * y.v + 2 * x.d * y.d + x.v * y.dd};
}
Jet reciprocal(Jet x) {
  const double r = 1 / x.v, d = -x.d * r * r;
  return {r, d, -x.dd * r * r - 2 * x.d * d * r};
}
bool is_one(Jet x) {
  constexpr double kClose = 1e-16;
  return std::abs(x.v - 1) < 4 * kClose && std::abs(x.d) < kClose && std::abs(x.dd) < kClose;
}

// (1 - F) / (z p) = 1 / (z + 1 - a - 1 (1 - a) / (z + 3 - a - ...)) by Lentz's method.
Jet upper_fraction(double a, double z) {
  Jet b{z + 1 - a, -1, 0}, c{1e300, 0, 0}, d = reciprocal(b), h = d;
  for (double i = 1; i < 1e5; i += 1) {
    const Jet an{-i * (i - a), i, 0};
    b.v += 2;
    d = reciprocal(an * d + b);
    c = i == 1 ? b : b + an * reciprocal(c);
    const Jet change = c * d;
    h = h * change;
    if (is_one(change)) break;
  }
  return h;
}

GammaSlope slope_by_fraction(double a, double z) {
  const Jet k = upper_fraction(a, z);
  const double by_log = std::log(z) - polygamma(0, a), slope = z * (by_log * k.v + k.d);
  return {slope, z * (by_log * k.d + k.dd - k.v * polygamma(1, a)),
          -by_log - slope * ((a - 1) / z - 1)};
}

// z as a function of a and of the normal quantile w of the same probability (Cornish, Fisher 1938):
// what is left out is of the size of w^5 a^(-3/2).
GammaSlope slope_of_large(double a, double z) {
  const double r = 1 / std::sqrt(a);
  double w = (z - a) * r, by_w = 0;
  for (int i = 0; i < 6; ++i) {
    const double w2 = w * w;
    const double value = a + w / r + (w2 - 1) / 3 + w * (w2 - 7) * r / 36 -
                         (3 * w2 * w2 + 7 * w2 - 16) * r * r / 810;
    by_w = 1 / r + 2 * w / 3 + (3 * w2 - 7) * r / 36 - (12 * w2 + 14) * w * r * r / 810;
    w -= (value - z) / by_w;
  }
  const double w2 = w * w, cube = w * (w2 - 7) / 72, r3 = r * r * r;
  const double slope = 1 + w * r / 2 - cube * r3 + (3 * w2 * w2 + 7 * w2 - 16) * r * r3 / 810;
  const double of_w = r / 2 - (3 * w2 - 7) * r3 / 72, by_z = of_w / by_w;
  return {slope, -w * r3 / 4 + 1.5 * cube * r3 * r * r - by_z * slope, by_z};
}

}  // namespace

template <class T>
void fill_gamma(const T* a, T* z, std::size_t size, Generator::State draw) {
  detail::each_number(size, kCost, [=](std::size_t i) {
    const double drawn = draw_gamma(static_cast<double>(a[i]), draw, i);
    z[i] = std::max(static_cast<T>(drawn), std::numeric_limits<T>::min());
  });
}

GammaSlope gamma_slope(double a, double z) {
  if (a > 1e6) return slope_of_large(a, z);
  return z > a + 1 ? slope_by_fraction(a, z) : slope_by_series(a, z);
}

template <class T>
void gamma_slopes(const T* a, const T* z, T* slope, std::size_t size) {
  detail::each_number(size, kCost, [=](std::size_t i) {
    slope[i] = static_cast<T>(gamma_slope(a[i], z[i]).slope);
  });
}

template <class T>
void gamma_second_slopes(const T* a, const T* z, T* by_a, T* by_z, std::size_t size) {
  detail::each_number(size, kCost, [=](std::size_t i) {
    const GammaSlope s = gamma_slope(a[i], z[i]);
    by_a[i] = static_cast<T>(s.by_a);
    by_z[i] = static_cast<T>(s.by_z);
  });
}

#define XGRAD_INSTANTIATE(T)                                             \
  template void fill_gamma(const T*, T*, std::size_t, Generator::State); \
  template void gamma_slopes(const T*, const T*, T*, std::size_t);       \
  template void gamma_second_slopes(const T*, const T*, T*, T*, std::size_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
