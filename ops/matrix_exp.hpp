#pragma once

// The exponential of a matrix.

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

/// e^a = 1 + a + a^2 / 2 + ..., by scaling and squaring, in double whatever T is.
/// Shapes: (..., n, n) -> (..., n, n).
/// Gradient: the derivative of the exponential at a' along gy, which is the upper right block of
/// the exponential of ((a', gy), (0, a')); of any order, at any eigenvalues.
/// Throws std::invalid_argument: less than two axes, not square, a number that is not finite.
/// Source: Al-Mohy, Higham 2009, "A new scaling and squaring algorithm for the matrix exponential";
/// the block: Mathias 1996, "A chain rule for matrix functions and applications".
template <class T>
Tensor<T> matrix_exp(const Tensor<T>& a);

}  // namespace xgrad
