#pragma once

// Cholesky factors of symmetric positive definite matrices, and what is computed with them.
//
// Matrices are the last two axes, those before them are batches. Only one triangle of a matrix is
// read: the lower one, or the upper one for an upper factor; that the other one mirrors it is up to
// the caller. The gradient by such a matrix is symmetric, half of what an element of the triangle
// counts for on either side: right for every symmetric change.
//
// Every number that is read must be finite. Nothing is ever added to a diagonal: a matrix that is
// not positive definite in the arithmetic of T is refused, naming the first leading minor that is
// not positive. Differentiable to any order.

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

struct CholeskyOptions {
  bool upper = false;  ///< u with u^T u = a instead of l with l l^T = a
};

/// The triangular l, with a positive diagonal, of a = l l^T.
/// Shapes: (..., n, n) -> the same. Gradient: ga = sym(l^-T P l^-1), P the lower triangle of l^T gl
/// with half of its diagonal. Throws std::invalid_argument: not square, not finite, not positive
/// definite. Source: I. Murray, Differentiation of the Cholesky decomposition, 2016.
template <class T>
Tensor<T> cholesky(const Tensor<T>& a, CholeskyOptions options = {});

/// x of a x = b by the factor of a, as `cholesky` returns it: two triangular systems.
/// Shapes: factor (..., n, n), b (n) or (..., n, k) -> (..., n) or (..., n, k), see solve.hpp.
/// Gradient: by the factor, 0 in its other triangle, and by b. Throws std::invalid_argument: shapes
/// that do not fit, not finite, a 0 on the diagonal.
template <class T>
Tensor<T> cholesky_solve(const Tensor<T>& factor, const Tensor<T>& b, CholeskyOptions options = {});

/// The logarithm of the determinant of a symmetric positive definite matrix, 2 sum log l_ii.
/// Shapes: (..., n, n) -> (...). Gradient: ga = gy a^-1. Throws std::invalid_argument: not square,
/// not finite, not positive definite. With a factor at hand: 2 * sum(log(diagonal(l))).
template <class T>
Tensor<T> logdet(const Tensor<T>& a);

}  // namespace xgrad
