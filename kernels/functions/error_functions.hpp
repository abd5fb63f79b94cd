#pragma once

// erf and the normal distribution function on packs. Bounds of the errors: docs/precision.md.

#include "xgrad/kernels/functions/exponentials.hpp"
#include "xgrad/kernels/functions/polynomials.hpp"
#include "xgrad/kernels/pack.hpp"

namespace xgrad {

/// x (1 + p(x^2)) below 1, 1 - e^(-q(x)) beyond.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> erf(Pack<T, A> x) {
  using P = Pack<T, A>;
  using Tail = detail::ErfTailPolynomial<T>;
  const P size = abs(x);
  const P near = detail::multiply_add(size, polynomial(x * x, detail::ErfPolynomial<T>::c), size);
  if (all(size < P(1))) return detail::with_sign_of(x, near);
  const P u = detail::not_above(Tail::last, size) - T(1);
  const P far = T(1) - detail::small_exp(-polynomial(u, Tail::c));
  return detail::with_sign_of(x, where(size < P(1), near, far));
}

namespace detail {

/// Phi(x) for |x| <= 1, Phi the normal distribution function.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> ndtr_near(Pack<T, A> x) {
  return multiply_add(x, polynomial(x * x, NormalPolynomial<T>::c), Pack<T, A>(T(0.5)));
}
/// factor Phi(-a) for a >= 1, to the last places also where it is small; a at
/// most NormalTailPolynomial<T>::last.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> ndtr_tail(Pack<T, A> a, auto factor) {
  using P = Pack<T, A>;
  using Tail = NormalTailPolynomial<T>;
  const P q = T(1) / (a + Tail::K);
  const auto p = gaussian_powers(a);
  const P smooth = factor * (q * polynomial((a - Tail::K) * q, Tail::c));
  return p.scale(multiply_add(smooth, p.less_one(), smooth));
}

}  // namespace detail

/// The normal distribution function, (1 + erf(x / sqrt 2)) / 2.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> ndtr(Pack<T, A> x) {
  using P = Pack<T, A>;
  const P size = abs(x);
  const P tail =
      detail::ndtr_tail(detail::not_above(detail::NormalTailPolynomial<T>::last, size), T(1));
  return where(size < P(1), detail::ndtr_near(x), where(x > P(0), T(1) - tail, tail));
}

}  // namespace xgrad
