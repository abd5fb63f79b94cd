#pragma once

// Dual<X, N>: a number with its derivatives with respect to N inputs. Evaluating a formula on duals
// gives its value and partial derivatives in one pass. X is a Pack, or a Number where the product
// `times` of slopes has to be 0 when one of them is. Operations between a dual and a plain X treat
// X as constant.

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "xgrad/kernels/formulas/arithmetic.hpp"
#include "xgrad/kernels/formulas/elementary.hpp"
#include "xgrad/kernels/formulas/special.hpp"
#include "xgrad/kernels/formulas/trigonometry.hpp"
#include "xgrad/kernels/number.hpp"

namespace xgrad {

template <class T, class A>
struct Pack;
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> times(Pack<T, A> slope, Pack<T, A> x) {
  return slope * x;
}

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

  // The dual `value` whose partials are f(i). Not a loop: GCC leaves arrays that a loop walks
  // in memory.
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
          return times(b.value, a.partial[i]) + times(a.value, b.partial[i]);
        });
  }
  [[gnu::always_inline]] friend Dual operator*(const Dual& a, const X& b) {
    return make(
        a.value * b, [&](std::size_t i)
                         __attribute__((always_inline)) { return times(b, a.partial[i]); });
  }
  [[gnu::always_inline]] friend Dual operator*(const X& a, const Dual& b) { return b * a; }
  [[gnu::always_inline]] friend Dual operator/(const Dual& a, const Dual& b) {
    return chain(primitives::Divide{}, a, b);
  }
  [[gnu::always_inline]] friend Dual operator/(const Dual& a, const X& b) {
    return chain(primitives::Divide{}, a, b);
  }
  [[gnu::always_inline]] friend Dual operator/(const X& a, const Dual& b) {
    return chain(primitives::Divide{}, a, b);
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
    return chain(primitives::Maximum{}, a, b);
  }
  [[gnu::always_inline]] friend Dual maximum(const Dual& a, const X& b) {
    return chain(primitives::Maximum{}, a, b);
  }
  [[gnu::always_inline]] friend Dual maximum(const X& a, const Dual& b) {
    return chain(primitives::Maximum{}, a, b);
  }
  [[gnu::always_inline]] friend Dual minimum(const Dual& a, const Dual& b) {
    return chain(primitives::Minimum{}, a, b);
  }
  [[gnu::always_inline]] friend Dual minimum(const Dual& a, const X& b) {
    return chain(primitives::Minimum{}, a, b);
  }
  [[gnu::always_inline]] friend Dual minimum(const X& a, const Dual& b) {
    return chain(primitives::Minimum{}, a, b);
  }
  friend Dual pow(const Dual& x, const Dual& y) { return chain(primitives::Power{}, x, y); }
  friend Dual pow(const Dual& x, const X& y) { return chain(primitives::Power{}, x, y); }
  friend Dual pow(const X& x, const Dual& y) { return chain(primitives::Power{}, x, y); }

  // Against a number the flat side counts, as in relu.
  // clang-format off
  template <class S> requires(std::is_arithmetic_v<S>) [[gnu::always_inline]] friend Dual maximum(const Dual& a, S b) { return where(a <= X(b), X(b), a); }
  template <class S> requires(std::is_arithmetic_v<S>) [[gnu::always_inline]] friend Dual maximum(S a, const Dual& b) { return maximum(b, a); }
  template <class S> requires(std::is_arithmetic_v<S>) [[gnu::always_inline]] friend Dual minimum(const Dual& a, S b) { return where(a >= X(b), X(b), a); }
  template <class S> requires(std::is_arithmetic_v<S>) [[gnu::always_inline]] friend Dual minimum(S a, const Dual& b) { return minimum(b, a); }
  template <class S> requires(std::is_arithmetic_v<S>) friend Dual pow(const Dual& x, S y) { return static_cast<double>(y) == 0.5 ? sqrt(x) : pow(x, X(y)); }
  template <class S> requires(std::is_arithmetic_v<S>) friend Dual pow(S x, const Dual& y) { return pow(X(x), y); }
  // clang-format on
};

/// f(x), or f(x, y), by the chain rule, f being a primitive.
template <class F, class X, std::size_t N>
[[gnu::always_inline]] inline Dual<X, N> chain(const F& f, const Dual<X, N>& x) {
  const X y = f(x.value), slope = f.slope(x.value, y);
  return Dual<X, N>::make(
      y, [&](std::size_t i) __attribute__((always_inline)) { return times(slope, x.partial[i]); });
}
template <class F, class X, std::size_t N>
[[gnu::always_inline]] inline Dual<X, N> chain(const F& f, const Dual<X, N>& x,
                                               const Dual<X, N>& y) {
  const X z = f(x.value, y.value);
  const X by_x = f.by_first(x.value, y.value, z), by_y = f.by_second(x.value, y.value, z);
  return Dual<X, N>::make(
      z, [&](std::size_t i) __attribute__((always_inline)) {
        return times(by_x, x.partial[i]) + times(by_y, y.partial[i]);
      });
}
template <class F, class X, std::size_t N>
[[gnu::always_inline]] inline Dual<X, N> chain(const F& f, const Dual<X, N>& x, const X& y) {
  const X z = f(x.value, y), slope = f.by_first(x.value, y, z);
  return Dual<X, N>::make(
      z, [&](std::size_t i) __attribute__((always_inline)) { return times(slope, x.partial[i]); });
}
template <class F, class X, std::size_t N>
[[gnu::always_inline]] inline Dual<X, N> chain(const F& f, const X& x, const Dual<X, N>& y) {
  const X z = f(x, y.value), slope = f.by_second(x, y.value, z);
  return Dual<X, N>::make(
      z, [&](std::size_t i) __attribute__((always_inline)) { return times(slope, y.partial[i]); });
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
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> logistic_density(const Dual<X, N>& x) { return chain(primitives::LogisticDensity{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> relu(const Dual<X, N>& x) { return chain(primitives::Relu{}, x); }
template <class X, std::size_t N> [[gnu::always_inline]] inline Dual<X, N> softplus(const Dual<X, N>& x) { return chain(primitives::Softplus{}, x); }
// clang-format on

}  // namespace xgrad
