#pragma once

// Elements chosen by lists of positions, and sums into chosen positions. Ranges of positions are
// in slicing.hpp.
//
// Positions are xgrad::Indices, an array of std::int64_t: `Indices{2, 0, 1}`, `indices({2, 2}, v)`
// from a vector, the result of argmax, class labels. They are in [-n, n), n the size of the axis:
// negative ones count from the end, as axes do. They have no gradient. The operations keep a copy, so that changing them afterwards changes
// nothing. Where a position occurs more than once, values and gradients are added in the order of
// the list, for any number of threads.
//
// Throws, all of them, before anything is computed: std::out_of_range for an axis that is not
// there and for a position outside [-n, n), naming which; std::invalid_argument for shapes that do
// not fit.

#include <concepts>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad {

/// Positions or labels from numbers in row-major order: `indices({2, 3}, {0, 1, 2, 2, 1, 0})`.
/// Throws std::invalid_argument when their count is not the shape's.
Indices indices(const Shape& shape, const std::vector<std::int64_t>& values);
/// ... from a vector of other integers. Throws std::out_of_range for one that is too large.
template <std::integral I>
Indices indices(const Shape& shape, const std::vector<I>& values) {
  std::vector<std::int64_t> all;
  all.reserve(values.size());
  for (const I v : values) {
    detail::require<std::out_of_range>(std::in_range<std::int64_t>(v), "indices",
                                       "a value is too large: ", v);
    all.push_back(static_cast<std::int64_t>(v));
  }
  return indices(shape, all);
}
/// ... along one axis.
template <std::integral I>
Indices indices(const std::vector<I>& values) {
  return indices({values.size()}, values);
}

/// The slices of x at the given positions of an axis, which the axes of `index` take the place of.
/// With axis 0 and a table of shape (n, features) it is the lookup of embeddings. Shapes: x (n, d),
/// index (s, t), axis 0 -> (s, t, d). Gradient: gx[index[k]] += gy[k].
template <class T>
Tensor<T> index_select(const Tensor<T>& x, std::ptrdiff_t axis, const Indices& index);

/// x with slices added at the given positions of an axis: y[index[k]] += source[k], the adjoint
/// of index_select. Shapes: x (n, d), index (s, t), source (s, t, d), axis 0 -> (n, d). Gradient:
/// gx = gy, gsource[k] = gy[index[k]].
template <class T>
Tensor<T> index_add(const Tensor<T>& x, std::ptrdiff_t axis, const Indices& index,
                    const Tensor<T>& source);

/// One element of x along an axis for each position: y[i, k] = x[i, index[i, k]] for axis 1 of two.
/// Shapes: x (m, n), index (m, k), axis 1 -> (m, k); all other axes have equal sizes. Gradient:
/// gx[i, index[i, k]] += gy[i, k].
template <class T>
Tensor<T> gather(const Tensor<T>& x, std::ptrdiff_t axis, const Indices& index);

/// x with elements added along an axis: y[i, index[i, k]] += source[i, k] for axis 1 of two,
/// the adjoint of gather. Shapes: x (m, n), index and source (m, k), axis 1 -> (m, n).
/// Gradient: gx = gy, gsource[i, k] = gy[i, index[i, k]].
template <class T>
Tensor<T> scatter_add(const Tensor<T>& x, std::ptrdiff_t axis, const Indices& index,
                      const Tensor<T>& source);

/// 1 at the given position of a new last axis, 0 elsewhere: `one_hot<float>(labels, 10)`.
/// No gradient. Shapes: index (n), classes c -> (n, c). Labels are in [0, c): negative ones
/// are refused.
template <class T>
Tensor<T> one_hot(const Indices& index, std::size_t classes);

}  // namespace xgrad
