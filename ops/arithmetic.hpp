#pragma once

// Arithmetic, comparison and selection on tensors. All broadcast; a scalar may stand on
// either side.
//
// Comparisons give masks: 1 where true, 0 where false, never a gradient. Compound ones are written
// with && || !.

#include <type_traits>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

/// a + b. Gradient: ga = gy, gb = gy.
template <class T>
Tensor<T> add(const Tensor<T>& a, const Tensor<T>& b);
/// a - b. Gradient: ga = gy, gb = -gy.
template <class T>
Tensor<T> subtract(const Tensor<T>& a, const Tensor<T>& b);
/// a b. Gradient: ga = gy b, gb = gy a.
template <class T>
Tensor<T> multiply(const Tensor<T>& a, const Tensor<T>& b);
/// a / b. Gradient: ga = gy / b, gb = -gy a / b^2.
template <class T>
Tensor<T> divide(const Tensor<T>& a, const Tensor<T>& b);
/// -x.
template <class T>
Tensor<T> negative(const Tensor<T>& x);

/// x^y. Gradient: gx = gy y x^(y-1), and by the exponent gy x^y log x. Conventions: d/dx of x^0 is
/// 0 everywhere; d/dy at x = 0 is 0 for y >= 0, -infinity for y < 0. A negative x with an exponent that is no integer gives
/// NaN, as in the C library.
template <class T>
Tensor<T> pow(const Tensor<T>& x, const Tensor<T>& y);
/// x^p for a constant exponent. 2, 0.5 and -1 are square, sqrt (so that -infinity gives NaN)
/// and reciprocal.
template <class T>
Tensor<T> pow(const Tensor<T>& x, std::type_identity_t<T> p);
template <class T, class S>
requires(std::is_arithmetic_v<S> && !std::is_same_v<S, T>) Tensor<T> pow(const Tensor<T>& x, S p) {
  return pow(x, static_cast<T>(p));
}

/// The larger of a and b; NaN when either is. Equal arguments share the gradient evenly; where x
/// equals a number, maximum(x, number) has the slope 0.
template <class T>
Tensor<T> maximum(const Tensor<T>& a, const Tensor<T>& b);
/// The smaller of a and b; NaN when either is. Equal arguments share the gradient evenly; where x
/// equals a number, minimum(x, number) has the slope 0.
template <class T>
Tensor<T> minimum(const Tensor<T>& a, const Tensor<T>& b);
/// a where the mask is not 0, b elsewhere. What is not selected gets the gradient 0, whatever
/// its value.
template <class T>
Tensor<T> where(const Tensor<T>& mask, const std::type_identity_t<Tensor<T>>& a,
                const std::type_identity_t<Tensor<T>>& b);

/// The mask's places filled with a number: where(mask, value, x), the mask first.
template <class T>
Tensor<T> masked_fill(const Tensor<T>& x, const std::type_identity_t<Tensor<T>>& mask,
                      std::type_identity_t<T> value);

/// log(e^a + e^b), without overflow. Gradient: ga = gy sigmoid(a - b), gb = gy sigmoid(b - a).
template <class T>
Tensor<T> logaddexp(const Tensor<T>& a, const Tensor<T>& b);
/// x log y, 0 at x = 0 also for y = 0 and infinite y. Gradient: gx = gy log y, by y x / y.
/// (In PyTorch 1.13 it is 0 by x and NaN by y where both are 0.)
template <class T>
Tensor<T> xlogy(const Tensor<T>& x, const Tensor<T>& y);
/// The angle between the first axis of the plane and the point (x, y), in [-pi, pi], as in the C
/// library also for zeros with signs and infinities. Gradient: x / (x^2 + y^2) by y and
/// -y / (x^2 + y^2) by x; 0 at the origin.
template <class T>
Tensor<T> atan2(const Tensor<T>& y, const Tensor<T>& x);

