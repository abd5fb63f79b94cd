#pragma once

// Solving with factors that are there, as an operation on the tape. Internal; users have solve.hpp
// and cholesky.hpp.

#include "xgrad/kernels/matrix_batch.hpp"
#include "xgrad/ops/matrices.hpp"
#include "xgrad/ops/solve.hpp"

namespace xgrad::detail {

using kernels::Factored;

/// L of each a (..., n, n) = L L^T, from the lower triangles; not recorded. Throws
/// std::invalid_argument beginning with `operation`: not finite, not positive definite.
template <class T>
Tensor<T> cholesky_factor(const char* operation, const Tensor<T>& a);

/// The LU factors of a (..., n, n) as (..., n + 1, n); not recorded. Throws std::invalid_argument
/// when not finite and, unless it is allowed, singular.
template <class T>
Tensor<T> lu_factor(const char* operation, const Tensor<T>& a, bool allow_singular = false);

/// x of a x = b by LU, recorded; b (..., n, k) and a have the same batch axes. Throws as `solve`.
template <class T>
Tensor<T> solve_general(const char* operation, const Tensor<T>& a, const Tensor<T>& b);

/// a^-1, not recorded. Throws as `inverse`.
template <class T>
Tensor<T> inverse_of(const char* operation, const Tensor<T>& a);

/// `inverse`, differentiable, for the operation named.
template <class T>
Tensor<T> recorded_inverse(const char* operation, const Tensor<T>& a);

/// x of op(a) x = b with the factor of a: b (..., n, k) and a have the same batch axes. Gradient:
/// as of `solve`, by a and b; the factor is a constant.
template <class T>
Tensor<T> solve_factored(const Tensor<T>& a, const Tensor<T>& b, const Tensor<T>& factor,
                         Factored kind);

/// triangular_solve without its checks, a and b with the same batch axes.
template <class T>
Tensor<T> solve_triangular(const Tensor<T>& a, const Tensor<T>& b, TriangularSolveOptions o);

/// Throws std::invalid_argument unless what is read of the triangle is finite, and its diagonal
/// without a 0.
template <class T>
void require_triangle(const char* operation, const char* name, const Tensor<T>& a,
                      TriangularSolveOptions o);

/// A matrix and right-hand sides as the operations above take them: checked, b with at least two
/// axes and the batch axes of a. A single matrix meets a batch as one matrix with more columns, or
/// rows on the right.
template <class T>
class System {
 public:
  System(const char* operation, const char* name, const Tensor<T>& a, const Tensor<T>& b,
         bool left = true);

  const Tensor<T>& a() const { return a_; }
  const Tensor<T>& b() const { return b_; }
  /// x of the shape of b() as the caller of `solve` expects it.
  Tensor<T> solution(const Tensor<T>& x) const;

 private:
  Tensor<T> a_, b_;
  Shape shape_;  // of the solution, with two axes more than the batch
  bool vector_ = false;
  bool folded_ = false;  // the batch is among the columns
};

}  // namespace xgrad::detail
