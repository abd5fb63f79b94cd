#pragma once

// Pack<T, A>: as many numbers as fit a register of instruction set A, with the arithmetic of one
// number. Formulas (functors) are evaluated on packs, and on Dual<Pack> for their derivative.

#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <xsimd/xsimd.hpp>

#include "xgrad/kernels/polynomials.hpp"

namespace xgrad {

template <class T, class A>
struct Pack;

namespace detail {
/// |x|^y, all of them finite and no x 0, for as many floats as Pack<float, A> has. Written to x.
template <class A>
void powers(float* x, const float* y);
}  // namespace detail

/// The result of comparing packs.
template <class T, class A>
struct PackMask {
  xsimd::batch_bool<T, A> raw;
  [[gnu::always_inline, gnu::flatten]] friend PackMask operator&&(PackMask a, PackMask b) {
    return {a.raw & b.raw};
  }
  [[gnu::always_inline, gnu::flatten]] friend PackMask operator||(PackMask a, PackMask b) {
    return {a.raw | b.raw};
  }
  [[gnu::always_inline, gnu::flatten]] friend PackMask operator!(PackMask a) { return {~a.raw}; }
  /// Between two numbers.
  template <class R, class S>
  requires(std::is_arithmetic_v<R>&& std::is_arithmetic_v<S>)
      [[gnu::always_inline]] friend Pack<T, A> where(PackMask m, R a, S b) {
    return where(m, Pack<T, A>(a), Pack<T, A>(b));
  }
};

template <class T, class A>
struct Pack {
  using value_type = T;
  using Mask = PackMask<T, A>;
  using Raw = xsimd::batch<T, A>;
  static constexpr std::size_t size = Raw::size;

  Raw raw;

  Pack() = default;
  [[gnu::always_inline, gnu::flatten]] Pack(Raw r) : raw(r) {}
  template <class S>
  requires(std::is_arithmetic_v<S>) [[gnu::always_inline, gnu::flatten]] Pack(S s)
      : raw(static_cast<T>(s)) {}

  [[gnu::always_inline, gnu::flatten]] static Pack load(const T* p) {
    return Raw::load_unaligned(p);
  }
  [[gnu::always_inline, gnu::flatten]] void store(T* p) const { raw.store_unaligned(p); }

  /// The first n <= size numbers at p, the rest of the lanes being `fill`; nothing behind them is
  /// touched.
  [[gnu::always_inline]] static Pack load_first(const T* p, std::size_t n, T fill = T(0)) {
#if defined(__AVX512F__)
    if constexpr (std::is_base_of_v<xsimd::avx512f, A>) {
      if constexpr (sizeof(T) == 4) {
        return Raw(
            _mm512_mask_loadu_ps(_mm512_set1_ps(fill), static_cast<__mmask16>((1U << n) - 1), p));
      } else {
        return Raw(
            _mm512_mask_loadu_pd(_mm512_set1_pd(fill), static_cast<__mmask8>((1U << n) - 1), p));
      }
    }
#endif
    alignas(64) T lane[size];
    for (std::size_t i = 0; i < size; ++i) lane[i] = i < n ? p[i] : fill;
    return load(lane);
  }
  /// Stores the first n <= size lanes.
  [[gnu::always_inline]] void store_first(T* p, std::size_t n) const {
#if defined(__AVX512F__)
    if constexpr (std::is_base_of_v<xsimd::avx512f, A>) {
      if constexpr (sizeof(T) == 4) {
        return _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1U << n) - 1), raw);
      } else {
        return _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1U << n) - 1), raw);
      }
    }
