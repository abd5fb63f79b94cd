#pragma once

// Number<T>: one number with the words of Pack. Formulas are evaluated on it where a kernel met
// 0 times infinity: `times`, the product of slopes, gives 0 there, while that of packs is plain.

#include <cmath>
#include <cstddef>
#include <type_traits>

namespace xgrad {

template <class T>
struct Number;

/// The result of comparing numbers.
template <class T>
struct NumberMask {
  bool holds;
  friend NumberMask operator&&(NumberMask a, NumberMask b) { return {a.holds && b.holds}; }
  friend NumberMask operator||(NumberMask a, NumberMask b) { return {a.holds || b.holds}; }
  friend NumberMask operator!(NumberMask a) { return {!a.holds}; }
  template <class R, class S>
  requires(std::is_arithmetic_v<R>&& std::is_arithmetic_v<S>) friend Number<T> where(NumberMask m,
                                                                                     R a, S b) {
    return m.holds ? Number<T>(a) : Number<T>(b);
  }
};

template <class T>
struct Number {
  using value_type = T;
  using Mask = NumberMask<T>;

  T value;

  Number() = default;
  template <class S>
  requires(std::is_arithmetic_v<S>) Number(S s) : value(static_cast<T>(s)) {}

  friend Number operator+(Number a, Number b) { return a.value + b.value; }
  friend Number operator-(Number a, Number b) { return a.value - b.value; }
  friend Number operator*(Number a, Number b) { return a.value * b.value; }
  friend Number operator/(Number a, Number b) { return a.value / b.value; }
  friend Number operator-(Number a) { return -a.value; }
  friend Number operator+(Number a) { return a; }
  friend Mask operator<(Number a, Number b) { return {a.value < b.value}; }
  friend Mask operator<=(Number a, Number b) { return {a.value <= b.value}; }
  friend Mask operator>(Number a, Number b) { return {a.value > b.value}; }
  friend Mask operator>=(Number a, Number b) { return {a.value >= b.value}; }
  friend Mask operator==(Number a, Number b) { return {a.value == b.value}; }
  friend Mask operator!=(Number a, Number b) { return {a.value != b.value}; }
  friend Number where(Mask m, Number a, Number b) { return m.holds ? a : b; }
  friend Number maximum(Number a, Number b) { return where(a > b || a != a, a, b); }
  friend Number minimum(Number a, Number b) { return where(a < b || a != a, a, b); }
  friend Number pow(Number x, Number y) { return std::pow(x.value, y.value); }
  template <class S>
  requires(std::is_arithmetic_v<S>) friend Number pow(Number x, S y) { return pow(x, Number(y)); }
  template <class S>
  requires(std::is_arithmetic_v<S>) friend Number pow(S x, Number y) { return pow(Number(x), y); }
};

// clang-format off
template <class T> Number<T> exp(Number<T> x) { return std::exp(x.value); }
template <class T> Number<T> expm1(Number<T> x) { return std::expm1(x.value); }
template <class T> Number<T> log(Number<T> x) { return std::log(x.value); }
template <class T> Number<T> log1p(Number<T> x) { return std::log1p(x.value); }
template <class T> Number<T> sqrt(Number<T> x) { return std::sqrt(x.value); }
template <class T> Number<T> rsqrt(Number<T> x) { return 1 / std::sqrt(x.value); }
template <class T> Number<T> square(Number<T> x) { return x * x; }
template <class T> Number<T> reciprocal(Number<T> x) { return 1 / x.value; }
template <class T> Number<T> abs(Number<T> x) { return std::abs(x.value); }
template <class T> Number<T> sign(Number<T> x) { return x.value > 0 ? T(1) : x.value < 0 ? T(-1) : x.value; }
template <class T> Number<T> floor(Number<T> x) { return std::floor(x.value); }
template <class T> Number<T> sin(Number<T> x) { return std::sin(x.value); }
template <class T> Number<T> cos(Number<T> x) { return std::cos(x.value); }
template <class T> Number<T> tan(Number<T> x) { return std::tan(x.value); }
template <class T> Number<T> asin(Number<T> x) { return std::asin(x.value); }
template <class T> Number<T> acos(Number<T> x) { return std::acos(x.value); }
template <class T> Number<T> atan(Number<T> x) { return std::atan(x.value); }
template <class T> Number<T> sinh(Number<T> x) { return std::sinh(x.value); }
template <class T> Number<T> cosh(Number<T> x) { return std::cosh(x.value); }
template <class T> Number<T> tanh(Number<T> x) { return std::tanh(x.value); }
template <class T> Number<T> erf(Number<T> x) { return std::erf(x.value); }
template <class T> Number<T> ndtr(Number<T> x) { return T(0.5) * std::erfc(-x.value * T(0.7071067811865476)); }
template <class T> Number<T> relu(Number<T> x) { return x.value <= 0 ? T(0) : x.value; }
// clang-format on

template <class T>
Number<T> sigmoid(Number<T> x) {
  const T e = std::exp(-std::abs(x.value));
  return (x.value < 0 ? e : T(1)) / (1 + e);
}
template <class T>
Number<T> logistic_density(Number<T> x) {
  const T e = std::exp(-std::abs(x.value)), r = 1 / (1 + e);
  return e * (r * r);
}
template <class T>
Number<T> softplus(Number<T> x) {
  return relu(x) + std::log1p(std::exp(-std::abs(x.value)));
}

/// A slope times what it multiplies: 0 where either is, even if the other is infinite or NaN.
template <class T>
Number<T> times(Number<T> a, Number<T> b) {
  return a.value == 0 || b.value == 0 ? Number<T>(0) : a * b;
}

}  // namespace xgrad
