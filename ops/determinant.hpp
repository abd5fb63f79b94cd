#pragma once

// Determinants. That of a symmetric positive definite matrix is in cholesky.hpp.

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

/// The determinant, by LU; 1 of an empty matrix.
/// Shapes: (..., n, n) -> (...). Gradient: ga = gy times the cofactors, y a^-T where a is regular,
/// and right to any order where it is not: singular values below sqrt(epsilon) of the largest one
/// are taken out of the matrix first, and their share is a polynomial; cofactors are right also where
/// the determinant is beyond the range of T. Throws
/// std::invalid_argument: not square, not finite.
template <class T>
Tensor<T> det(const Tensor<T>& a);

/// A determinant beyond the range of T: sign * exp(logarithm).
template <class T>
struct SignedLogarithm {
  Tensor<T> sign;       ///< -1, 0 or 1; a constant
  Tensor<T> logarithm;  ///< of the absolute value; -inf where the matrix is singular
};

/// Sign and logarithm of the determinant, by LU.
/// Shapes: (..., n, n) -> (...) both. Gradient of the logarithm: ga = gy a^-T; at a singular matrix
/// there is none, and the backward pass throws std::invalid_argument. Throws std::invalid_argument:
/// not square, not finite.
template <class T>
SignedLogarithm<T> slogdet(const Tensor<T>& a);

}  // namespace xgrad
