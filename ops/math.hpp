#pragma once

// Functions of one number, applied to each element: (any shape) -> the same shape. Each is a
// primitive with its own fused kernels; the derivatives are in kernels/formulas. NaN gives NaN.
//
// Errors are in units of the last place of the exact value and hold over the whole range, for float
// and double: docs/precision.md has them by type and instruction set.

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/ops/c_library.hpp"

namespace xgrad {

/// e^x. Gradient: gx = gy e^x. Error: 1.4.
template <class T>
Tensor<T> exp(const Tensor<T>& x);
/// e^x - 1, accurate near 0. Gradient: gx = gy e^x. Error: 1.8.
template <class T>
Tensor<T> expm1(const Tensor<T>& x);
/// Natural logarithm; NaN below 0, -inf at 0. Gradient: gx = gy / x. Error: 0.9.
template <class T>
Tensor<T> log(const Tensor<T>& x);
/// log(1 + x), accurate near 0. Gradient: gx = gy / (1 + x). Error: 0.9.
template <class T>
Tensor<T> log1p(const Tensor<T>& x);
/// Square root; NaN below 0. Gradient: gx = gy / (2 sqrt x), infinite at 0.
template <class T>
Tensor<T> sqrt(const Tensor<T>& x);
/// 1 / sqrt(x). Gradient: gx = -gy / (2 x sqrt x). Error: 1.7.
template <class T>
Tensor<T> rsqrt(const Tensor<T>& x);
/// x^2. Gradient: gx = 2 gy x.
template <class T>
Tensor<T> square(const Tensor<T>& x);
/// 1 / x. Gradient: gx = -gy / x^2.
template <class T>
Tensor<T> reciprocal(const Tensor<T>& x);
/// |x|. Gradient: gx = gy sign(x), 0 at 0.
template <class T>
Tensor<T> abs(const Tensor<T>& x);
/// -1, 0 or 1. Gradient: 0 everywhere.
template <class T>
Tensor<T> sign(const Tensor<T>& x);
/// Sine of x in radians. Gradient: gx = gy cos x. Error: 1.9.
template <class T>
Tensor<T> sin(const Tensor<T>& x);
/// Cosine of x in radians. Gradient: gx = -gy sin x. Error: 1.8.
template <class T>
Tensor<T> cos(const Tensor<T>& x);
/// Tangent of x in radians. Gradient: gx = gy (1 + tan^2 x). Error: 3.
template <class T>
Tensor<T> tan(const Tensor<T>& x);
/// Arc sine, in [-pi/2, pi/2]; NaN outside [-1, 1]. Gradient: gx = gy / sqrt(1 - x^2). Error: 2.4.
template <class T>
Tensor<T> asin(const Tensor<T>& x);
/// Arc cosine, in [0, pi]; NaN outside [-1, 1]. Gradient: gx = -gy / sqrt(1 - x^2). Error: 1.4.
template <class T>
Tensor<T> acos(const Tensor<T>& x);
/// Arc tangent, in [-pi/2, pi/2]. Gradient: gx = gy / (1 + x^2). Error: 2.3.
template <class T>
Tensor<T> atan(const Tensor<T>& x);
/// Hyperbolic sine. Gradient: gx = gy cosh x. Error: 1.7.
template <class T>
Tensor<T> sinh(const Tensor<T>& x);
/// Hyperbolic cosine. Gradient: gx = gy sinh x. Error: 1.6.
template <class T>
Tensor<T> cosh(const Tensor<T>& x);
/// Hyperbolic tangent. Gradient: gx = gy / cosh^2 x. Error: 1.4.
template <class T>
Tensor<T> tanh(const Tensor<T>& x);
/// Error function. Gradient: gx = gy 2/sqrt(pi) exp(-x^2). Error: 1.8.
template <class T>
Tensor<T> erf(const Tensor<T>& x);
/// Normal distribution function, (1 + erf(x / sqrt 2)) / 2; where it is small it keeps its relative
/// precision, which the sum loses. Gradient: gx = gy exp(-x^2/2) / sqrt(2 pi). Error: 4.5.
template <class T>
Tensor<T> ndtr(const Tensor<T>& x);
/// The largest integer not above x. Gradient: 0 everywhere.
template <class T>
Tensor<T> floor(const Tensor<T>& x);
/// The smallest integer not below x. Gradient: 0 everywhere.
template <class T>
Tensor<T> ceil(const Tensor<T>& x);
/// The nearest integer; halfway between two the even one. Gradient: 0 everywhere.
template <class T>
Tensor<T> round(const Tensor<T>& x);
/// 1 / (1 + e^-x). Gradient: gx = gy logistic_density(x). Error: 2.2.
template <class T>
Tensor<T> sigmoid(const Tensor<T>& x);
/// sigmoid(x) sigmoid(-x), the slope of sigmoid, also where sigmoid(x) is all but 0 or 1. Gradient:
/// gx = -gy y tanh(x / 2).
template <class T>
Tensor<T> logistic_density(const Tensor<T>& x);
/// max(x, 0). Gradient: gx = gy where x > 0, else 0 (0 at 0).
template <class T>
Tensor<T> relu(const Tensor<T>& x);
/// log(1 + e^x), without overflow. Gradient: gx = gy sigmoid(x). Error: 1.9.
template <class T>
Tensor<T> softplus(const Tensor<T>& x);
/// log(1 + exp(beta x)) / beta. Throws std::invalid_argument unless beta > 0, finite.
template <class T>
Tensor<T> softplus(const Tensor<T>& x, std::type_identity_t<T> beta);

}  // namespace xgrad