#endif
    alignas(64) T lane[size];
    store(lane);
    for (std::size_t i = 0; i < n; ++i) p[i] = lane[i];
  }

  [[gnu::always_inline, gnu::flatten]] friend Pack operator+(Pack a, Pack b) {
    return a.raw + b.raw;
  }
  [[gnu::always_inline, gnu::flatten]] friend Pack operator-(Pack a, Pack b) {
    return a.raw - b.raw;
  }
  [[gnu::always_inline, gnu::flatten]] friend Pack operator*(Pack a, Pack b) {
    return a.raw * b.raw;
  }
  [[gnu::always_inline, gnu::flatten]] friend Pack operator/(Pack a, Pack b) {
    return a.raw / b.raw;
  }
  [[gnu::always_inline, gnu::flatten]] friend Pack operator-(Pack a) { return -a.raw; }
  [[gnu::always_inline, gnu::flatten]] friend Pack operator+(Pack a) { return a; }
  [[gnu::always_inline, gnu::flatten]] friend Mask operator<(Pack a, Pack b) {
    return {a.raw < b.raw};
  }
  [[gnu::always_inline, gnu::flatten]] friend Mask operator<=(Pack a, Pack b) {
    return {a.raw <= b.raw};
  }
  [[gnu::always_inline, gnu::flatten]] friend Mask operator>(Pack a, Pack b) {
    return {a.raw > b.raw};
  }
  [[gnu::always_inline, gnu::flatten]] friend Mask operator>=(Pack a, Pack b) {
    return {a.raw >= b.raw};
  }
  [[gnu::always_inline, gnu::flatten]] friend Mask operator==(Pack a, Pack b) {
    return {a.raw == b.raw};
  }
  // Not by xsimd's !=, which on AVX and AVX-512 says that NaN does not differ from NaN.
  [[gnu::always_inline, gnu::flatten]] friend Mask operator!=(Pack a, Pack b) {
    return {~(a.raw == b.raw)};
  }
  [[gnu::always_inline, gnu::flatten]] friend Pack where(Mask m, Pack a, Pack b) {
    return xsimd::select(m.raw, a.raw, b.raw);
  }
  /// The larger one; NaN when either is NaN.
  [[gnu::always_inline, gnu::flatten]] friend Pack maximum(Pack a, Pack b) {
    return where(a > b || a != a, a, b);
  }
  [[gnu::always_inline, gnu::flatten]] friend Pack minimum(Pack a, Pack b) {
    return where(a < b || a != a, a, b);
  }
  /// The powers 1 to 4 are products. Others go by e^(y log x), in double for float and so good to
  /// the last place; doubles, which would lose up to 5 bits, and the many special cases of infinite
  /// numbers and of 0 by the C library lane by lane.
  friend Pack pow(Pack x, Pack y) {
    alignas(64) T base[size], exponent[size];
    y.store(exponent);
    const T p = exponent[0];
    if ((p == T(1) || p == T(2) || p == T(3) || p == T(4)) && xsimd::all(y.raw == Pack(p).raw)) {
      const Pack square = x * x;
      return p == T(1) ? x : p == T(2) ? square : p == T(3) ? square * x : square * square;
    }
    x.store(base);
    if constexpr (sizeof(T) == 4) {
      const Pack zero(0), none(std::numeric_limits<T>::quiet_NaN());
      const Pack largest(std::numeric_limits<T>::max());
      const Mask ordinary = x != zero && abs(x) <= largest && abs(y) <= largest;
      if (xsimd::all(ordinary.raw)) {
        detail::powers<A>(base, exponent);
        const Pack power = load(base), half = T(0.5) * y;
        const Pack odd = power.raw | xsimd::bitofsign(x.raw);
        const Pack of_negative = where(floor(half) == half, power, odd);
        return where(x > zero, power, where(floor(y) == y, of_negative, none));
      }
    }
    for (std::size_t i = 0; i < size; ++i) base[i] = std::pow(base[i], exponent[i]);
    return load(base);
  }
  // clang-format off
  // Not left to conversions: xsimd has a function for whole numbers that would be preferred.
  template <class S> requires(std::is_arithmetic_v<S>) friend Pack pow(Pack x, S y) { return pow(x, Pack(y)); }
  template <class S> requires(std::is_arithmetic_v<S>) friend Pack pow(S x, Pack y) { return pow(Pack(x), y); }
  // clang-format on
};

