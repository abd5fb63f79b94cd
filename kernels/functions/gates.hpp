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
