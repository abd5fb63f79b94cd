#pragma once

// The running product. The running sum is in reductions.hpp, running extrema in sorting.hpp.

#include <cstddef>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

/// The running product along an axis: y[i] = x[0] x[1] ... x[i]. Shapes: (any shape) -> the same
/// shape. Gradient: gx[j] = sum over i >= j of gy[i] times the product of x[0] ... x[i] without
/// x[j]: by a recurrence without a division, exact for any number of zeros. Throws
/// std::out_of_range for an axis that is not there, also for a 0-d x. An operation with kernels of
/// its own.
template <class T>
Tensor<T> cumprod(const Tensor<T>& x, std::ptrdiff_t axis);

}  // namespace xgrad
