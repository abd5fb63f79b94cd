#pragma once

// exp and what is made of it, on packs. Bounds of the errors: docs/precision.md.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "xgrad/kernels/functions/polynomials.hpp"
#include "xgrad/kernels/pack.hpp"

namespace xgrad {

namespace detail {

// Whether a product and a sum are rounded once. xsimd's fma is not on AVX-512.
template <class A>
constexpr bool kFused = false;
template <>
inline constexpr bool kFused<xsimd::fma3<xsimd::avx2>> = true;
template <class A>
requires(std::is_base_of_v<xsimd::avx512f, A>) inline constexpr bool kFused<A> = true;

/// Whether an instruction multiplies by powers of 2, whatever comes of it.
template <class A>
constexpr bool kScales = kFused<A> && !std::is_same_v<A, xsimd::fma3<xsimd::avx2>>;

/// a b + c.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> multiply_add(Pack<T, A> a, Pack<T, A> b, Pack<T, A> c) {
#if defined(__AVX512F__)
  if constexpr (std::is_base_of_v<xsimd::avx512f, A>) {
    if constexpr (sizeof(T) == 4) {
      return xsimd::batch<T, A>(_mm512_fmadd_ps(a.raw, b.raw, c.raw));
    } else {
      return xsimd::batch<T, A>(_mm512_fmadd_pd(a.raw, b.raw, c.raw));
    }
  }
#endif
  return xsimd::fma(a.raw, b.raw, c.raw);
}

}  // namespace detail

/// c[0] + c[1] x + c[2] x^2 + ...
template <class T, class A, std::size_t N>
[[gnu::always_inline]] inline Pack<T, A> polynomial(Pack<T, A> x, const T (&c)[N]) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
    Pack<T, A> y = c[N - 1];
    ((y = detail::multiply_add(y, x, Pack<T, A>(c[N - 2 - I]))), ...);
    return y;
  }
  (std::make_index_sequence<N - 1>{});
}

namespace detail {

template <class T, class A>
using PackBits = xsimd::batch<std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>, A>;

template <class T, class A>
[[gnu::always_inline]] inline PackBits<T, A> bits(Pack<T, A> x) {
  return xsimd::bitwise_cast<PackBits<T, A>>(x.raw);
}
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> from_bits(PackBits<T, A> x) {
  return xsimd::bitwise_cast<xsimd::batch<T, A>>(x);
}
/// -|x|.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> negative_size(Pack<T, A> x) {
  return x.raw | xsimd::constants::signmask<xsimd::batch<T, A>>();
}
/// |x| with the sign of y, x not being negative.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> with_sign_of(Pack<T, A> y, Pack<T, A> x) {
  return x.raw | xsimd::bitofsign(y.raw);
}

template <class T>
constexpr int kMantissaBits = sizeof(T) == 4 ? 23 : 52;
template <class T>
constexpr int kExponentBias = sizeof(T) == 4 ? 127 : 1023;
/// The sum of this and of a whole number, up to some thousands, has the number in its lowest bits.
template <class T>
constexpr T kWhole = sizeof(T) == 4 ? T(0x1.8p23) : T(0x1.8p52);

/// x = k log 2 + r, |r| <= log(2)/2, k whole; `sum` is k + kWhole.
template <class T, class A>
struct Powers {
  Pack<T, A> sum, k, r;

