#pragma once

// Factorisations and systems of equations for batches of row-major matrices, one behind the other:
// small ones many at a time (small_matrices.hpp), others by LAPACK, shared out over the library's
// threads. What is done to a matrix does not depend on the number of threads.

#include <cstddef>

#include "xgrad/kernels/lapack.hpp"
#include "xgrad/kernels/small_matrices.hpp"
#include "xgrad/kernels/triangular.hpp"

namespace xgrad::kernels {

using lapack::BatchOutcome;

// Where a matrix of up to kSmallMatrix rows is not finite, info is kNotFinite; larger ones must be
// finite.

/// How a factor is used. That of LU is what solve_lu leaves, and goes with the number of columns.
using Factored = SmallFactor;

/// Systems that are solved many at a time.
constexpr bool is_small(std::size_t n, std::size_t columns) {
  return n <= kSmallMatrix && columns <= kSmallMatrix;
}

/// l (count, n, n) of the lower triangles of a, 0 above the diagonal.
template <class T>
BatchOutcome factor_cholesky(std::size_t count, std::size_t n, const T* a, T* l);

/// ga (count, n, n), symmetric, from the gradient by l.
template <class T>
void cholesky_backward(std::size_t count, std::size_t n, const T* l, const T* gl,
                       SmallResult<T> ga);

/// lu (count, n + 1, n); a pivot that is 0 is told, and the factors are there all the same.
template <class T>
BatchOutcome factor_lu(std::size_t count, std::size_t n, const T* a, T* lu);

/// x (count, n, columns) = a^-1 b, and the factors, of as many numbers as this.
std::size_t lu_numbers(std::size_t count, std::size_t n, std::size_t columns);
template <class T>
BatchOutcome solve_lu(std::size_t count, std::size_t n, std::size_t columns, const T* a, const T* b,
                      T* factor, T* x);

/// x (count, n, columns) = op(A)^-1 b by the factors.
template <class T>
void solve_factored(Factored kind, std::size_t count, std::size_t n, std::size_t columns,
                    const T* factor, const T* b, T* x);

/// The backward pass of a system that is_small: see SmallSystemKernels.
template <class T>
void solve_backward(Factored kind, std::size_t count, std::size_t n, std::size_t columns,
                    const T* factor, const T* x, const T* gx, SmallResult<T> ga, SmallResult<T> gb);

/// x (count, m, n) = op(a)^-1 b, or b op(a)^-1.
template <class T>
void solve_triangle(TriangleUse use, std::size_t count, std::size_t m, std::size_t n, const T* a,
                    const T* b, T* x);

/// y (count, n, n) = a^-1.
template <class T>
BatchOutcome invert(std::size_t count, std::size_t n, const T* a, T* y);

/// The same from what factor_lu or factor_cholesky left.
template <class T>
void invert_factored(Factored kind, std::size_t count, std::size_t n, const T* factor, T* inverse);

/// ga = -y' gy y' for n up to kSmallMatrix.
template <class T>
void inverse_backward(std::size_t count, std::size_t n, const T* y, const T* gy, SmallResult<T> ga);

}  // namespace xgrad::kernels
