#pragma once

// Systems of equations with a factor at hand, one row-major matrix at a time: triangles, Cholesky
// factors, and LU factors. On OpenBLAS, on the thread that calls; how factors are made is in
// lapack.hpp.

#include <cstddef>

namespace xgrad::kernels {

/// How a triangular matrix is used.
struct TriangleUse {
  bool upper = false;      ///< its elements are above the diagonal; the others are not read
  bool transpose = false;  ///< its transpose is what is solved with
  bool unit = false;       ///< the diagonal is 1 and not read
  bool left = true;        ///< op(a) x = b; otherwise x op(a) = b
};

/// b (m, n), contiguous, becomes x. a is (m, m) on the left, (n, n) on the right.
template <class T>
void solve_triangle(TriangleUse use, std::size_t m, std::size_t n, const T* a, T* b);

/// b (n, columns) becomes (L L')^-1 b.
template <class T>
void solve_cholesky(std::size_t n, std::size_t columns, const T* l, T* b);

/// Factors of a general matrix: n rows of what LAPACK's getrf makes of the transpose, and a row of
/// the pivots, as numbers.
constexpr std::size_t lu_rows(std::size_t n) { return n + 1; }

/// lu (n + 1, n) of a (n, n). 0, or which pivot is exactly 0, counted from 1: then the factors are
/// there and cannot be solved with.
template <class T>
std::size_t factor_lu(std::size_t n, const T* a, T* lu);

/// b (n, columns) becomes A^-1 b, or A'^-1 b.
template <class T>
void solve_lu(bool transpose, std::size_t n, std::size_t columns, const T* lu, T* b);

/// inverse (n, n) of the matrix behind lu.
template <class T>
void invert_lu(std::size_t n, const T* lu, T* inverse);

/// inverse (n, n), both triangles, of L L'.
template <class T>
void invert_cholesky(std::size_t n, const T* l, T* inverse);

/// The lower triangle of a (n, n) becomes L with A = L L', what is above the diagonal 0. 0, or the
/// order of the first leading minor that is not positive.
template <class T>
std::size_t factor_cholesky(std::size_t n, T* a);

/// The backward pass of factor_cholesky: g (n, n) has the gradient by L in its lower triangle, and
/// becomes the gradient by A, symmetric: half of that of an element below the diagonal on either
/// side. In 2/3 n^3 multiplications and additions, most of them in products of large blocks.
/// Source: I. Murray, Differentiation of the Cholesky decomposition, 2016, section 3; here the
/// blocks are halves, and halves of halves.
template <class T>
void cholesky_backward(std::size_t n, const T* l, T* g);

}  // namespace xgrad::kernels
