#pragma once

// The values of activation functions x f(x) on packs, f going from 0 to 1. They are right where f
// is below the normal range and x f(x) is not, and -0 at -inf. As formulas, of which the
// derivatives are made, they are in kernels/formulas/activations.hpp.

#include <limits>

#include "xgrad/kernels/functions/error_functions.hpp"
#include "xgrad/kernels/functions/exponentials.hpp"
#include "xgrad/kernels/pack.hpp"

namespace xgrad {

/// x / (1 + e^-x), as x e^x / (1 + e^x) where x is negative.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> silu_value(Pack<T, A> x) {
  using P = Pack<T, A>;
  const P size = detail::negative_size(x);
  if (!detail::kScales<A> && all(size >= P(-detail::kExpNormal<T>))) {
    const detail::Powers<T, A> p(size);
    const P e = p.scale_normal(p.rest());
    return where(x < P(0), x * e, x) / (T(1) + e);
  }
  const P a = detail::not_below(detail::kExpLow<T>, size);
  const detail::Powers<T, A> p(a);
  const P rest = p.rest();
  return where(x < P(0), p.scale(a * rest), x) / (T(1) + p.scale(rest));
}

/// x Phi(x), Phi the normal distribution function.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> gelu_value(Pack<T, A> x) {
  using P = Pack<T, A>;
  const P size = abs(x);
  const P a = detail::not_above(detail::NormalTailPolynomial<T>::last, size);
  const P tail = detail::ndtr_tail(a, a);
  return where(size < P(1), x * detail::ndtr_near(x), where(x > P(0), x - tail, -tail));
}

namespace detail {

/// sqrt(8 / pi) as a number of few bits and the rest, 0.044715 sqrt(8 / pi) as a number and the rest.
template <class T>
struct GeluCubic;
template <>
struct GeluCubic<float> {
  static constexpr float linear = 0x1.9880000000000p+0F, linear_rest = 0x1.14cf500000000p-14F;
  static constexpr float cubic = 0x1.2444f20000000p-4F, cubic_rest = 0x1.49b16a0000000p-29F;
  static constexpr float last = 12;
};
template <>
struct GeluCubic<double> {
  static constexpr double linear = 0x1.9884530000000p+0, linear_rest = 0x1.ea1b284687e5ap-27;
  static constexpr double cubic = 0x1.2444f2a4d8b4bp-4, cubic_rest = -0x1.6c843a29d1c70p-61;
  static constexpr double last = 23;
};

/// e^-w, w = sqrt(8 / pi) (a + 0.044715 a^3), for 0 <= a <= last, where it is 0. Without fused
/// products w is rounded, which tells where it is large.
template <class T, class A>
[[gnu::always_inline]] inline Powers<T, A> exp_of_cubic(Pack<T, A> a) {
  using P = Pack<T, A>;
  using C = GeluCubic<T>;
  const P square = a * a, linear(C::linear), cubic(C::cubic);
  const P f = multiply_add(cubic, square, linear);
  if constexpr (kFused<A>) {
    const P f_rest = multiply_add(P(C::cubic_rest), square, P(C::linear_rest));
    const P rest = multiply_add(cubic, square, linear - f) +
                   multiply_add(cubic, rounded_off_square(a, square), f_rest);
    const P w = a * f;
    Powers<T, A> p(-w);
    p.r = p.r - multiply_add(a, rest, multiply_add(a, f, -w));
    return p;
  } else {
    return Powers<T, A>(-a * (f + P(C::linear_rest)));
  }
}

}  // namespace detail

/// x / (1 + e^-w), as x e^w / (1 + e^w) where x is negative, w = sqrt(8 / pi) (x + 0.044715 x^3):
/// 0.5 x (1 + tanh(w / 2)).
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> gelu_tanh_value(Pack<T, A> x) {
  using P = Pack<T, A>;
  const P a = detail::not_above(detail::GeluCubic<T>::last, abs(x));
  const auto p = detail::exp_of_cubic(a);
  const P rest = p.rest();
  return where(x < P(0), p.scale(-a * rest), x) / (T(1) + p.scale(rest));
}

/// x tanh(log(1 + e)) = x e (e + 2) / (e (e + 2) + 2), e = e^x.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> mish_value(Pack<T, A> x) {
  using P = Pack<T, A>;
  constexpr T kEnd = sizeof(T) == 4 ? 20 : 40;  // the factor is 1 from there on
  const P a = detail::not_below(detail::kExpLow<T>, detail::not_above(kEnd, x));
  const detail::Powers<T, A> p(a);
  const P rest = p.rest(), e = p.scale(rest), y = p.scale(a * rest) * (e + T(2));
  return where(x > P(kEnd), x, y / (e * (e + T(2)) + T(2)));
}

/// x / (1 + |x|).
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> softsign_value(Pack<T, A> x) {
  const Pack<T, A> size = detail::not_above(std::numeric_limits<T>::max(), abs(x));
  return detail::with_sign_of(x, size / (T(1) + size));
}

}  // namespace xgrad
