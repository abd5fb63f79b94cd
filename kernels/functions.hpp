#pragma once

// The functions of packs, all of them.

#include <cmath>
#include <cstddef>

#include "xgrad/kernels/functions/error_functions.hpp"
#include "xgrad/kernels/functions/exponentials.hpp"
#include "xgrad/kernels/functions/gates.hpp"
#include "xgrad/kernels/functions/logarithms.hpp"
#include "xgrad/kernels/functions/trigonometry.hpp"
#include "xgrad/kernels/pack.hpp"

namespace xgrad {

template <class A>
void detail::powers(float* x, const float* y) {
  using Half = Pack<double, A>;
  constexpr std::size_t kSize = Pack<float, A>::size;
  alignas(64) double base[kSize], exponent[kSize];
  for (std::size_t i = 0; i < kSize; ++i) {
    base[i] = std::abs(x[i]);
    exponent[i] = y[i];
  }
  for (std::size_t i = 0; i < kSize; i += Half::size) {
    exp(Half::load(exponent + i) * log(Half::load(base + i))).store(base + i);
  }
  for (std::size_t i = 0; i < kSize; ++i) x[i] = static_cast<float>(base[i]);
}

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
/// max(x, 0); NaN for NaN.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> relu(Pack<T, A> x) {
  return where(x <= Pack<T, A>(0), Pack<T, A>(0), x);
}

}  // namespace xgrad
