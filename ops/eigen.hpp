#pragma once

// Eigenvalues and eigenvectors of symmetric matrices, by LAPACK (syevd), and their gradients also
// where eigenvalues are equal.
//
// The lower triangle is read, the other one may hold anything; gradients are symmetric, those of a
// function of (a + a') / 2. Throws, all of them: std::invalid_argument for less than two axes, a
// matrix that is not square, and a number in the lower triangle that is not finite;
// std::runtime_error where LAPACK does not converge.

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

template <class T>
struct Eigh {
  Tensor<T> values;   ///< (..., n), ascending
  Tensor<T> vectors;  ///< (..., n, n): column i belongs to value i
};

/// a = vectors diag(values) vectors'. Of each vector the largest component is positive; of several
/// as large, within a thousandth, the first one.
/// Shapes: (..., n, n) -> (..., n), (..., n, n).
/// Gradient: ga = V (diag(gl) + (M - M') / (2 (l_j - l_i))) V' with M = V' gV.
///
/// Eigenvalues that differ by rounding count as equal; their vectors are some basis. What does not
/// depend on the choice gets the right gradient, whatever it is composed of: V diag(exp(l)) V',
/// log det, a distance of projections. That takes a recorded pass down to here, and another one
/// from here; rules of custom functions on the way have to be written in tensor operations. Second
/// derivatives are right too, third ones refused. Where
/// only the values matter and the function is not smooth, such as one eigenvalue among equal ones,
/// equal values share their gradients evenly. What depends on the choice has no derivative: the
/// backward pass throws std::invalid_argument.
///
/// Source: Giles 2008, "Collected matrix derivative results for forward and reverse mode algorithmic
/// differentiation", section 3.1; for equal values see ops/ties.hpp.
template <class T>
Eigh<T> eigh(const Tensor<T>& a);

/// The eigenvalues alone, ascending; the vectors are computed when a gradient is wanted.
/// Shapes: (..., n, n) -> (..., n).
/// Gradient: ga = V diag(gl) V', where equal values share theirs evenly.
template <class T>
Tensor<T> eigvalsh(const Tensor<T>& a);

}  // namespace xgrad
