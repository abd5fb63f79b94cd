#pragma once

// Diagonals and triangles of matrices: their parts, what is made of them, their sums.
//
// Matrices are the last two axes, those before them batches. Diagonal k is the main one for k = 0,
// above it for k > 0, below it for k < 0; one that lies outside the matrix has no elements.
//
// Gradient of all: each element of gx is the element of gy that it became, 0 when there is none.
//
// Throws, all of them: std::invalid_argument for an x of fewer axes than it takes.

#include <cstddef>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

/// The elements x[i, i + offset] of the matrices along two axes. Shapes: (s, m, n) -> (s, k), k the
/// length of the diagonal, as the last axis. NumPy and torch.diagonal take the first two axes by
/// default, torch.linalg.diagonal the last two, as here. Throws std::out_of_range for an axis that
/// is not there, std::invalid_argument when both are the same.
template <class T>
Tensor<T> diagonal(const Tensor<T>& x, std::ptrdiff_t offset = 0, std::ptrdiff_t axis1 = -2,
                   std::ptrdiff_t axis2 = -1);

/// Matrices with x on a diagonal and 0 elsewhere. Shapes: (s, n) -> (s, n + |offset|, n + |offset|).
template <class T>
Tensor<T> diag_embed(const Tensor<T>& x, std::ptrdiff_t offset = 0);

/// Of a vector the matrix with it on diagonal k, of a matrix its diagonal k. Shapes: (n) -> (n +
/// |k|, n + |k|); (m, n) -> (length of the diagonal). Throws std::invalid_argument for more axes:
/// which of diagonal and diag_embed is meant cannot be told.
template <class T>
Tensor<T> diag(const Tensor<T>& x, std::ptrdiff_t k = 0);

/// The sum of a diagonal. Shapes: (s, m, n) -> (s). Throws as diagonal.
template <class T>
Tensor<T> trace(const Tensor<T>& x, std::ptrdiff_t offset = 0, std::ptrdiff_t axis1 = -2,
                std::ptrdiff_t axis2 = -1);

/// x up to diagonal k, 0 above it, whatever was there. Shapes: (s, m, n) -> the same.
template <class T>
Tensor<T> tril(const Tensor<T>& x, std::ptrdiff_t k = 0);

/// x from diagonal k on, 0 below it. Shapes: (s, m, n) -> the same.
template <class T>
Tensor<T> triu(const Tensor<T>& x, std::ptrdiff_t k = 0);

}  // namespace xgrad
