#pragma once

// Pack<T, A>: as many numbers as fit a register of instruction set A, with the arithmetic of one
// number. Formulas (functors) are evaluated on packs, and on Dual<Pack> for their derivative.

#include <cmath>
#include <concepts>
#include <limits>
#include <type_traits>
#include <xsimd/xsimd.hpp>

namespace xgrad {

template <class T, class A>
struct Pack;

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
  /// Lane by lane with the C library's pow: exact to the last place and right in its many special
  /// cases, where exp(y log x) loses up to 5 bits.
  friend Pack pow(Pack x, Pack y) {
    alignas(64) T base[size], exponent[size];
    x.store(base);
    y.store(exponent);
    for (std::size_t i = 0; i < size; ++i) base[i] = std::pow(base[i], exponent[i]);
    return load(base);
  }
};

// clang-format off
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> exp(Pack<T, A> x) { return xsimd::exp(x.raw); }
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
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> tanh(Pack<T, A> x) { return xsimd::tanh(x.raw); }
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> erf(Pack<T, A> x) { return xsimd::erf(x.raw); }
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> floor(Pack<T, A> x) { return xsimd::floor(x.raw); }
template <class T, class A> [[gnu::always_inline]] inline Pack<T, A> abs(Pack<T, A> x) { return xsimd::abs(x.raw); }
// clang-format on

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
