#pragma once

// sin, cos, tan and their inverses on packs. Bounds of the errors: docs/precision.md.
//
// For float they are xsimd's, as the inverses are; its sin, cos and tan of doubles lose half their
// places beside the multiples of pi/2, and more.

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "xgrad/kernels/functions/exponentials.hpp"
#include "xgrad/kernels/functions/polynomials.hpp"
#include "xgrad/kernels/pack.hpp"

namespace xgrad {
namespace detail {

/// f of each lane.
template <class A, class F>
[[gnu::noinline]] Pack<double, A> lanes(Pack<double, A> x, F f) {
  alignas(64) double lane[Pack<double, A>::size];
  x.store(lane);
  for (double& v : lane) v = f(v);
  return Pack<double, A>::load(lane);
}

/// x = k pi/2 + r, |r| <= pi/4, for |x| <= kEnd; sine and cosine of r. pi/2 is the sum of three
/// numbers. Where products are rounded, two of them have 33 bits, so that theirs are exact.
template <class A>
struct Turns {
  using P = Pack<double, A>;
  using B = PackBits<double, A>;
  static constexpr double kEnd = 1e5;

  B k;
  P sine, cosine;

  /// `offset` is added to k.
  [[gnu::always_inline]] explicit Turns(P x, int offset = 0) {
    const P whole(0x1.8p52 + offset), sum = multiply_add(x, P(0.63661977236758134), whole);
    const P n = sum - whole;
    k = bits(sum);
    P first, step, last;  // n pi/2 = (x - first) + step + last
    if constexpr (kFused<A>) {
      const P middle(0x1.1a62633145c07p-54);
      first = multiply_add(-n, P(0x1.921fb54442d18p0), x);
      step = n * middle;
      last = multiply_add(n, P(-0x1.f1976b7ed8fbcp-110), multiply_add(n, middle, -step));
    } else {
      first = x - n * 0x1.921fb544p0;
      step = n * 0x1.0b4611a6p-34;
      last = n * 0x1.3198a2e037073p-69;
    }
    // `over` is what r has too much: this way round -0 remains.
    const P second = first - step, r = second - last, over = step - (first - second);
    const P z = r * r;
    sine = r - (over - r * z * polynomial(z, SinPolynomial::c));
    const P most = multiply_add(z, polynomial(z, CosPolynomial::c), P(-0.5));
    cosine = multiply_add(z, most, P(1));
  }
  /// Whether k is odd.
  [[gnu::always_inline]] PackMask<double, A> odd() const {
    const B sign = k << 63;
#if defined(__AVX512F__)
    if constexpr (kScales<A>) return {xsimd::batch_bool<double, A>(_mm512_movepi64_mask(sign))};
#endif
#if defined(__AVX2__)
    if constexpr (kFused<A> && !kScales<A>) {  // selections look at the sign alone
      return {xsimd::batch_bool<double, A>(from_bits<double, A>(sign).raw)};
    }
#endif
    return from_bits<double, A>(sign | bits(P(1))) < P(0);
  }
  /// The sine of x + offset pi/2.
  [[gnu::always_inline]] P result() const {
    return from_bits<double, A>(bits(where(odd(), cosine, sine)) ^ ((k >> 1) << 63));
  }
};

}  // namespace detail

template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> sin(Pack<T, A> x) {
  if constexpr (sizeof(T) == 4) {
    return xsimd::sin(x.raw);
  } else {
    using Turns = detail::Turns<A>;
    const auto near = abs(x) <= Pack<T, A>(Turns::kEnd);
    const Pack<T, A> y = Turns(x).result();
    if (all(near)) return y;
    return where(near, y, detail::lanes(x, [](double v) { return std::sin(v); }));
  }
}
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> cos(Pack<T, A> x) {
  if constexpr (sizeof(T) == 4) {
    return xsimd::cos(x.raw);
  } else {
    using Turns = detail::Turns<A>;
    const auto near = abs(x) <= Pack<T, A>(Turns::kEnd);
    const Pack<T, A> y = Turns(x, 1).result();
    if (all(near)) return y;
    return where(near, y, detail::lanes(x, [](double v) { return std::cos(v); }));
  }
}
/// sin(r) / cos(r) after an even number of quarter turns, -cos(r) / sin(r) after an odd one.
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> tan(Pack<T, A> x) {
  if constexpr (sizeof(T) == 4) {
    return xsimd::tan(x.raw);
  } else {
    using Turns = detail::Turns<A>;
    const auto near = abs(x) <= Pack<T, A>(Turns::kEnd);
    const Turns t(x);
    const auto odd = t.odd();
    const Pack<T, A> y = where(odd, t.cosine, t.sine) / where(odd, -t.sine, t.cosine);
    if (all(near)) return y;
    return where(near, y, detail::lanes(x, [](double v) { return std::tan(v); }));
  }
}

template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> asin(Pack<T, A> x) {
  return xsimd::asin(x.raw);
}
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> acos(Pack<T, A> x) {
  return xsimd::acos(x.raw);
}
template <class T, class A>
[[gnu::always_inline]] inline Pack<T, A> atan(Pack<T, A> x) {
  return xsimd::atan(x.raw);
}

}  // namespace xgrad
