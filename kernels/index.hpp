#pragma once

// Loops over lists of positions along one axis. Positions are in [0, view.n); the caller has
// checked them.
//
// Sums are taken in the order of the list, for any number of threads.

#include <cstddef>
#include <cstdint>

#include "xgrad/kernels/axis_view.hpp"

namespace xgrad::kernels {

/// y (outer, count, inner): row k is row index[k] of x (outer, n, inner).
template <class T>
void select_rows(const T* x, AxisView view, const std::int64_t* index, std::size_t count, T* y);

/// Row index[k] of y (outer, n, inner) += row k of x (outer, count, inner).
template <class T>
void add_rows(const T* x, const std::int64_t* index, std::size_t count, T* y, AxisView view);

/// y (outer, count, inner): y[o, k, j] = x[o, index[o, k, j], j], with x (outer, n, inner).
template <class T>
void gather_along(const T* x, AxisView view, const std::int64_t* index, std::size_t count, T* y);

/// y[o, index[o, k, j], j] += x[o, k, j], with x (outer, count, inner), y (outer, n, inner).
template <class T>
void scatter_along(const T* x, const std::int64_t* index, std::size_t count, T* y, AxisView view);

}  // namespace xgrad::kernels