// clang-format off
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> expm1(Pack<T, A> x) { return xsimd::expm1(x.raw); }
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> log(Pack<T, A> x) { return xsimd::log(x.raw); }
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> log1p(Pack<T, A> x) { return xsimd::log1p(x.raw); }
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> sqrt(Pack<T, A> x) { return xsimd::sqrt(x.raw); }
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> sin(Pack<T, A> x) { return xsimd::sin(x.raw); }
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> cos(Pack<T, A> x) { return xsimd::cos(x.raw); }
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> tan(Pack<T, A> x) { return xsimd::tan(x.raw); }
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> asin(Pack<T, A> x) { return xsimd::asin(x.raw); }
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> acos(Pack<T, A> x) { return xsimd::acos(x.raw); }
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> atan(Pack<T, A> x) { return xsimd::atan(x.raw); }
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> sinh(Pack<T, A> x) { return xsimd::sinh(x.raw); }
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> cosh(Pack<T, A> x) { return xsimd::cosh(x.raw); }
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> erf(Pack<T, A> x) { return xsimd::erf(x.raw); }
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> floor(Pack<T, A> x) { return xsimd::floor(x.raw); }
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> abs(Pack<T, A> x) { return xsimd::abs(x.raw); }
// clang-format on

/// c[0] + c[1] x + c[2] x^2 + ...
template <class T, class A, std::size_t N>
[[gnu::always_inline]] inline Pack<T, A> polynomial(Pack<T, A> x, const T (&c)[N]) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
    Pack<T, A> y = c[N - 1];
    ((y = xsimd::fma(y.raw, x.raw, Pack<T, A>(c[N - 2 - I]).raw)), ...);
    return y;
  }
  (std::make_index_sequence<N - 1>{});
}

namespace detail {

// On AVX-512, where one instruction multiplies by 2^k and checks the range as well: xsimd has a
// quotient in exp of doubles, and checks of its own.
#if defined(__AVX512F__)
template <class A>
constexpr bool kScales = std::is_base_of_v<xsimd::avx512f, A>;

template <class A>
[[gnu::always_inline]] inline Pack<float, A> scale(Pack<float, A> x, xsimd::batch<float, A> k) {
  return xsimd::batch<float, A>(_mm512_scalef_ps(x.raw, k));
}
template <class A>
[[gnu::always_inline]] inline Pack<double, A> scale(Pack<double, A> x, xsimd::batch<double, A> k) {
  return xsimd::batch<double, A>(_mm512_scalef_pd(x.raw, k));
}
#else
template <class A>
constexpr bool kScales = false;
#endif

/// e^x = 2^k e^r, x = k log 2 + r; |x| at most some hundreds, or NaN.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> exp_by_scaling(Pack<T, A> x) {
  using P = Pack<T, A>;
  using Raw = typename P::Raw;
  const Raw k = xsimd::nearbyint(x.raw * xsimd::constants::invlog_2<Raw>());
  Raw r = xsimd::fma(k, -xsimd::constants::log_2hi<Raw>(), x.raw);
  r = xsimd::fma(k, -xsimd::constants::log_2lo<Raw>(), r);
  const P q = polynomial(P(r), Expm1Polynomial<T>::c);
  return scale(P(xsimd::fma(q.raw, r * r, r)) + T(1), k);
}

/// x (1 + x^2 p(x^2)) near 0, where the other form cancels; 1 - 2 / (e^2x + 1) beyond.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> tanh_by_scaling(Pack<T, A> x) {
  using P = Pack<T, A>;
  const P end(sizeof(T) == 4 ? 10 : 20);  // 1 from there on
  const P size = abs(x), square = size * size;
  const P a = xsimd::min(end.raw, size.raw);  // this way round NaN remains
  const P far = T(1) - T(2) / (exp_by_scaling(a + a) + T(1));
  const P near = size + size * square * polynomial(square, TanhPolynomial<T>::c);
  return where(size < P(0.625), near, far).raw | xsimd::bitofsign(x.raw);
}

}  // namespace detail

