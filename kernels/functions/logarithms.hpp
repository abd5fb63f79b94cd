#pragma once

// log, log1p and softplus on packs. Bounds of the errors: docs/precision.md.

#include <cstdint>
#include <limits>

#include "xgrad/kernels/functions/exponentials.hpp"
#include "xgrad/kernels/functions/polynomials.hpp"
#include "xgrad/kernels/pack.hpp"

namespace xgrad {
namespace detail {

/// log x + rest + shift log 2 for a positive normal x: with x = 2^k (1 + f), sqrt(1/2) < 1 +
/// f < sqrt(2), and s = f / (2 + f), log(1 + f) = log((1 + s) / (1 - s)) = f - f^2/2 + s
/// (f^2/2 + s^2 p(s^2)).
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> log_of_normal(Pack<T, A> x, Pack<T, A> rest,
                                                       Pack<T, A> shift) {
  using P = Pack<T, A>;
  using B = PackBits<T, A>;
  using U = typename B::value_type;
  using Raw = typename P::Raw;
  constexpr int kBits = kMantissaBits<T>;
  constexpr U kOne = std::bit_cast<U>(T(1)), kRoot = std::bit_cast<U>(T(0.70710678118654752));
  constexpr T kLarge = static_cast<T>(U(1) << kBits);
  const B from_root = bits(x) + B(kOne - kRoot);
  const P k = from_bits<T, A>((from_root >> kBits) | B(std::bit_cast<U>(kLarge))) -
              P(kLarge + kExponentBias<T>) + shift;
  const P f = from_bits<T, A>((from_root & B((U(1) << kBits) - 1)) + B(kRoot)) - T(1);
  const P s = f / (T(2) + f), z = s * s, half = T(0.5) * f * f;
  const P most = half + z * polynomial(z, LogPolynomial<T>::c);
  const P low = multiply_add(k, P(xsimd::constants::log_2lo<Raw>()), rest);
  return multiply_add(k, P(xsimd::constants::log_2hi<Raw>()),
                      f - (half - multiply_add(s, most, low)));
}

/// log(1 + x) for 0 <= x <= 1, or NaN.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> log1p_of_small(Pack<T, A> x) {
  using P = Pack<T, A>;
  const P u = T(1) + x;
  return log_of_normal(u, (x - (u - T(1))) / u, P(0));
}

}  // namespace detail

/// NaN below 0, -inf at 0. What is not a positive normal number is looked at apart.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> log(Pack<T, A> x) {
  using P = Pack<T, A>;
  using L = std::numeric_limits<T>;
  constexpr T kShift = L::digits;
  const bool normal = all(x >= P(L::min()) && x <= P(L::max()));
  P shift(0), v = x;
  if (!normal) {
    const auto small = x < P(L::min());
    v = where(small, x * P(static_cast<T>(std::uint64_t(1) << L::digits)), x);
    shift = where(small, P(-kShift), P(0));
  }
  const P y = detail::log_of_normal(v, P(0), shift);
  if (normal) return y;
  const P edge = where(x == P(0), P(-L::infinity()), where(x < P(0), P(L::quiet_NaN()), x));
  return where(x > P(0) && x <= P(L::max()), y, edge);
}

/// log u with u = 1 + x rounded, and what the rounding lost of x.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> log1p(Pack<T, A> x) {
  using P = Pack<T, A>;
  using L = std::numeric_limits<T>;
  const P u = T(1) + x, lost = where(x >= P(1), T(1) - (u - x), x - (u - T(1)));
  const auto inside = x > P(-1) && x <= P(L::max());
  const P y = detail::log_of_normal(u, lost / u, P(0)).raw | xsimd::bitofsign(x.raw);  // -0
  if (all(inside)) return y;
  const P edge = where(x == P(-1), P(-L::infinity()), where(x < P(-1), P(L::quiet_NaN()), x));
  return where(inside, y, edge);
}

/// log(1 + e^x).
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> softplus(Pack<T, A> x) {
  using P = Pack<T, A>;
  const P positive = where(x <= P(0), P(0), x);  // NaN remains
  return positive + detail::log1p_of_small(detail::exp_of_negative(detail::negative_size(x)));
}

}  // namespace xgrad
