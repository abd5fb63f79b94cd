#pragma once

// Loops along one axis whose steps depend on each other.

#include "xgrad/kernels/axis_view.hpp"

namespace xgrad::kernels {

/// y = the running sum of x along n, from the last number backwards if `reverse`; added to y if
/// `accumulate`.
template <class T>
void running_sum(const T* x, T* y, AxisView view, bool reverse, bool accumulate);

/// gx = gy times the product of the other numbers of the row, gy (outer, inner); added to gx if
/// `accumulate`. Without a division: right for any number of zeros.
template <class T>
void product_backward(const T* x, const T* gy, T* gx, AxisView view, bool accumulate);

}  // namespace xgrad::kernels