template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> exp(Pack<T, A> x) {
  if constexpr (detail::kScales<A>) {
    const Pack<T, A> low(sizeof(T) == 4 ? -110 : -800), high(sizeof(T) == 4 ? 100 : 800);
    return detail::exp_by_scaling(
        Pack<T, A>(xsimd::max(low.raw, xsimd::min(high.raw, x.raw))));  // NaN remains
  } else {
    return xsimd::exp(x.raw);
  }
}
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> tanh(Pack<T, A> x) {
  if constexpr (detail::kScales<A>) {
    return detail::tanh_by_scaling(x);
  } else {
    return xsimd::tanh(x.raw);
  }
}

template <class A>
void detail::powers(float* x, const float* y) {
  using Half = Pack<double, A>;
  constexpr std::size_t kSize = Pack<float, A>::size;
  alignas(64) double base[kSize], exponent[kSize];
  for (std::size_t i = 0; i < kSize; ++i) {
    base[i] = std::abs(x[i]);
    exponent[i] = y[i];
  }
  for (std::size_t i = 0; i < kSize; i += Half::size) {
    exp(Half::load(exponent + i) * log(Half::load(base + i))).store(base + i);
  }
  for (std::size_t i = 0; i < kSize; ++i) x[i] = static_cast<float>(base[i]);
}

template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> square(Pack<T, A> x) {
  return x * x;
}
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> reciprocal(Pack<T, A> x) {
  return T(1) / x;
}
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> rsqrt(Pack<T, A> x) {
  return T(1) / sqrt(x);
}
/// -1, 0 or 1; NaN for NaN.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> sign(Pack<T, A> x) {
  using P = Pack<T, A>;
  return where(x > P(0), P(1), where(x < P(0), P(-1), x));
}
/// 1 / (1 + exp(-x)); 0 where the exponential overflows.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> sigmoid(Pack<T, A> x) {
  return T(1) / (T(1) + exp(-x));
}
template <class T, class A>
[[gnu::always_inline]] inline bool any(PackMask<T, A> m) {
  return xsimd::any(m.raw);
}

/// max(x, 0); NaN for NaN.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> relu(Pack<T, A> x) {
  return where(x <= Pack<T, A>(0), Pack<T, A>(0), x);
}
/// log(1 + exp(x)).
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> softplus(Pack<T, A> x) {
  return relu(x) + log1p(exp(-abs(x)));
}

/// x^2 - y exactly, for y = x^2 rounded: the halves of x have exact products.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> rounded_off_square(Pack<T, A> x, Pack<T, A> y) {
  using P = Pack<T, A>;
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits kHigh = ~Bits(0) << (sizeof(T) == 4 ? 12 : 27);
  const P high = x.raw & P(std::bit_cast<T>(kHigh)).raw, low = x - high;
  return ((high * high - y) + T(2) * high * low) + low * low;
}

/// e^(-x^2/2), to the last places also where x^2 is large; 0 below the normal range.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> gaussian(Pack<T, A> x) {
  using P = Pack<T, A>;
  const P last(detail::NormalTailPolynomial<T>::last), size = abs(x);
  const P a = where(size > last, last, size), square = a * a;
  const P rest = rounded_off_square(a, square), e = exp(T(-0.5) * square);
  return e - e * (T(0.5) * rest);
}

/// The normal distribution function, (1 + erf(x / sqrt 2)) / 2, to the last places also where it is
/// small.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> ndtr(Pack<T, A> x) {
  using P = Pack<T, A>;
  using Tail = detail::NormalTailPolynomial<T>;
  const P size = abs(x), last(Tail::last);
  const P a = where(size > last, last, size), q = T(1) / (a + Tail::K);
  const P tail = gaussian(x) * (q * polynomial((a - Tail::K) * q, Tail::c));
  return where(x > P(0), T(1) - tail, tail);
}

/// Sum over the lanes, in a fixed order.
template <class T, class A>
[[gnu::always_inline]] inline T sum_lanes(Pack<T, A> x) {
  alignas(64) T lane[Pack<T, A>::size];
  x.store(lane);
  for (std::size_t n = Pack<T, A>::size / 2; n > 0; n /= 2) {
    for (std::size_t i = 0; i < n; ++i) lane[i] += lane[i + n];
  }
  return lane[0];
}

}  // namespace xgrad
