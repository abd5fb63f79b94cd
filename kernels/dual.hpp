#pragma once

// Dual<X, N>: a number with its derivatives with respect to N inputs. Evaluating a formula on duals
// gives its value and partial derivatives in one pass. X is a Pack. Operations between a dual and a
// plain X treat X as constant.

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "xgrad/kernels/formulas/elementary.hpp"
#include "xgrad/kernels/formulas/special.hpp"
#include "xgrad/kernels/formulas/trigonometry.hpp"
#include "xgrad/kernels/functions.hpp"

namespace xgrad {

template <class X, std::size_t N>
struct Dual {
  using Mask = typename X::Mask;

  X value;
  X partial[N];

  Dual() = default;
  /// A constant.
  [[gnu::always_inline]] Dual(const X& constant)
      : Dual(make(
            constant, [](std::size_t) __attribute__((always_inline)) { return X(0); })) {}
  template <class S>
  requires(std::is_arithmetic_v<S>) [[gnu::always_inline]] Dual(S constant) : Dual(X(constant)) {}
  /// Input `i` of the formula.
  [[gnu::always_inline]] static Dual variable(const X& value, std::size_t i) {
    Dual d{value};
    d.partial[i] = X(1);
    return d;
  }

  // The dual `value` whose partials are f(i). Not a loop: GCC leaves arrays that a loop walks in
  // memory.
  template <class F>
  [[gnu::always_inline]] static Dual make(const X& value, const F& f) {
    return make(value, f, std::make_index_sequence<N>{});
  }
  template <class F, std::size_t... I>
  [[gnu::always_inline]] static Dual make(const X& value, const F& f, std::index_sequence<I...>) {
    Dual d;
    d.value = value;
    ((d.partial[I] = f(I)), ...);
    return d;
  }

  [[gnu::always_inline]] friend Dual operator-(const Dual& a) {
    return make(
        -a.value, [&](std::size_t i) __attribute__((always_inline)) { return -a.partial[i]; });
  }
  [[gnu::always_inline]] friend Dual operator+(const Dual& a) { return a; }
  [[gnu::always_inline]] friend Dual operator+(const Dual& a, const Dual& b) {
    return make(
        a.value + b.value, [&](std::size_t i) __attribute__((always_inline)) {
          return a.partial[i] + b.partial[i];
        });
  }
  [[gnu::always_inline]] friend Dual operator+(const Dual& a, const X& b) {
    return make(
        a.value + b, [&](std::size_t i) __attribute__((always_inline)) { return a.partial[i]; });
  }
  [[gnu::always_inline]] friend Dual operator+(const X& a, const Dual& b) { return b + a; }
  [[gnu::always_inline]] friend Dual operator-(const Dual& a, const Dual& b) {
    return make(
        a.value - b.value, [&](std::size_t i) __attribute__((always_inline)) {
          return a.partial[i] - b.partial[i];
        });
  }
  [[gnu::always_inline]] friend Dual operator-(const Dual& a, const X& b) {
    return make(
        a.value - b, [&](std::size_t i) __attribute__((always_inline)) { return a.partial[i]; });
  }
  [[gnu::always_inline]] friend Dual operator-(const X& a, const Dual& b) {
    return make(
        a - b.value, [&](std::size_t i) __attribute__((always_inline)) { return -b.partial[i]; });
  }
  [[gnu::always_inline]] friend Dual operator*(const Dual& a, const Dual& b) {
    return make(
        a.value * b.value, [&](std::size_t i) __attribute__((always_inline)) {
          return a.partial[i] * b.value + a.value * b.partial[i];
        });
  }
  [[gnu::always_inline]] friend Dual operator*(const Dual& a, const X& b) {
    return make(
        a.value * b, [&](std::size_t i)
                         __attribute__((always_inline)) { return a.partial[i] * b; });
  }
  [[gnu::always_inline]] friend Dual operator*(const X& a, const Dual& b) { return b * a; }
  [[gnu::always_inline]] friend Dual operator/(const Dual& a, const Dual& b) {
    const X q = a.value / b.value;
    return make(
        q, [&](std::size_t i) __attribute__((always_inline)) {
          return (a.partial[i] - q * b.partial[i]) / b.value;
        });
  }
  [[gnu::always_inline]] friend Dual operator/(const Dual& a, const X& b) {
    return make(
        a.value / b, [&](std::size_t i)
                         __attribute__((always_inline)) { return a.partial[i] / b; });
  }
  [[gnu::always_inline]] friend Dual operator/(const X& a, const Dual& b) {
    const X q = a / b.value, slope = -(q / b.value);
    return make(
        q, [&](std::size_t i) __attribute__((always_inline)) { return slope * b.partial[i]; });
  }

  // clang-format off
  template <class S> requires(std::is_arithmetic_v<S>) [[gnu::always_inline]] friend Dual operator+(const Dual& a, S b) { return a + X(b); }
  template <class S> requires(std::is_arithmetic_v<S>) [[gnu::always_inline]] friend Dual operator+(S a, const Dual& b) { return b + X(a); }
  template <class S> requires(std::is_arithmetic_v<S>) [[gnu::always_inline]] friend Dual operator-(const Dual& a, S b) { return a - X(b); }
  template <class S> requires(std::is_arithmetic_v<S>) [[gnu::always_inline]] friend Dual operator-(S a, const Dual& b) { return X(a) - b; }
  template <class S> requires(std::is_arithmetic_v<S>) [[gnu::always_inline]] friend Dual operator*(const Dual& a, S b) { return a * X(b); }
  template <class S> requires(std::is_arithmetic_v<S>) [[gnu::always_inline]] friend Dual operator*(S a, const Dual& b) { return b * X(a); }
  template <class S> requires(std::is_arithmetic_v<S>) [[gnu::always_inline]] friend Dual operator/(const Dual& a, S b) { return a / X(b); }
  template <class S> requires(std::is_arithmetic_v<S>) [[gnu::always_inline]] friend Dual operator/(S a, const Dual& b) { return X(a) / b; }
  // clang-format on