/// a < b, and so on: 1 where it holds, else 0.
template <class T>
Tensor<T> less(const Tensor<T>& a, const Tensor<T>& b);
template <class T>
Tensor<T> less_equal(const Tensor<T>& a, const Tensor<T>& b);
template <class T>
Tensor<T> greater(const Tensor<T>& a, const Tensor<T>& b);
template <class T>
Tensor<T> greater_equal(const Tensor<T>& a, const Tensor<T>& b);
template <class T>
Tensor<T> equal(const Tensor<T>& a, const Tensor<T>& b);
template <class T>
Tensor<T> not_equal(const Tensor<T>& a, const Tensor<T>& b);
/// Any number but 0 counts as true.
template <class T>
Tensor<T> logical_and(const Tensor<T>& a, const Tensor<T>& b);
template <class T>
Tensor<T> logical_or(const Tensor<T>& a, const Tensor<T>& b);
template <class T>
Tensor<T> logical_not(const Tensor<T>& a);
/// Masks of what is NaN; infinite; neither.
template <class T>
Tensor<T> isnan(const Tensor<T>& x);
template <class T>
Tensor<T> isinf(const Tensor<T>& x);
template <class T>
Tensor<T> isfinite(const Tensor<T>& x);

namespace detail {
template <class T>
Tensor<T> at_least(const Tensor<T>& x, std::type_identity_t<T> low);
template <class T>
Tensor<T> at_most(const Tensor<T>& x, std::type_identity_t<T> high);
}  // namespace detail

