#pragma once

// Singular values and vectors of any matrices, by LAPACK (gesdd), their gradients also where
// singular values are equal or 0, and what follows from singular values.
//
// Throws, all of them: std::invalid_argument for less than two axes and for a number that is not
// finite; std::runtime_error where LAPACK does not converge.

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

template <class T>
struct Svd {
  Tensor<T> u;   ///< (..., m, k), k = min(m, n): column i belongs to value i
  Tensor<T> s;   ///< (..., k), descending
  Tensor<T> vh;  ///< (..., k, n): row i belongs to value i
};

/// a = u diag(s) vh, thin. Of each column of u the largest component is positive; of several as
/// large, within a thousandth, the first one.
/// Shapes: (..., m, n) -> (..., m, k), (..., k), (..., k, n) with k = min(m, n).
/// Gradient: ga = U (C + diag(gs)) V' + (1 - U U') gU diag(1 / s) V' + U diag(1 / s) gV' (1 - V V')
/// with C_ij = (A + B)_ij / (2 (s_j - s_i)) + (A - B)_ij / (2 (s_j + s_i)), A and B the differences
/// of U' gU and V' gV and their transposes.
///
/// Singular values that differ by rounding count as equal, those that are no more than rounding of
/// the largest as 0; their vectors are some basis. What does not depend on the choice gets the
/// right gradient, whatever it is composed of: u vh of a matrix of full rank, u diag(f(s)) vh with
/// f odd and smooth. For how, and for what throws std::invalid_argument in the backward pass, see
/// eigh. Where only the values matter and the function is not smooth, equal values share their
/// gradients evenly, and those that are 0 have the derivative 0.
///
/// Source: Townsend 2016, "Differentiating the singular value decomposition"; for equal values see
/// ops/ties.hpp.
template <class T>
Svd<T> svd(const Tensor<T>& a);

/// The singular values alone, descending; the vectors are computed when a gradient is wanted.
/// Shapes: (..., m, n) -> (..., min(m, n)).
/// Gradient: ga = U diag(gs) V', where equal values share theirs evenly and those that are 0 have
/// none.
template <class T>
Tensor<T> svdvals(const Tensor<T>& a);

enum class MatrixNorm {
  frobenius,  ///< the root of the sum of squares
  nuclear,    ///< the sum of the singular values
  spectral    ///< the largest singular value
};

/// A norm of each matrix; 0 of an empty one.
/// Shapes: (..., m, n) -> (...).
/// Gradient: of frobenius gy a / y, 0 at y = 0; of nuclear gy U V' without the vectors of values
/// that are 0; of spectral gy u v', shared evenly between equal largest values.
template <class T>
Tensor<T> matrix_norm(const Tensor<T>& a, MatrixNorm norm = MatrixNorm::frobenius);

/// The condition number in the spectral norm: largest by smallest singular value, infinite for a
/// singular matrix. No gradient: a constant.
/// Shapes: (..., m, n) -> (...). Throws std::invalid_argument also for an empty matrix.
template <class T>
Tensor<T> cond(const Tensor<T>& a);

struct RankOptions {
  /// Singular values up to this part of the largest count as 0; negative: max(m, n) times the
  /// rounding unit of T (2^-52, 2^-23).
  double relative_tolerance = -1;
};

/// The number of singular values that are not 0, with `relative_tolerance` in [0, 1].
/// Shapes: (..., m, n) -> (...).
template <class T>
Indices matrix_rank(const Tensor<T>& a, RankOptions options = {});

}  // namespace xgrad
