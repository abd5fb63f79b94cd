#pragma once

// Order along an axis: sorting, the k largest, running extrema, quantiles, positions among bounds.
//
// NaN counts as larger than every number, as in NumPy and PyTorch: it comes last in ascending and
// first in descending order. Equal elements keep their order. Values are those of x at the
// positions that come with them, so the gradient is that of `gather`: gx[index[k]] += gy[k], also
// between equal elements, each of which has a place of its own. Positions have no gradient.
//
// Axes count from the end when negative. Throws, all of them: std::out_of_range for an axis that is
// not there. More where it is said.

#include <cstddef>
#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad {

/// Elements of a tensor and where along the axis they come from: of equal shapes.
template <class T>
struct Sorted {
  Tensor<T> values;  ///< the elements
  Indices indices;   ///< their places along the axis, before
};

struct SortOptions {
  bool descending = false;
};

/// The elements of each row along the axis in order. Shapes: x -> values and indices as x.
template <class T>
Sorted<T> sort(const Tensor<T>& x, std::ptrdiff_t axis = -1, SortOptions options = {});

/// The positions alone.
template <class T>
Indices argsort(const Tensor<T>& x, std::ptrdiff_t axis = -1, SortOptions options = {});

struct TopkOptions {
  bool largest = true;  ///< false: the k smallest
};

/// The k largest elements along the axis, the largest first (the smallest: the smallest first).
/// Shapes: x (m, n), k, axis 1 -> values and indices (m, k). Throws std::invalid_argument for k
/// above n.
template <class T>
Sorted<T> topk(const Tensor<T>& x, std::size_t k, std::ptrdiff_t axis = -1,
               TopkOptions options = {});

/// The largest of the elements up to each one along the axis; of equal ones the latest, and after
/// a NaN the latest NaN. Shapes: x -> values and indices as x.
template <class T>
Sorted<T> cummax(const Tensor<T>& x, std::ptrdiff_t axis);
/// The smallest of the elements up to each one along the axis; of equal ones the latest, and after
/// a NaN the latest NaN. Shapes: x -> values and indices as x.
template <class T>
Sorted<T> cummin(const Tensor<T>& x, std::ptrdiff_t axis);

/// The q-quantile of the elements along an axis: at q (n - 1) of the sorted elements, counted from
/// 0, between two of them on the straight line (Hyndman, Fan 1996, definition 7). NaN where an
/// element is. Gradient: to the two elements, by their shares. Shapes: x (m, n), axis 1 -> (m).
/// Throws std::invalid_argument for q outside [0, 1] and an empty axis.
template <class T>
Tensor<T> quantile(const Tensor<T>& x, double q, std::ptrdiff_t axis, ReduceOptions options = {});
/// ... of all elements, a 0-d tensor.
template <class T>
Tensor<T> quantile(const Tensor<T>& x, double q);

/// quantile(x, 0.5): of an even number of elements the mean of the two in the middle, as in NumPy
/// (PyTorch takes the lower one).
template <class T>
Tensor<T> median(const Tensor<T>& x, std::ptrdiff_t axis, ReduceOptions options = {});
template <class T>
Tensor<T> median(const Tensor<T>& x);

struct BucketizeOptions {
  bool right = false;  ///< an element equal to a bound lies above it
};

/// How many of the ascending bounds lie below each element; with `right`, below or at it. NaN lies
/// above all. Shapes: x -> the same. Throws std::invalid_argument for bounds that descend or are
/// NaN.
template <class T>
Indices bucketize(const Tensor<T>& x, const std::vector<T>& bounds, BucketizeOptions options = {});

}  // namespace xgrad
