#pragma once

// Factorisations and systems of equations for batches of row-major matrices, one behind the other:
// small ones many at a time (small_matrices.hpp), others by LAPACK, shared out over the library's
// threads. What is done to a matrix does not depend on the number of threads.

#include <cstddef>

#include "xgrad/kernels/lapack.hpp"
#include "xgrad/kernels/triangular.hpp"

namespace xgrad::kernels {

using lapack::BatchOutcome;

enum class Factored { lu, lu_transposed, cholesky };

/// Rows of the factor of an (n, n) matrix.
constexpr std::size_t factor_rows(Factored kind, std::size_t n) {
  return kind == Factored::cholesky ? n : lu_rows(n);
}

/// l (count, n, n) of the lower triangles of a, 0 above the diagonal.
template <class T>
BatchOutcome factor_cholesky(std::size_t count, std::size_t n, const T* a, T* l);

/// ga (count, n, n), symmetric, from the gradient by l.
template <class T>
void cholesky_backward(std::size_t count, std::size_t n, const T* l, const T* gl, T* ga);

/// lu (count, n + 1, n); a pivot that is 0 is told, and the factors are there all the same.
template <class T>
BatchOutcome factor_lu(std::size_t count, std::size_t n, const T* a, T* lu);

/// x (count, n, columns) = op(A)^-1 b by the factors.
template <class T>
void solve_factored(Factored kind, std::size_t count, std::size_t n, std::size_t columns,
                    const T* factor, const T* b, T* x);

/// x (count, m, n) = op(a)^-1 b, or b op(a)^-1.
template <class T>
void solve_triangle(TriangleUse use, std::size_t count, std::size_t m, std::size_t n, const T* a,
                    const T* b, T* x);

/// inverse (count, n, n) of the matrices behind the factors, of `lu` or `cholesky`.
template <class T>
void invert_factored(Factored kind, std::size_t count, std::size_t n, const T* factor, T* inverse);

}  // namespace xgrad::kernels
