#pragma once

// Loops along one axis whose steps depend on each other.

#include "xgrad/kernels/axis_view.hpp"
#include "xgrad/kernels/isa.hpp"

namespace xgrad::kernels {

template <class T>
struct ScanKernels {
  /// y = total + the running sum of x from `part` on, over `rows` rows of n neighbouring columns,
  /// `step` apart; `part` becomes the last of these sums.
  void (*columns)(const T* x, T* y, std::size_t rows, std::ptrdiff_t step, std::size_t n,
                  const T* total, T* part, bool accumulate);
};

template <Isa I, class T>
ScanKernels<T> make_scan_kernels();

/// y = the running sum of x along n, from the last number backwards if `reverse`; added to y if
/// `accumulate`.
template <class T>
void running_sum(const T* x, T* y, AxisView view, bool reverse, bool accumulate);

/// gx = gy times the product of the other numbers of the row, gy (outer, inner); added to gx if
/// `accumulate`. Without a division: right for any number of zeros.
template <class T>
void product_backward(const T* x, const T* gy, T* gx, AxisView view, bool accumulate);

/// y = the running product of x along n.
template <class T>
void running_product(const T* x, T* y, AxisView view);

/// gx[j] = y[j - 1] s[j], s[j] = gy[j] + x[j + 1] s[j + 1], y being the running product; added to gx
/// if `accumulate`.
template <class T>
void running_product_backward(const T* x, const T* y, const T* gy, T* gx, AxisView view,
                              bool accumulate);

/// y[i] = b[i] + a[i] y[i - 1] along n, 0 before the first; from the last number backwards if
/// `reverse`.
template <class T>
void recurrence(const T* a, const T* b, T* y, AxisView view, bool reverse);

}  // namespace xgrad::kernels
