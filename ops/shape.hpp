#pragma once

// The same elements under other shapes and in other orders. Parts of tensors, and tensors put
// together, are in slicing.hpp, which comes with this header.
//
// Axes count from the end when negative. reshape, flatten, squeeze and unsqueeze share memory with
// their argument: writing to it in place (`set_value`) is seen in both. Everything else makes a
// copy, also where a view would do, except that an operation with nothing to do returns its
// argument itself.
//
// Gradient of all: each element of gx is the sum of gy over the elements of y that it became.
// Permuting and flipping have a kernel of their own, in one pass over memory; `repeat` is composed.
//
// Throws, all of them: std::out_of_range for an axis that is not there. More where it is said.

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <utility>
#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad {

namespace detail {
/// The sizes asked of `reshape`.
class ReshapeSizes {
 public:
  /// One of them; -1: what is left.
  struct Size {
    /// `size` itself.
    template <std::integral I>
    Size(I size) : value(static_cast<std::ptrdiff_t>(size)) {}
    std::ptrdiff_t value;  ///< as asked for
  };

  ReshapeSizes() = default;
  /// One size.
  template <std::integral I>
  ReshapeSizes(I size) : ReshapeSizes({Size(size)}) {}
  ReshapeSizes(std::initializer_list<Size> sizes) {
    for (const Size s : sizes) sizes_.push_back(s.value);
  }
  /// Those of a shape, or of a vector.
  ReshapeSizes(const Shape& shape) : sizes_(shape.begin(), shape.end()) {}
  ReshapeSizes(std::vector<std::ptrdiff_t> sizes) : sizes_(std::move(sizes)) {}

  const std::vector<std::ptrdiff_t>& values() const { return sizes_; }  ///< as asked for

 private:
  std::vector<std::ptrdiff_t> sizes_;
};
}  // namespace detail

/// x under another shape of as many elements, in row-major order: `reshape(x, {n, -1})`. The sizes
/// are of any integer type, a single one, a Shape or a vector. One may be -1: it follows from the
/// others. Throws std::invalid_argument: other number of elements, more than one -1, other negative
/// sizes.
template <class T>
Tensor<T> reshape(const Tensor<T>& x, const detail::ReshapeSizes& sizes);

/// The axes from start_axis to end_axis (inclusive) as one. A 0-d x becomes (1). Shapes: (n, c, h,
/// w), 1 -> (n, c h w). Throws std::invalid_argument when end_axis comes before start_axis.
template <class T>
Tensor<T> flatten(const Tensor<T>& x, std::ptrdiff_t start_axis = 0, std::ptrdiff_t end_axis = -1);

/// x without the given axes, which have size 1; without axes, every axis of size 1 goes.
/// Throws std::invalid_argument for an axis of another size or given twice.
template <class T>
Tensor<T> squeeze(const Tensor<T>& x, const Axes& axes = {});

/// x with an axis of size 1 that becomes axis `axis` of the result. Shapes: (3, 4), -1 -> (3,
/// 4, 1).
template <class T>
Tensor<T> unsqueeze(const Tensor<T>& x, std::ptrdiff_t axis);

/// The axes in another order: axis i of the result is axis axes[i] of x. Shapes: (a, b, c), {2, 0,
/// 1} -> (c, a, b). Throws std::invalid_argument unless every axis is named once.
template <class T>
Tensor<T> permute(const Tensor<T>& x, const Axes& axes);

/// Two axes swapped, by default the last two. As an operand of `matmul` a flag does it without
/// a copy.
template <class T>
Tensor<T> transpose(const Tensor<T>& x, std::ptrdiff_t axis_a = -2, std::ptrdiff_t axis_b = -1);

/// x repeated along new axes in front and along axes of size 1, as arithmetic does it by itself.
/// Throws std::invalid_argument when x does not broadcast to `shape`.
template <class T>
Tensor<T> broadcast_to(const Tensor<T>& x, const Shape& shape);

/// The elements in reverse order along the given axes; without axes, along all.
/// Throws std::invalid_argument for an axis given twice.
template <class T>
Tensor<T> flip(const Tensor<T>& x, const Axes& axes = {});

/// The elements moved along axes, and those that leave at one end coming in at the other: y[i] =
/// x[(i - shifts[k]) mod n] along axes[k]. Composed of slices. Throws std::invalid_argument unless
/// there is a shift for each axis.
template <class T>
Tensor<T> roll(const Tensor<T>& x, const std::vector<std::ptrdiff_t>& shifts, const Axes& axes);

/// Vectors as coordinates of a grid: output k has the shape of all their sizes, in order, and varies
/// along axis k, as vector k does ("ij", matrix indexing). Throws std::invalid_argument for other
/// than vectors.
template <class T>
std::vector<Tensor<T>> meshgrid(const std::vector<Tensor<T>>& coordinates);

/// x laid side by side, repeats[i] times along axis i; more repeats than axes add axes in front.
/// Composed of reshape and broadcast_to. Shapes: (2, 3), {2, 2} -> (4, 6); (3), {2, 1} -> (2, 3).
/// Throws std::invalid_argument for fewer repeats than axes.
template <class T>
Tensor<T> repeat(const Tensor<T>& x, const std::vector<std::size_t>& repeats);

}  // namespace xgrad
