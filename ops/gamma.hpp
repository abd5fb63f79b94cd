#pragma once

// The gamma function's logarithm and its derivatives, applied to each element: (any shape) -> the
// same shape. Operations with kernels of their own, which compute in double, one number at a time;
// docs/precision.md has their errors. NaN gives NaN.

#include <cstddef>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

/// log |gamma(x)|; infinite at 0 and negative integers. Gradient: gx = gy digamma(x).
template <class T>
Tensor<T> lgamma(const Tensor<T>& x);

/// The derivative of lgamma. -infinity at 0, infinity at -0, NaN at negative integers. Gradient: gx =
/// gy polygamma(1, x).
template <class T>
Tensor<T> digamma(const Tensor<T>& x);

/// The n-th derivative of digamma; n = 1: trigamma. At 0 and negative integers infinity for odd n,
/// NaN for even ones, which at 0 have the value of digamma. Gradient: gx = gy polygamma(n + 1, x).
/// Throws std::invalid_argument for n above 100.
template <class T>
Tensor<T> polygamma(std::size_t n, const Tensor<T>& x);

}  // namespace xgrad
