#pragma once

// Sums of squares along one axis, around a center or around 0, and their derivative. The sum is
// taken in pieces of a fixed size: rounding errors stay small, and the result does not depend on
// the number of threads.

#include "xgrad/kernels/axis_view.hpp"
#include "xgrad/kernels/isa.hpp"

namespace xgrad::kernels {

template <class T>
struct MomentKernels {
  void (*squares)(const T* x, const T* center, T* y, AxisView view);
  void (*deviations)(const T* x, const T* center, const T* scale, T* y, AxisView view,
                     bool accumulate);
};

template <Isa I, class T>
MomentKernels<T> make_moment_kernels();

/// y (outer, inner) = the sum along n of (x - center)^2, center (outer, inner) or null for 0.
template <class T>
void squares(const T* x, const T* center, T* y, AxisView view);

/// y = scale (x - center), scale (outer, inner); added to y if `accumulate`.
template <class T>
void deviations(const T* x, const T* center, const T* scale, T* y, AxisView view, bool accumulate);

}  // namespace xgrad::kernels
