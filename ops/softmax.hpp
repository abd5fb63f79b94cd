#pragma once

// Softmax and its logarithm: operations with their own kernels, because the composed forms overflow
// and take three times as many passes. logsumexp is in reductions.hpp, cross entropy in losses.hpp.

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

/// exp(x) / sum(exp(x)) along an axis, without overflow.
/// Shapes: (any shape) -> the same shape.
/// Gradient: gx = y (gy - sum(gy y)).
/// A row with +inf or NaN, and one of -inf only, gives NaN; some -inf in a row give 0.
/// Throws std::out_of_range for an axis that x does not have.
template <class T>
Tensor<T> softmax(const Tensor<T>& x, std::ptrdiff_t axis = -1);

/// x - log(sum(exp(x))) along an axis: the logarithm of softmax, precise also where softmax is 0.
/// Shapes: (any shape) -> the same shape.
/// Gradient: gx = gy - exp(y) sum(gy).
/// A row with +inf or NaN, and one of -inf only, gives NaN; some -inf in a row stay -inf.
/// Throws std::out_of_range for an axis that x does not have.
template <class T>
Tensor<T> log_softmax(const Tensor<T>& x, std::ptrdiff_t axis = -1);

}  // namespace xgrad
