#include "xgrad/kernels/gamma.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

namespace xgrad::kernels {
namespace {

constexpr std::size_t kCost = 16;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kPi = std::numbers::pi;

// digamma(x) / (x - root) as a polynomial of t = 2 x - 3 in [-1, 1], lowest power first: the
// interpolant at Chebyshev nodes. The root is the sum of two numbers.
constexpr double kRoot = 1.4616321449683622, kRest = 9.549995429965697e-17;
constexpr double kMiddle[] = {
    0.951055876031833,      -0.21181371064073026,    0.06013562106019355,   -0.018550615381738605,
    0.005936795278433826,   -0.0019350666647832667,  0.000636888028319074,  -0.00021074841215733007,
    6.995020484160625e-05,  -2.325823828431376e-05,  7.741156881253708e-06, -2.578107848270217e-06,
    8.591324222417666e-07,  -2.8628755280038686e-07, 9.500926192924096e-08, -3.166618072027162e-08,
    1.10370884388543e-08,   -3.6788868183645545e-09, 8.668257373761658e-10, -2.889363639216111e-10,
    2.4765474440031764e-10, -8.25512972008104e-11};

// Bernoulli's numbers B2, B4, ...
constexpr double kBernoulli[] = {1. / 6,       -1. / 30,        1. / 42,       -1. / 30,
                                 5. / 66,      -691. / 2730,    7. / 6,        -3617. / 510,
                                 43867. / 798, -174611. / 330., 854513. / 138, -236364091. / 2730};

double digamma_middle(double x) {
  double p = 0;
  for (std::size_t i = std::size(kMiddle); i-- > 0;) p = p * (2 * x - 3) + kMiddle[i];
  return ((x - kRoot) - kRest) * p;
}

// By Stirling's series (Abramowitz, Stegun 1964, 6.3.18); x >= 10.
double digamma_far(double x) {
  const double u = 1 / (x * x);
  double sum = 0;
  for (std::size_t k = 8; k > 0; --k) {
    sum = (sum + kBernoulli[k - 1] / (2 * static_cast<double>(k))) * u;
  }
  return std::log(x) - (0.5 / x + sum);
}

// x > 0
double digamma_positive(double x) {
  if (x >= 10) return digamma_far(x);
  if (x < 1) return digamma_middle(x + 1) - 1 / x;
  double sum = 0;
  for (; x > 2; x -= 1) sum += 1 / (x - 1);
  return digamma_middle(x) + sum;
}

// x - the nearest integer.
double fraction(double x) { return x - std::nearbyint(x); }

// cot(pi r) for |r| <= 1/2, precise also where it is small.
double cotangent(double r) {
  const double rest = 0.5 - std::abs(r);
  return rest < 0.25 ? std::copysign(std::tan(kPi * rest), r) : 1 / std::tan(kPi * r);
}

double digamma(double x) {
  if (x == 0) return std::copysign(kInfinity, -x);
  if (!(x < 0)) return std::isinf(x) ? x : digamma_positive(x);
  const double r = fraction(x);
  if (r == 0 || std::isinf(x)) return kNaN;
  return digamma_positive(1 - x) - kPi * cotangent(r);
}

// The sum of (x + k)^-s over k = 0, 1, ... for x > 0 and s > 1 by Euler and Maclaurin's formula.
double hurwitz_zeta(unsigned s, double x) {
  const double order = s, end = 10 + order;
  double sum = 0;
  for (; x < end; x += 1) sum += std::pow(x, -order);
  double power = std::pow(x, -order), factor = order / 2,
         tail = std::pow(x, 1 - order) / (order - 1) + power / 2;
  for (std::size_t j = 1; j <= std::size(kBernoulli); ++j) {
    power /= x;
    tail += kBernoulli[j - 1] * factor * power;
    const double at = 2 * static_cast<double>(j);
    factor *= (order + at - 1) * (order + at) / ((at + 1) * (at + 2));
    power /= x;
  }
  return sum + tail;
}

// The n-th derivative of cot at pi r, a polynomial of c = cot(pi r): P_0 = c, and
// P_(k+1) = -(1 + c^2) P_k'.
double cotangent_derivative(unsigned n, double r) {
  std::vector<double> p(n + 2), q(n + 2);
  p[1] = 1;
  for (unsigned k = 0; k < n; ++k) {
    q.assign(n + 2, 0);
    for (std::size_t i = 1; i < n + 2; ++i) {
      const double slope = p[i] * static_cast<double>(i);
      q[i - 1] -= slope;
      if (i + 1 < n + 2) q[i + 1] -= slope;
    }
    p.swap(q);
  }
  const double c = cotangent(r);
  double sum = 0;
  for (std::size_t i = n + 2; i-- > 0;) sum = sum * c + p[i];
  return sum;
}

double log_gamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

}  // namespace

double polygamma(unsigned n, double x) {
  if (n == 0) return digamma(x);
  if (std::isnan(x)) return x;
  const double odd = n % 2 == 1 ? 1 : -1;
  if (x > 0) return odd * std::tgamma(n + 1.) * (std::isinf(x) ? 0 : hurwitz_zeta(n + 1, x));
  const double r = fraction(x);
  if (r == 0 || std::isinf(x)) {
    if (std::isinf(x)) return kNaN;
    return odd > 0 ? kInfinity : x == 0 ? std::copysign(kInfinity, -x) : kNaN;
  }
  return -odd * polygamma(n, 1 - x) - std::pow(kPi, n + 1.) * cotangent_derivative(n, r);
}

template <class T>
void lgamma(const T* x, T* y, std::size_t size) {
  detail::each_number(size, kCost, [=](std::size_t i) { y[i] = static_cast<T>(log_gamma(x[i])); });
}

template <class T>
void polygamma(unsigned n, const T* x, T* y, std::size_t size) {
  detail::each_number(size, kCost, [=](std::size_t i) {
    y[i] = static_cast<T>(polygamma(n, static_cast<double>(x[i])));
  });
}

#define XGRAD_INSTANTIATE(T)                       \
  template void lgamma(const T*, T*, std::size_t); \
  template void polygamma(unsigned, const T*, T*, std::size_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
