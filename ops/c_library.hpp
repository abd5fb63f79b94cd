#pragma once

// Functions of numbers in the C library that are no operations of xgrad: with a tensor they do not compile, and the compiler
// says what to write. Without these the C library's own would be chosen, and the error be about a tensor that is taken for a
// number. A function of yours with one of these names and Tensor<T> parameters is preferred. Internal: nobody
// calls them.

#include <type_traits>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

namespace detail {
template <class X>
concept AnyTensor = kIsTensor<X>;
/// The first tensor among them; nothing where none is one.
template <class X, class Y, class Z = void>
requires(kIsTensor<X> || kIsTensor<Y> || kIsTensor<Z>) using TensorAmong =
    std::conditional_t<kIsTensor<X>, X, std::conditional_t<kIsTensor<Y>, Y, Z>>;
}  // namespace detail

// clang-format off
// Refused while compiling: of one tensor.
template <detail::AnyTensor X> X acosh(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no acosh of tensors: write log(x + sqrt(x - 1) * sqrt(x + 1))"); return x; }
template <detail::AnyTensor X> X asinh(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no asinh of tensors: write sign(x) * log1p(abs(x) + square(x) / (1 + sqrt(1 + square(x))))"); return x; }
template <detail::AnyTensor X> X atanh(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no atanh of tensors: write 0.5 * (log1p(x) - log1p(-x))"); return x; }
template <detail::AnyTensor X> X cbrt(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no cbrt of tensors: write sign(x) * pow(abs(x), 1.0 / 3)"); return x; }
template <detail::AnyTensor X> X erfc(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no erfc of tensors: write 2 * ndtr(-std::sqrt(2.0) * x)"); return x; }
template <detail::AnyTensor X> X exp2(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no exp2 of tensors: write pow(2, x)"); return x; }
template <detail::AnyTensor X> X exp10(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no exp10 of tensors: write pow(10, x)"); return x; }
template <detail::AnyTensor X> X fabs(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no fabs of tensors: write abs(x)"); return x; }
template <detail::AnyTensor X> X log2(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no log2 of tensors: write log(x) / std::log(2.0)"); return x; }
template <detail::AnyTensor X> X log10(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no log10 of tensors: write log(x) / std::log(10.0)"); return x; }
template <detail::AnyTensor X> X lrint(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no lrint of tensors: write round(x)"); return x; }
template <detail::AnyTensor X> X llrint(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no llrint of tensors: write round(x)"); return x; }
template <detail::AnyTensor X> X lround(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no lround of tensors: write sign(x) * floor(abs(x) + 0.5)"); return x; }
template <detail::AnyTensor X> X llround(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no llround of tensors: write sign(x) * floor(abs(x) + 0.5)"); return x; }
template <detail::AnyTensor X> X nearbyint(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no nearbyint of tensors: write round(x)"); return x; }
template <detail::AnyTensor X> X rint(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no rint of tensors: write round(x)"); return x; }
template <detail::AnyTensor X> X tgamma(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no tgamma of tensors: write exp(lgamma(x)), for x > 0"); return x; }
template <detail::AnyTensor X> X trunc(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no trunc of tensors: write sign(x) * floor(abs(x))"); return x; }
template <detail::AnyTensor X> X ilogb(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no ilogb of tensors: it is of single numbers, x.item(i, j)"); return x; }
template <detail::AnyTensor X> X logb(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no logb of tensors: it is of single numbers, x.item(i, j)"); return x; }
template <detail::AnyTensor X> X signbit(const X& x) { static_assert(detail::kNever<X>, "xgrad: there is no signbit of tensors: it is of single numbers, x.item(i, j)"); return x; }
// Refused while compiling: of two, or of a tensor and a number.
template <class X, class Y> detail::TensorAmong<X, Y> copysign(const X&, const Y&) { static_assert(detail::kNever<X>, "xgrad: there is no copysign of tensors: write where(y < 0, -abs(x), abs(x))"); return {}; }
template <class X, class Y> detail::TensorAmong<X, Y> fdim(const X&, const Y&) { static_assert(detail::kNever<X>, "xgrad: there is no fdim of tensors: write relu(x - y)"); return {}; }
template <class X, class Y> detail::TensorAmong<X, Y> fmax(const X&, const Y&) { static_assert(detail::kNever<X>, "xgrad: there is no fmax of tensors: write maximum(x, y), where a NaN stays one"); return {}; }
template <class X, class Y> detail::TensorAmong<X, Y> fmin(const X&, const Y&) { static_assert(detail::kNever<X>, "xgrad: there is no fmin of tensors: write minimum(x, y), where a NaN stays one"); return {}; }
template <class X, class Y> detail::TensorAmong<X, Y> fmod(const X&, const Y&) { static_assert(detail::kNever<X>, "xgrad: there is no fmod of tensors: write x - y * floor(x / y), which has the sign of y"); return {}; }
template <class X, class Y> detail::TensorAmong<X, Y> hypot(const X&, const Y&) { static_assert(detail::kNever<X>, "xgrad: there is no hypot of tensors: write sqrt(square(x) + square(y))"); return {}; }
template <class X, class Y> detail::TensorAmong<X, Y> ldexp(const X&, const Y&) { static_assert(detail::kNever<X>, "xgrad: there is no ldexp of tensors: write x * pow(2, y)"); return {}; }
template <class X, class Y> detail::TensorAmong<X, Y> remainder(const X&, const Y&) { static_assert(detail::kNever<X>, "xgrad: there is no remainder of tensors: write x - y * round(x / y)"); return {}; }
template <class X, class Y> detail::TensorAmong<X, Y> scalbn(const X&, const Y&) { static_assert(detail::kNever<X>, "xgrad: there is no scalbn of tensors: write x * pow(2, y)"); return {}; }
template <class X, class Y> detail::TensorAmong<X, Y> scalbln(const X&, const Y&) { static_assert(detail::kNever<X>, "xgrad: there is no scalbln of tensors: write x * pow(2, y)"); return {}; }
template <class X, class Y> detail::TensorAmong<X, Y> nextafter(const X&, const Y&) { static_assert(detail::kNever<X>, "xgrad: there is no nextafter of tensors: it is of single numbers, x.item(i, j)"); return {}; }
template <class X, class Y> detail::TensorAmong<X, Y> nexttoward(const X&, const Y&) { static_assert(detail::kNever<X>, "xgrad: there is no nexttoward of tensors: it is of single numbers, x.item(i, j)"); return {}; }
// Refused while compiling: what gives a second result by a pointer, and of three.
template <detail::AnyTensor X, class P> X modf(const X& x, P*) { static_assert(detail::kNever<X>, "xgrad: there is no modf of tensors: write sign(x) * floor(abs(x)), and x minus that"); return x; }
template <detail::AnyTensor X> X frexp(const X& x, int*) { static_assert(detail::kNever<X>, "xgrad: there is no frexp of tensors: it is of single numbers, x.item(i, j)"); return x; }
template <class X, class Y, class Z> detail::TensorAmong<X, Y, Z> fma(const X&, const Y&, const Z&) { static_assert(detail::kNever<X>, "xgrad: there is no fma of tensors: write x * y + z, or map with a formula"); return {}; }
// clang-format on

}  // namespace xgrad