// Operators: the functions above, also with a scalar on either side.
// clang-format off
template <class T> Tensor<T> operator+(const Tensor<T>& a, const Tensor<T>& b) { return add(a, b); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator+(const Tensor<T>& a, S b) { return add(a, Tensor<T>(b)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator+(S a, const Tensor<T>& b) { return add(Tensor<T>(a), b); }
template <class T> Tensor<T> operator-(const Tensor<T>& a, const Tensor<T>& b) { return subtract(a, b); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator-(const Tensor<T>& a, S b) { return subtract(a, Tensor<T>(b)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator-(S a, const Tensor<T>& b) { return subtract(Tensor<T>(a), b); }
template <class T> Tensor<T> operator*(const Tensor<T>& a, const Tensor<T>& b) { return multiply(a, b); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator*(const Tensor<T>& a, S b) { return multiply(a, Tensor<T>(b)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator*(S a, const Tensor<T>& b) { return multiply(Tensor<T>(a), b); }
template <class T> Tensor<T> operator/(const Tensor<T>& a, const Tensor<T>& b) { return divide(a, b); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator/(const Tensor<T>& a, S b) { return divide(a, Tensor<T>(b)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator/(S a, const Tensor<T>& b) { return divide(Tensor<T>(a), b); }
template <class T> Tensor<T> operator<(const Tensor<T>& a, const Tensor<T>& b) { return less(a, b); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator<(const Tensor<T>& a, S b) { return less(a, Tensor<T>(b)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator<(S a, const Tensor<T>& b) { return less(Tensor<T>(a), b); }
template <class T> Tensor<T> operator<=(const Tensor<T>& a, const Tensor<T>& b) { return less_equal(a, b); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator<=(const Tensor<T>& a, S b) { return less_equal(a, Tensor<T>(b)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator<=(S a, const Tensor<T>& b) { return less_equal(Tensor<T>(a), b); }
template <class T> Tensor<T> operator>(const Tensor<T>& a, const Tensor<T>& b) { return greater(a, b); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator>(const Tensor<T>& a, S b) { return greater(a, Tensor<T>(b)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator>(S a, const Tensor<T>& b) { return greater(Tensor<T>(a), b); }
template <class T> Tensor<T> operator>=(const Tensor<T>& a, const Tensor<T>& b) { return greater_equal(a, b); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator>=(const Tensor<T>& a, S b) { return greater_equal(a, Tensor<T>(b)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator>=(S a, const Tensor<T>& b) { return greater_equal(Tensor<T>(a), b); }
template <class T> Tensor<T> operator==(const Tensor<T>& a, const Tensor<T>& b) { return equal(a, b); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator==(const Tensor<T>& a, S b) { return equal(a, Tensor<T>(b)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator==(S a, const Tensor<T>& b) { return equal(Tensor<T>(a), b); }
template <class T> Tensor<T> operator!=(const Tensor<T>& a, const Tensor<T>& b) { return not_equal(a, b); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator!=(const Tensor<T>& a, S b) { return not_equal(a, Tensor<T>(b)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> operator!=(S a, const Tensor<T>& b) { return not_equal(Tensor<T>(a), b); }
template <class T> Tensor<T> operator&&(const Tensor<T>& a, const Tensor<T>& b) { return logical_and(a, b); }
template <class T> Tensor<T> operator||(const Tensor<T>& a, const Tensor<T>& b) { return logical_or(a, b); }
template <class T> Tensor<T> operator!(const Tensor<T>& a) { return logical_not(a); }
template <class T> Tensor<T> operator-(const Tensor<T>& x) { return negative(x); }
template <class T> Tensor<T> operator+(const Tensor<T>& x) { return x; }
// Functions of two tensors, likewise.
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> add(const Tensor<T>& a, S b) { return add(a, Tensor<T>(b)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> add(S a, const Tensor<T>& b) { return add(Tensor<T>(a), b); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> subtract(const Tensor<T>& a, S b) { return subtract(a, Tensor<T>(b)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> subtract(S a, const Tensor<T>& b) { return subtract(Tensor<T>(a), b); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> multiply(const Tensor<T>& a, S b) { return multiply(a, Tensor<T>(b)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> multiply(S a, const Tensor<T>& b) { return multiply(Tensor<T>(a), b); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> divide(const Tensor<T>& a, S b) { return divide(a, Tensor<T>(b)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> divide(S a, const Tensor<T>& b) { return divide(Tensor<T>(a), b); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> logaddexp(const Tensor<T>& a, S b) { return logaddexp(a, Tensor<T>(b)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> logaddexp(S a, const Tensor<T>& b) { return logaddexp(Tensor<T>(a), b); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> xlogy(const Tensor<T>& x, S y) { return xlogy(x, Tensor<T>(y)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> xlogy(S x, const Tensor<T>& y) { return xlogy(Tensor<T>(x), y); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> atan2(const Tensor<T>& y, S x) { return atan2(y, Tensor<T>(x)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> atan2(S y, const Tensor<T>& x) { return atan2(Tensor<T>(y), x); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> pow(S x, const Tensor<T>& y) { return pow(Tensor<T>(x), y); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> maximum(const Tensor<T>& a, S b) { return detail::at_least(a, static_cast<T>(b)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> maximum(S a, const Tensor<T>& b) { return detail::at_least(b, static_cast<T>(a)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> minimum(const Tensor<T>& a, S b) { return detail::at_most(a, static_cast<T>(b)); }
template <class T, class S> requires(std::is_arithmetic_v<S>) Tensor<T> minimum(S a, const Tensor<T>& b) { return detail::at_most(b, static_cast<T>(a)); }
// Operators and functions of a tensor and an expression of xtensor, which is a constant: it is
// evaluated here.
template <class T, class E> Tensor<T> operator+(const Tensor<T>& a, const xt::xexpression<E>& b) { return add(a, Tensor<T>(b)); }
template <class T, class E> Tensor<T> operator+(const xt::xexpression<E>& a, const Tensor<T>& b) { return add(Tensor<T>(a), b); }
template <class T, class E> Tensor<T> operator-(const Tensor<T>& a, const xt::xexpression<E>& b) { return subtract(a, Tensor<T>(b)); }
template <class T, class E> Tensor<T> operator-(const xt::xexpression<E>& a, const Tensor<T>& b) { return subtract(Tensor<T>(a), b); }
template <class T, class E> Tensor<T> operator*(const Tensor<T>& a, const xt::xexpression<E>& b) { return multiply(a, Tensor<T>(b)); }
template <class T, class E> Tensor<T> operator*(const xt::xexpression<E>& a, const Tensor<T>& b) { return multiply(Tensor<T>(a), b); }
template <class T, class E> Tensor<T> operator/(const Tensor<T>& a, const xt::xexpression<E>& b) { return divide(a, Tensor<T>(b)); }
template <class T, class E> Tensor<T> operator/(const xt::xexpression<E>& a, const Tensor<T>& b) { return divide(Tensor<T>(a), b); }
template <class T, class E> Tensor<T> operator<(const Tensor<T>& a, const xt::xexpression<E>& b) { return less(a, Tensor<T>(b)); }
template <class T, class E> Tensor<T> operator<(const xt::xexpression<E>& a, const Tensor<T>& b) { return less(Tensor<T>(a), b); }
template <class T, class E> Tensor<T> operator<=(const Tensor<T>& a, const xt::xexpression<E>& b) { return less_equal(a, Tensor<T>(b)); }
template <class T, class E> Tensor<T> operator<=(const xt::xexpression<E>& a, const Tensor<T>& b) { return less_equal(Tensor<T>(a), b); }
template <class T, class E> Tensor<T> operator>(const Tensor<T>& a, const xt::xexpression<E>& b) { return greater(a, Tensor<T>(b)); }
template <class T, class E> Tensor<T> operator>(const xt::xexpression<E>& a, const Tensor<T>& b) { return greater(Tensor<T>(a), b); }
template <class T, class E> Tensor<T> operator>=(const Tensor<T>& a, const xt::xexpression<E>& b) { return greater_equal(a, Tensor<T>(b)); }
template <class T, class E> Tensor<T> operator>=(const xt::xexpression<E>& a, const Tensor<T>& b) { return greater_equal(Tensor<T>(a), b); }
template <class T, class E> Tensor<T> operator==(const Tensor<T>& a, const xt::xexpression<E>& b) { return equal(a, Tensor<T>(b)); }
template <class T, class E> Tensor<T> operator==(const xt::xexpression<E>& a, const Tensor<T>& b) { return equal(Tensor<T>(a), b); }
template <class T, class E> Tensor<T> operator!=(const Tensor<T>& a, const xt::xexpression<E>& b) { return not_equal(a, Tensor<T>(b)); }
template <class T, class E> Tensor<T> operator!=(const xt::xexpression<E>& a, const Tensor<T>& b) { return not_equal(Tensor<T>(a), b); }
template <class T, class E> Tensor<T> operator&&(const Tensor<T>& a, const xt::xexpression<E>& b) { return logical_and(a, Tensor<T>(b)); }
template <class T, class E> Tensor<T> operator&&(const xt::xexpression<E>& a, const Tensor<T>& b) { return logical_and(Tensor<T>(a), b); }
template <class T, class E> Tensor<T> operator||(const Tensor<T>& a, const xt::xexpression<E>& b) { return logical_or(a, Tensor<T>(b)); }
template <class T, class E> Tensor<T> operator||(const xt::xexpression<E>& a, const Tensor<T>& b) { return logical_or(Tensor<T>(a), b); }
template <class T, class E> Tensor<T> pow(const Tensor<T>& a, const xt::xexpression<E>& b) { return pow(a, Tensor<T>(b)); }
template <class T, class E> Tensor<T> pow(const xt::xexpression<E>& a, const Tensor<T>& b) { return pow(Tensor<T>(a), b); }
template <class T, class E> Tensor<T> maximum(const Tensor<T>& a, const xt::xexpression<E>& b) { return maximum(a, Tensor<T>(b)); }
template <class T, class E> Tensor<T> maximum(const xt::xexpression<E>& a, const Tensor<T>& b) { return maximum(Tensor<T>(a), b); }
template <class T, class E> Tensor<T> minimum(const Tensor<T>& a, const xt::xexpression<E>& b) { return minimum(a, Tensor<T>(b)); }
template <class T, class E> Tensor<T> minimum(const xt::xexpression<E>& a, const Tensor<T>& b) { return minimum(Tensor<T>(a), b); }
template <class T, class E> Tensor<T> where(const xt::xexpression<E>& mask, const Tensor<T>& a, const std::type_identity_t<Tensor<T>>& b) { return where(Tensor<T>(mask), a, b); }
// float with double: refused while compiling, with what to write.
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> operator+(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> operator-(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> operator*(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> operator/(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> operator<(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> operator<=(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> operator>(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> operator>=(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> operator==(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> operator!=(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> operator&&(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> operator||(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> add(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> subtract(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> multiply(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> divide(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> pow(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> logaddexp(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> xlogy(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> atan2(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> maximum(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
template <class T, class U> requires(!std::is_same_v<T, U>) Tensor<T> minimum(const Tensor<T>& a, const Tensor<U>& b) { return detail::mixed(a, b); }
// clang-format on

}  // namespace xgrad
