#pragma once

// Systems of linear equations and inverses, by LAPACK's factorisations.
//
// Matrices are the last two axes, those before them are batches and broadcast. A right-hand side
// with one axis is a vector, and so is the solution, (..., n); with more axes its last two are a
// matrix (..., n, k), so that a batch of vectors is (..., n, 1).
//
// Every number that is read must be finite, and no matrix singular: std::invalid_argument names the
// matrix. What counts as singular is a pivot, or a diagonal element, that is exactly 0; nothing is
// ever added to a matrix to make it better. Gradients can be differentiated to any order and use
// the factors of the forward pass, kept until then.

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

struct TriangularSolveOptions {
  bool upper = false;          ///< a is upper triangular; its other triangle is not read
  bool transpose = false;      ///< solve with the transpose of a
  bool unit_diagonal = false;  ///< the diagonal of a counts as 1 and is not read
  bool left = true;            ///< a x = b; otherwise x a = b, and b is a matrix
};

/// x of op(a) x = b, or of x op(a) = b, with a triangular a.
/// Shapes: a (..., n, n), b (n) or (..., n, k) -> as b; on the right b (..., k, n). Gradient: with
/// g = op(a)^-T gx, gb = g and ga = -g x^T (its transpose for a transposed a), 0 where a is not
/// read. Throws std::invalid_argument: shapes that do not fit, not finite, a 0 on the diagonal.
template <class T>
Tensor<T> triangular_solve(const Tensor<T>& a, const Tensor<T>& b,
                           TriangularSolveOptions options = {});

struct SolveOptions {
  bool spd = false;  ///< a is symmetric positive definite: only its lower triangle is read
};

/// x of a x = b: by LU with partial pivoting, or by Cholesky at half the cost.
/// Shapes: a (..., n, n), b (n) or (..., n, k) -> (..., n) or (..., n, k). Gradient: with g = a^-T
/// gx, gb = g and ga = -g x^T; ga is made symmetric for `spd`. Throws std::invalid_argument: shapes
/// that do not fit, not finite, a singular or not positive definite.
template <class T>
Tensor<T> solve(const Tensor<T>& a, const Tensor<T>& b, SolveOptions options = {});

/// a^-1. To multiply by it, `solve` is faster and more exact.
/// Shapes: (..., n, n) -> the same. Gradient: ga = -y^T gy y^T. Throws std::invalid_argument: not
/// square, not finite, singular.
template <class T>
Tensor<T> inverse(const Tensor<T>& a);

}  // namespace xgrad