  [[gnu::always_inline]] friend Mask operator<(const Dual& a, const Dual& b) {
    return a.value < b.value;
  }
  [[gnu::always_inline]] friend Mask operator<=(const Dual& a, const Dual& b) {
    return a.value <= b.value;
  }
  [[gnu::always_inline]] friend Mask operator>(const Dual& a, const Dual& b) {
    return a.value > b.value;
  }
  [[gnu::always_inline]] friend Mask operator>=(const Dual& a, const Dual& b) {
    return a.value >= b.value;
  }
  [[gnu::always_inline]] friend Mask operator==(const Dual& a, const Dual& b) {
    return a.value == b.value;
  }
  [[gnu::always_inline]] friend Mask operator!=(const Dual& a, const Dual& b) {
    return a.value != b.value;
  }

  /// The branch not taken contributes nothing, whatever its value.
  [[gnu::always_inline]] friend Dual where(const Mask& m, const Dual& a, const Dual& b) {
    return make(
        where(m, a.value, b.value), [&](std::size_t i) __attribute__((always_inline)) {
          return where(m, a.partial[i], b.partial[i]);
        });
  }
  [[gnu::always_inline]] friend Dual maximum(const Dual& a, const Dual& b) {
    return where(a.value == b.value, 0.5 * (a + b),
                 where(a.value > b.value || a.value != a.value, a, b));
  }
  [[gnu::always_inline]] friend Dual minimum(const Dual& a, const Dual& b) {
    return where(a.value == b.value, 0.5 * (a + b),
                 where(a.value < b.value || a.value != a.value, a, b));
  }
  /// x^(y-1) y dx + log(x) x^y dy; the first term is 0 where y is, the second where dy is, and at
  /// x = 0 for y > 0.
  friend Dual pow(const Dual& x, const Dual& y) {
    const Dual by_x = pow(x, y.value), by_y = pow(x.value, y);
    return make(
        by_x.value, [&](std::size_t i) __attribute__((always_inline)) {
          return by_x.partial[i] + by_y.partial[i];
        });
  }
  friend Dual pow(const Dual& x, const X& y) {
    const X slope = y * pow(x.value, y - X(1));
    return make(
        pow(x.value, y), [&](std::size_t i) __attribute__((always_inline)) {
          return where(y == X(0), X(0), slope * x.partial[i]);
        });
  }
  friend Dual pow(const X& x, const Dual& y) {
    const X p = pow(x, y.value);
    const X slope = where(x == X(0) && y.value > X(0), X(0), p * log(x));
    return make(
        p, [&](std::size_t i) __attribute__((always_inline)) {
          return where(y.partial[i] == X(0), X(0), slope * y.partial[i]);
        });
  }
  // clang-format off
  template <class S> requires(std::is_arithmetic_v<S>) friend Dual pow(const Dual& x, S y) { return pow(x, X(y)); }
  template <class S> requires(std::is_arithmetic_v<S>) friend Dual pow(S x, const Dual& y) { return pow(X(x), y); }
  // clang-format on
};

/// f(x) by the chain rule, f being a primitive.
template <class F, class X, std::size_t N>
[[gnu::always_inline]] inline Dual<X, N> chain(const F& f, const Dual<X, N>& x) {
  const X y = f(x.value), slope = f.slope(x.value, y);
  return Dual<X, N>::make(
      y, [&](std::size_t i) __attribute__((always_inline)) { return slope * x.partial[i]; });
}

// clang-format off
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> exp(const Dual<X, N>& x) { return chain(primitives::Exp{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> expm1(const Dual<X, N>& x) { return chain(primitives::Expm1{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> log(const Dual<X, N>& x) { return chain(primitives::Log{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> log1p(const Dual<X, N>& x) { return chain(primitives::Log1p{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> sqrt(const Dual<X, N>& x) { return chain(primitives::Sqrt{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> rsqrt(const Dual<X, N>& x) { return chain(primitives::Rsqrt{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> square(const Dual<X, N>& x) { return chain(primitives::Square{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> reciprocal(const Dual<X, N>& x) { return chain(primitives::Reciprocal{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> abs(const Dual<X, N>& x) { return chain(primitives::Abs{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> sign(const Dual<X, N>& x) { return chain(primitives::Sign{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> floor(const Dual<X, N>& x) { return chain(primitives::Floor{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> sin(const Dual<X, N>& x) { return chain(primitives::Sin{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> cos(const Dual<X, N>& x) { return chain(primitives::Cos{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> tan(const Dual<X, N>& x) { return chain(primitives::Tan{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> asin(const Dual<X, N>& x) { return chain(primitives::Asin{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> acos(const Dual<X, N>& x) { return chain(primitives::Acos{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> atan(const Dual<X, N>& x) { return chain(primitives::Atan{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> sinh(const Dual<X, N>& x) { return chain(primitives::Sinh{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> cosh(const Dual<X, N>& x) { return chain(primitives::Cosh{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> tanh(const Dual<X, N>& x) { return chain(primitives::Tanh{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> erf(const Dual<X, N>& x) { return chain(primitives::Erf{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> ndtr(const Dual<X, N>& x) { return chain(primitives::Ndtr{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> sigmoid(const Dual<X, N>& x) { return chain(primitives::Sigmoid{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> relu(const Dual<X, N>& x) { return chain(primitives::Relu{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> softplus(const Dual<X, N>& x) { return chain(primitives::Softplus{}, x); }
// clang-format on

}  // namespace xgrad
