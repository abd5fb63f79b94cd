#pragma once

// The largest and smallest elements, over any set of axes as in reductions.hpp, and where they are.
//
// NaN counts as larger and smaller than every number: the result is NaN where an element is.
// Throws: as reductions.hpp, and std::invalid_argument where there is no element to choose from.

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad {

/// The largest element. Gradient: gx = gy at the largest, shared evenly between equal ones.
template <class T>
Tensor<T> max(const Tensor<T>& x, const Axes& axes = {}, ReduceOptions options = {});

/// The smallest element. Gradient: gx = gy at the smallest, shared evenly between equal ones.
template <class T>
Tensor<T> min(const Tensor<T>& x, const Axes& axes = {}, ReduceOptions options = {});

/// Position of the (first) largest element, in row-major order.
template <class T>
std::int64_t argmax(const Tensor<T>& x);
/// Positions of the (first) largest elements along an axis.
template <class T>
Indices argmax(const Tensor<T>& x, std::ptrdiff_t axis, ReduceOptions options = {});

/// Position of the (first) smallest element, in row-major order.
template <class T>
std::int64_t argmin(const Tensor<T>& x);
/// Positions of the (first) smallest elements along an axis.
template <class T>
Indices argmin(const Tensor<T>& x, std::ptrdiff_t axis, ReduceOptions options = {});

}  // namespace xgrad
