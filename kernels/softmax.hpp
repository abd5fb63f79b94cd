#pragma once

// Exponentials normalised along one axis of a contiguous array, seen as (outer, n, inner).
//
// Each row along n is shifted by its maximum first, so that nothing overflows. A row with +inf or
// NaN, and for softmax and log_softmax also a row of -inf only, comes out as NaN. A logarithm close
// to 0, where one number stands out, keeps its relative precision.

#include <cmath>
#include <cstddef>
#include <limits>

#include "xgrad/kernels/axis_view.hpp"
#include "xgrad/kernels/isa.hpp"

namespace xgrad::kernels {

/// The logarithm of a probability above which it is the one that stands out.
constexpr double kLogHalf = -0.69314718;

template <class T>
struct SoftmaxKernels {
  /// y = exp(x) / sum exp(x).
  void (*softmax)(const T* x, T* y, AxisView view);
  /// gx = y (gy - sum(gy y)); added to gx if `accumulate`.
  void (*softmax_backward)(const T* y, const T* gy, T* gx, AxisView view, bool accumulate);
  /// y = x - log sum exp(x).
  void (*log_softmax)(const T* x, T* y, AxisView view);
  /// gx = gy - exp(y) sum(gy); added to gx if `accumulate`.
  void (*log_softmax_backward)(const T* y, const T* gy, T* gx, AxisView view, bool accumulate);
  /// maximum and log sum exp(x - maximum) of each row (outer, inner). The maximum of a row of -inf
  /// is given as 0.
  void (*log_sum_exp)(const T* x, T* maximum, T* log_sum, AxisView view);
  /// y = scale exp(x - shift), 0 where scale is, with scale and shift (outer, inner); added to y if
  /// `accumulate`.
  void (*exponentials)(const T* x, const T* shift, const T* scale, T* y, AxisView view,
                       bool accumulate);
};

template <Isa I, class T>
SoftmaxKernels<T> make_softmax_kernels();

// The kernels above, with the work shared out over the threads.

template <class T>
void softmax(const T* x, T* y, AxisView view);
template <class T>
void softmax_backward(const T* y, const T* gy, T* gx, AxisView view, bool accumulate);
template <class T>
void log_softmax(const T* x, T* y, AxisView view);
template <class T>
void log_softmax_backward(const T* y, const T* gy, T* gx, AxisView view, bool accumulate);
template <class T>
void log_sum_exp(const T* x, T* maximum, T* log_sum, AxisView view);
/// factor softmax(x) is this times exp(x - maximum): NaN when no x is finite, or one is +inf.
template <class T>
T softmax_scale(T log_sum, T factor) {
  return std::isinf(log_sum) ? std::numeric_limits<T>::quiet_NaN() : factor * std::exp(-log_sum);
}

template <class T>
void exponentials(const T* x, const T* shift, const T* scale, T* y, AxisView view, bool accumulate);

}  // namespace xgrad::kernels
