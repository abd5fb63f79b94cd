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

  /// The first n <= size numbers at p, the rest of the lanes being `fill`; nothing behind them
  /// is touched.
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
  // Not by xsimd's -, which on AVX-512 makes +0 of 0.
  [[gnu::always_inline, gnu::flatten]] friend Pack operator-(Pack a) {
    return a.raw ^ xsimd::constants::signmask<Raw>();
  }
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

template <class T, class A>
[[gnu::always_inline]] inline bool any(PackMask<T, A> m) {
  return xsimd::any(m.raw);
}
template <class T, class A>
[[gnu::always_inline]] inline bool all(PackMask<T, A> m) {
  return xsimd::all(m.raw);
}
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> abs(Pack<T, A> x) {
  return xsimd::abs(x.raw);
}
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> sqrt(Pack<T, A> x) {
  return xsimd::sqrt(x.raw);
}
/// The largest integer not above x; -0 for -0. Without an instruction for it, by a sum that rounds to
/// whole numbers.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> floor(Pack<T, A> x) {
#if defined(__x86_64__)
  if constexpr (std::is_same_v<A, xsimd::sse2>) {
    using P = Pack<T, A>;
    const P size = abs(x), large(sizeof(T) == 4 ? T(0x1p23) : T(0x1p52));
    const P whole = ((size + large) - large).raw | xsimd::bitofsign(x.raw);
    const P below = where(whole > x, whole - P(1), whole);
    return where(size < large, below, x);
  }
#endif
  return xsimd::floor(x.raw);
}

namespace detail {
/// The halves of v joined, and theirs, until one number is left: by shuffles, without memory.
template <class V, class Join, std::size_t... I>
[[gnu::always_inline]] inline auto fold_halves(V v, const Join& join, std::index_sequence<I...>) {
  if constexpr (sizeof...(I) == 1) {
    return join(v[0], v[1]);
  } else {
    return fold_halves(join(__builtin_shufflevector(v, v, I...),
                            __builtin_shufflevector(v, v, (I + sizeof...(I))...)),
                       join, std::make_index_sequence<sizeof...(I) / 2>());
  }
}
}  // namespace detail

/// join(a, b) over the lanes, in a fixed order; a and b are registers, or numbers.
template <class T, class A, class Join>
[[gnu::always_inline]] inline T fold_lanes(Pack<T, A> x, const Join& join) {
  constexpr std::size_t half = Pack<T, A>::size / 2;
  return detail::fold_halves(x.raw.data, join, std::make_index_sequence<half>());
}

/// Sum over the lanes.
template <class T, class A>
[[gnu::always_inline]] inline T sum_lanes(Pack<T, A> x) {
  return fold_lanes(
      x, [](auto a, auto b) __attribute__((always_inline)) { return a + b; });
}

}  // namespace xgrad
