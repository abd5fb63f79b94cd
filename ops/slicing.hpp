#pragma once

// Parts of tensors along their axes, and tensors put together. Elements chosen by lists of
// positions are in indexing.hpp.
//
// Axes count from the end when negative. The results are copies, never views: writing to one in
// place (`set_value`) does not change the other. Only where there is nothing to do the argument
// itself is returned.
//
// Gradient of all: each element of gx is the element of gy that it became, 0 when there is none. A
// part adds its gradient in place to that of the whole, so that many small parts of a large tensor
// cost no more than one large part.
//
// Throws, all of them: std::out_of_range for an axis that is not there. More where it is said.

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <type_traits>
#include <vector>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

/// A part of an axis, as in Python: `{2, 5}` is 2, 3, 4; `{.start = -3}` the last three; `{.step =
/// -1}` all, backwards. Where start and stop lie outside the axis they are taken as its ends, so
/// that a slice may be empty.
struct Slice {
  std::optional<std::ptrdiff_t> start = {};  ///< first index; negative: counted from the end
  std::optional<std::ptrdiff_t> stop = {};   ///< first index that is not taken any more
  std::ptrdiff_t step = 1;  ///< not 0; negative: backwards, from the end by default
};

/// A part of x along one axis: `slice(x, 1, 0, 5)`, `slice(x, 0, {.step = 2})`.
/// Throws std::invalid_argument for step 0.
template <class T>
Tensor<T> slice(const Tensor<T>& x, std::ptrdiff_t axis, const Slice& part);
template <class T>
Tensor<T> slice(const Tensor<T>& x, std::ptrdiff_t axis, std::optional<std::ptrdiff_t> start,
                std::optional<std::ptrdiff_t> stop, std::ptrdiff_t step = 1) {
  return slice(x, axis, Slice{start, stop, step});
}
/// The same along the first axes at once: `slice(x, {{}, {0, 5}})`. Throws std::invalid_argument
/// for more parts than axes.
template <class T>
Tensor<T> slice(const Tensor<T>& x, const std::vector<Slice>& parts);

/// x at one index along an axis, which disappears. Negative: counted from the end.
/// Throws std::out_of_range.
template <class T>
Tensor<T> select(const Tensor<T>& x, std::ptrdiff_t axis, std::ptrdiff_t index);

/// x cut along an axis into parts of equal size. Throws std::invalid_argument when the size is no
/// multiple of `parts`.
template <class T>
std::vector<Tensor<T>> split(const Tensor<T>& x, std::size_t parts, std::ptrdiff_t axis = 0);
/// ... into parts of the given sizes. Throws std::invalid_argument when they do not add up to the
/// size of the axis.
template <class T>
std::vector<Tensor<T>> split(const Tensor<T>& x, const std::vector<std::size_t>& sizes,
                             std::ptrdiff_t axis = 0);

/// Tensors one after the other along an axis. Shapes: (2, 3), (4, 3), axis 0 -> (6, 3).
/// Throws std::invalid_argument: no tensors, or shapes that differ in other axes.
template <class T>
Tensor<T> concat(const std::vector<Tensor<T>>& parts, std::ptrdiff_t axis = 0);
template <class T>
Tensor<T> concat(std::initializer_list<Tensor<T>> parts, std::ptrdiff_t axis = 0) {
  return concat(std::vector<Tensor<T>>(parts), axis);
}

/// Tensors of one shape along a new axis, axis `axis` of the result. Shapes: k times (2, 3), axis
/// -1 -> (2, 3, k). Throws std::invalid_argument: no tensors, or shapes that differ.
template <class T>
Tensor<T> stack(const std::vector<Tensor<T>>& parts, std::ptrdiff_t axis = 0);
template <class T>
Tensor<T> stack(std::initializer_list<Tensor<T>> parts, std::ptrdiff_t axis = 0) {
  return stack(std::vector<Tensor<T>>(parts), axis);
}

/// How many elements `pad` adds at both ends of an axis.
struct Padding {
  std::size_t before = 0;  ///< the first elements
  std::size_t after = 0;   ///< the last elements
};

/// x with a margin of `value` around it, one Padding for each axis: `pad(x, {{}, {1, 1}})`.
/// Throws std::invalid_argument for another number of paddings than axes.
template <class T>
Tensor<T> pad(const Tensor<T>& x, const std::vector<Padding>& paddings,
              std::type_identity_t<T> value = 0);

namespace detail {
/// The shape with its margin. Throws std::invalid_argument, as `pad` does, also where the sizes make
/// more than memory can address, elements having so many bytes.
Shape padded_shape(const Shape& x, const std::vector<Padding>& paddings, std::size_t bytes);
}  // namespace detail

}  // namespace xgrad