  [[gnu::always_inline]] explicit Powers(Pack<T, A> x) {
    using P = Pack<T, A>;
    using Raw = typename P::Raw;
    sum = multiply_add(x, P(xsimd::constants::invlog_2<Raw>()), P(kWhole<T>));
    k = sum - kWhole<T>;
    r = multiply_add(k, P(-xsimd::constants::log_2hi<Raw>()), x);
    r = multiply_add(k, P(-xsimd::constants::log_2lo<Raw>()), r);
  }
  /// e^r - 1.
  [[gnu::always_inline]] Pack<T, A> less_one() const {
    return multiply_add(polynomial(r, Expm1Polynomial<T>::c), r * r, r);
  }
  /// e^r.
  [[gnu::always_inline]] Pack<T, A> rest() const {
    const Pack<T, A> one(1);
    return multiply_add(multiply_add(polynomial(r, Expm1Polynomial<T>::c), r, one), r, one);
  }
  /// 2^(k + offset), a normal number.
  [[gnu::always_inline]] Pack<T, A> power(int offset = 0) const {
    using B = PackBits<T, A>;
    using U = typename B::value_type;
    const B exponent = bits(sum) + B(static_cast<U>(kExponentBias<T> + offset));
    return from_bits<T, A>(exponent << kMantissaBits<T>);
  }
  /// x 2^k, a normal number like x.
  [[gnu::always_inline]] Pack<T, A> scale_normal(Pack<T, A> x) const {
    return from_bits<T, A>(bits(x) + (bits(sum) << kMantissaBits<T>));
  }
  /// x 2^k, rounded once. Half of k joins the exponent of x, so x 2^(k/2) must be a normal number.
  [[gnu::always_inline]] Pack<T, A> scale(Pack<T, A> x) const {
#if defined(__AVX512F__)
    if constexpr (std::is_base_of_v<xsimd::avx512f, A>) {
      if constexpr (sizeof(T) == 4) {
        return xsimd::batch<T, A>(_mm512_scalef_ps(x.raw, k.raw));
      } else {
        return xsimd::batch<T, A>(_mm512_scalef_pd(x.raw, k.raw));
      }
    }
#endif
    using B = PackBits<T, A>;
    using U = typename B::value_type;
    const B all = bits(sum), half = all >> 1;
    const B other = (all - half) + B(static_cast<U>(kExponentBias<T>));
    return from_bits<T, A>(bits(x) + (half << kMantissaBits<T>)) *
           from_bits<T, A>(other << kMantissaBits<T>);
  }
};

/// x, or the end of the range where e^x is 0 or infinite. NaN remains.
template <class T>
constexpr T kExpLow = sizeof(T) == 4 ? -110 : -800;
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> not_below(T low, Pack<T, A> x) {
  return xsimd::max(Pack<T, A>(low).raw, x.raw);
}
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> not_above(T high, Pack<T, A> x) {
  return xsimd::min(Pack<T, A>(high).raw, x.raw);
}

/// e^x / 2, where e^x may be too large.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> half_exp(Pack<T, A> x) {
  const Powers<T, A> p(not_above(-kExpLow<T>, x));
  return p.scale(T(0.5) * p.rest());
}
/// e^x, |x| < 80, or NaN.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> small_exp(Pack<T, A> x) {
  const Powers<T, A> p(x);
  return p.scale_normal(p.rest());
}
/// Where e^x is a normal number, and so are its multiples by some hundreds.
template <class T>
constexpr T kExpNormal = sizeof(T) == 4 ? 80 : 700;

/// e^x for x <= 0.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> exp_of_negative(Pack<T, A> x) {
  if (!kScales<A> && all(x >= Pack<T, A>(-kExpNormal<T>))) {
    const Powers<T, A> p(x);
    return p.scale_normal(p.rest());
  }
  const Powers<T, A> p(not_below(kExpLow<T>, x));
  return p.scale(p.rest());
}

}  // namespace detail

template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> exp(Pack<T, A> x) {
  const detail::Powers<T, A> p(
      detail::not_below(detail::kExpLow<T>, detail::not_above(-detail::kExpLow<T>, x)));
  return p.scale(p.rest());
}

/// 2^k (e^r - 1) + (2^k - 1); halved, because 2^k may be too large. -0 and subnormal numbers are
/// their own results.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> expm1(Pack<T, A> x) {
  using P = Pack<T, A>;
  constexpr T kHigh = static_cast<T>(sizeof(T) == 4 ? 88.75 : 709.8);
  const detail::Powers<T, A> p(detail::not_below(T(-60), detail::not_above(kHigh, x)));
  const P scale = p.power(-1), square = p.r * p.r;
  const P most = detail::multiply_add(scale, p.r, scale - T(0.5));
  const P rest = square * polynomial(p.r, detail::Expm1Polynomial<T>::c);
  const P half = detail::multiply_add(scale, rest, most);
  return where(abs(x) < P(std::numeric_limits<T>::epsilon() / 4), x, half + half);
}

