#pragma once

// Products of matrices and vectors other than matmul: Kronecker's, the cross product, powers.
// Composed of products and sums of other operations, in which their gradients are written.
// Products along any axes are in einsum.hpp.

#include <cstddef>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

/// Kronecker's product of matrices: block (i, j) is a[i, j] b. Shapes: a (m, n), b (p, q) -> (m p,
/// n q). A vector counts as one row, and two vectors give a vector. Axes before the last two are
/// batches and broadcast; NumPy's kron multiplies their sizes as well. Gradient: ga[i, j] = sum of
/// block (i, j) of gy times b, likewise gb. Throws std::invalid_argument: a scalar, batches that do
/// not fit.
template <class T>
Tensor<T> kron(const Tensor<T>& a, const Tensor<T>& b);

/// The vector product of vectors of 3 elements along an axis; the shapes broadcast. Gradient: ga =
/// b x gy, gb = gy x a. Throws std::invalid_argument: shapes that do not fit, another size of the
/// axis; std::out_of_range for an axis that is not there.
template <class T>
Tensor<T> cross(const Tensor<T>& a, const Tensor<T>& b, std::ptrdiff_t axis = -1);

/// x times itself, n times, by squaring: about log2 n to 2 log2 n products. n = 0 gives identities,
/// whose gradient is 0, a negative n powers of the inverse. Shapes: (s, m, m) -> (s, m, m).
/// Gradient: for n > 0 gx = sum over i of (x^T)^i gy (x^T)^(n-1-i). Throws std::invalid_argument
/// for matrices that are not square, and for negative n as `inverse`.
template <class T>
Tensor<T> matrix_power(const Tensor<T>& x, std::ptrdiff_t n);

}  // namespace xgrad
