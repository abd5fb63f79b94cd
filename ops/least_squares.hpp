#pragma once

// Least squares and pseudo-inverses of any matrices, also of deficient rank, by their singular
// values.
//
// Singular values up to `relative_tolerance` of the largest count as 0, and the rank is how many do
// not. Gradients are those at constant rank: exact where the matrix has full rank, and otherwise
// for changes that keep the rank, as the pseudo-inverse jumps with it. Of a square or full-rank
// matrix that is all there is to say.
//
// Throws, all of them: std::invalid_argument for less than two axes, a number that is not finite,
// and a tolerance outside [0, 1]; std::runtime_error where LAPACK does not converge.
//
// Source: Golub, Pereyra 1973, "The differentiation of pseudo-inverses and nonlinear least squares
// problems whose variables separate", equation (4.12).

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

struct LeastSquaresOptions {
  /// Negative: max(m, n) times the rounding unit of T (2^-52, 2^-23).
  double relative_tolerance = -1;
};

/// The x of the smallest norm among those that make |a x - b| smallest: x = pinv(a) b, without
/// forming the pseudo-inverse.
/// Shapes: a (..., m, n), b (..., m, p) -> (..., n, p); a vector b (m) -> (..., n). Batches
/// broadcast.
/// Gradient: with P = pinv(a) and r = b - a x, gb = P' gx =: y and
/// ga = -y x' + r (P y)' + (P' x) (gx - a' y)'.
/// Throws std::invalid_argument also for sizes that do not fit.
template <class T>
Tensor<T> lstsq(const Tensor<T>& a, const Tensor<T>& b, LeastSquaresOptions options = {});

/// The pseudo-inverse (Moore, Penrose).
/// Shapes: (..., m, n) -> (..., n, m).
/// Gradient: ga = -P' gP P' + (1 - a P) gP' P P' + P' P gP' (1 - P a).
template <class T>
Tensor<T> pinv(const Tensor<T>& a, LeastSquaresOptions options = {});

}  // namespace xgrad