/// x (1 + x^2 p(x^2)) below 1, where the other form cancels.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> sinh(Pack<T, A> x) {
  using P = Pack<T, A>;
  const P size = abs(x), square = size * size, half = detail::half_exp(size);
  const P near =
      detail::multiply_add(size * square, polynomial(square, detail::SinhPolynomial<T>::c), size);
  return detail::with_sign_of(x, where(size < P(1), near, half - T(0.25) / half));
}
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> cosh(Pack<T, A> x) {
  const Pack<T, A> half = detail::half_exp(abs(x));
  return half + T(0.25) / half;
}
/// x (1 + x^2 p(x^2)) near 0, where the other form cancels; 1 - 2 / (e^2x + 1) beyond.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> tanh(Pack<T, A> x) {
  using P = Pack<T, A>;
  const P size = abs(x), square = size * size;
  const P near = size + size * square * polynomial(square, detail::TanhPolynomial<T>::c);
  if (!detail::kScales<A> && all(size < P(0.625))) return detail::with_sign_of(x, near);
  const P a = detail::not_above(T(sizeof(T) == 4 ? 10 : 20), size);  // 1 from there on
  const P far = T(1) - T(2) / (detail::small_exp(a + a) + T(1));
  return detail::with_sign_of(x, where(size < P(0.625), near, far));
}

/// 1 / (1 + e^-x), as e^x / (1 + e^x) where x is negative.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> sigmoid(Pack<T, A> x) {
  using P = Pack<T, A>;
  const P e = detail::exp_of_negative(detail::negative_size(x));
  return where(x < P(0), e, P(1)) / (T(1) + e);
}
/// sigmoid(x) sigmoid(-x).
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> logistic_density(Pack<T, A> x) {
  const Pack<T, A> e = detail::exp_of_negative(detail::negative_size(x)), r = T(1) / (T(1) + e);
  return e * (r * r);
}

namespace detail {

/// x^2 - y exactly, for y = x^2 rounded. Without a fused product, by halves of x, which have
/// exact ones.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> rounded_off_square(Pack<T, A> x, Pack<T, A> y) {
  using P = Pack<T, A>;
  if constexpr (kFused<A>) return multiply_add(x, x, -y);
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits kHigh = ~Bits(0) << (sizeof(T) == 4 ? 12 : 27);
  const P high = x.raw & P(std::bit_cast<T>(kHigh)).raw, low = x - high;
  return ((high * high - y) + T(2) * high * low) + low * low;
}

/// e^(-x^2/2) for x >= 0 and not so large that it is 0, as e^r and the power of 2.
template <class T, class A>
[[gnu::always_inline]] inline Powers<T, A> gaussian_powers(Pack<T, A> x) {
  const Pack<T, A> square = x * x;
  Powers<T, A> p(T(-0.5) * square);
  p.r = p.r - T(0.5) * rounded_off_square(x, square);
  return p;
}
/// Where e^(-x^2/2) is 0.
template <class T>
constexpr T kGaussianEnd = sizeof(T) == 4 ? 14.5 : 39;

}  // namespace detail

/// e^(-x^2/2), to the last places also where x^2 is large.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> gaussian(Pack<T, A> x) {
  const auto p = detail::gaussian_powers(detail::not_above(detail::kGaussianEnd<T>, abs(x)));
  return p.scale(p.rest());
}

/// e^(-x^2), likewise.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> exp_of_minus_square(Pack<T, A> x) {
  const Pack<T, A> a = detail::not_above(T(sizeof(T) == 4 ? 10.5 : 27.5), abs(x));  // 0 from there
  const Pack<T, A> square = a * a;
  detail::Powers<T, A> p(-square);
  p.r = p.r - detail::rounded_off_square(a, square);
  return p.scale(p.rest());
}

}  // namespace xgrad
