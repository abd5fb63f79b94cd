#pragma once

// Arguments all over the range of a type, and the distance of a result from the exact one.

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

namespace sweep {

using Real = long double;

template <class T>
using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

/// |result - exact| in units of the last place that the exact value has in T. An infinite result
/// counts as the power of 2 beyond the largest number. Infinite for NaN on one side only, and for a
/// zero of the wrong sign.
template <class T>
double distance(T result, Real exact) {
  using L = std::numeric_limits<T>;
  constexpr double kWrong = L::infinity();
  if (std::isnan(result) || std::isnan(exact))
    return std::isnan(result) && std::isnan(exact) ? 0 : kWrong;
  const Real beyond = std::ldexp(Real(1), L::max_exponent);
  const auto limited = [&](Real v) { return std::fabs(v) > beyond ? std::copysign(beyond, v) : v; };
  const Real r = limited(result), e = limited(exact);
  if (std::signbit(r) != std::signbit(e)) return kWrong;
  if (r == e) return 0;
  const int exponent = e == 0 ? L::min_exponent : std::ilogb(e) + 1;
  const Real ulp = std::ldexp(Real(1), std::max(exponent, L::min_exponent) - L::digits);
  return static_cast<double>(std::fabs(r - e) / ulp);
}

/// x, and `n` numbers on either side of it.
template <class T>
void add_around(std::vector<T>& points, T x, int n) {
  const T infinity = std::numeric_limits<T>::infinity();
  points.push_back(x);
  for (T low = x, high = x; n > 0; --n) {
    points.push_back(low = std::nextafter(low, -infinity));
    points.push_back(high = std::nextafter(high, infinity));
  }
}

/// Every exponent with `per_exponent` mantissas and both signs, zeros, the ends of the range, and
/// NaN; the surroundings of 1, of the places where a function changes its form, of the ends where
/// exponentials overflow and underflow, and of multiples of pi/2; evenly spread numbers of several
/// intervals. Some 2,500 per_exponent for double, 700 for float; the same ones each time.
template <class T>
std::vector<T> points(int per_exponent, int seed = 1) {
  using L = std::numeric_limits<T>;
  std::mt19937_64 random(static_cast<std::uint64_t>(seed));
  std::vector<T> p{T(0), -T(0), L::infinity(), -L::infinity(), L::quiet_NaN()};
  constexpr int kMantissa = L::digits - 1;
  constexpr Bits<T> kLow = (Bits<T>(1) << kMantissa) - 1;
  for (Bits<T> e = 0; e < Bits<T>(2) * L::max_exponent - 1; ++e) {
    for (int i = 0; i < per_exponent; ++i) {
      const Bits<T> random_bits = static_cast<Bits<T>>(random()) & kLow;
      const Bits<T> mantissa = i == 0 ? 0 : i == 1 ? kLow : i == 2 ? random_bits & 7 : random_bits;
      const T x = std::bit_cast<T>(e << kMantissa | mantissa);
      p.push_back(x);
      p.push_back(-x);
    }
  }
  const auto both = [&](double x, int n) {
    add_around(p, static_cast<T>(x), n);
    add_around(p, static_cast<T>(-x), n);
  };
  for (double x : {0.25, 1. / 3, 0.35, 0.375, 0.41421356, 0.5, 0.625, 2. / 3, 0.65, 0.70710678,
                   1.,   1.5,    2.,   2.2,   2.41421356, 3.,  4.,    5.,     6.,   8.,
                   9.,   10.,    16.,  17.3,  18.,        20., 22.,   36.7,   38.}) {
    both(x, per_exponent);
  }
  for (double x :
       {86.6,     87.3365447, 87.68,      88.029691, 88.3762626, 88.72283,   89.415986,  102.9,
        103.2789, 103.972077, 104.,       707.7,     708.3964,   709.089565, 709.436139, 709.782712,
        710.4758, 744.440071, 745.133219, 746.,      10.0549,    10.8,       13.3,       14.17,
        14.2,     14.5,       36.7368,    37.5193,   38.4674,    38.56754}) {
    both(x, per_exponent);
  }
  for (int e = 1; e < kMantissa + 3; ++e) {
    for (int i = 0; i < 4; ++i) both(1 - std::ldexp(1 + i / 4., -e), i == 0 ? 2 : 0);
    for (int i = 0; i < 4; ++i) both(1 + std::ldexp(1 + i / 4., -e), i == 0 ? 2 : 0);
  }
  for (int k = 1; k < 40 * per_exponent; ++k) {
    both(k * 1.57079632679489661923 / 2, 2);
    both(k * 0.69314718055994530942 / 2, 1);
  }
  for (int e = 8; e < L::max_exponent - 2; e += 2) {
    const double k = std::floor(std::ldexp(std::ldexp(static_cast<double>(random()), -64), e));
    both(k * 1.57079632679489661923, 2);
  }
  for (double end : {1., 4., 16., 60., 110., 760., 1e4, 1e5, 1e6}) {
    std::uniform_real_distribution<double> spread(-end, end);
    for (int i = 0; i < 150 * per_exponent; ++i) p.push_back(static_cast<T>(spread(random)));
  }
  return p;
}

}  // namespace sweep
