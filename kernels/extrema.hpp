#pragma once

// The gradient of a largest or smallest element, and positions of such elements.

#include <cstdint>

#include "xgrad/kernels/axis_view.hpp"
#include "xgrad/kernels/isa.hpp"

namespace xgrad::kernels {

template <class T>
struct ExtremumKernels {
  void (*backward)(const T* x, const T* y, const T* gy, T* gx, AxisView view, bool accumulate);
};

template <Isa I, class T>
ExtremumKernels<T> make_extremum_kernels();

/// gx = gy / k at the k numbers of a row that are equal to y, or NaN; 0 elsewhere. y and gy (outer,
/// inner). Added to gx if `accumulate`.
template <class T>
void extremum_backward(const T* x, const T* y, const T* gy, T* gx, AxisView view, bool accumulate);

/// at (outer, inner) = the position along n of the first largest number, or of the first NaN;
/// n >= 1.
template <class T>
void first_largest(const T* x, std::int64_t* at, AxisView view);
/// The same for the smallest.
template <class T>
void first_smallest(const T* x, std::int64_t* at, AxisView view);

}  // namespace xgrad::kernels
