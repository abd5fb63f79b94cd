#pragma once

// Matrix products. On OpenBLAS; transposition is a flag of the product and copies nothing.

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

struct MatmulOptions {
  bool transpose_a = false;  ///< use the last two axes of a swapped; a needs at least two
  bool transpose_b = false;  ///< the same of b
};

/// The matrix product.
/// Shapes: a (m, k), b (k, n) -> (m, n). A vector a (k) counts as (1, k), a vector b (k) as (k, 1),
/// and the axis added is removed again: (k), (k) -> (). Axes before the last two are batches and
/// broadcast: (s, m, k), (k, n) -> (s, m, n). Gradient: ga = gy b^T, gb = a^T gy, summed over
/// broadcast batches. Throws std::invalid_argument: 0-d operand, transposed vector, inner sizes or
/// batches that do not fit.
template <class T>
Tensor<T> matmul(const Tensor<T>& a, const Tensor<T>& b, MatmulOptions options = {});

/// Refused while compiling: float with double.
template <class T, class U>
requires(!std::is_same_v<T, U>) Tensor<T> matmul(const Tensor<T>& a, const Tensor<U>& b,
                                                 MatmulOptions = {}) {
  return detail::mixed(a, b);
}

/// Inner product of two vectors: (n), (n) -> (). Throws std::invalid_argument for other shapes.
template <class T>
Tensor<T> dot(const Tensor<T>& a, const Tensor<T>& b);

/// Outer product of two vectors: (m), (n) -> (m, n). Throws std::invalid_argument for other shapes.
template <class T>
Tensor<T> outer(const Tensor<T>& a, const Tensor<T>& b);

/// y = x W^T + b: one operation, the bias in the product's destination, gradients accumulated by
/// the product itself. Shapes: x (..., in), weight (out, in), bias (out) or undefined -> (...,
/// out). Throws std::invalid_argument for shapes that do not fit.
template <class T>
Tensor<T> linear(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias = {});

}  // namespace xgrad
