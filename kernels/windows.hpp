#pragma once

// Sums and maxima over windows of images: what pooling and resizing are made of. An image has slices of
// rows of numbers; of fewer axes, it has one slice, and one row.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "xgrad/kernels/isa.hpp"

namespace xgrad::kernels {

/// A linear map along one axis: result i is the sum of weight[e] x[at[e]] for first[i] <= e <
/// first[i + 1].
template <class T>
struct AxisMap {
  std::size_t in = 0;
  std::vector<std::size_t> first = {0}, at = {};
  std::vector<T> weight = {};

  std::size_t out() const { return first.size() - 1; }
  void add(std::size_t place, T w) {
    at.push_back(place);
    weight.push_back(w);
  }
  void end_result() { first.push_back(at.size()); }
  AxisMap transposed() const;
};

/// One for each axis of an image: slices, rows, columns.
template <class T>
using ImageMap = std::array<AxisMap<T>, 3>;

/// Numbers of an image before and behind a map, or of windows and how many there are.
template <class Axis>
std::size_t numbers_in(const std::array<Axis, 3>& image) {
  return image[0].in * image[1].in * image[2].in;
}
template <class Axis>
std::size_t numbers_out(const std::array<Axis, 3>& image) {
  return image[0].out() * image[1].out() * image[2].out();
}

/// y (images, out...) from x (images, in...): maps along all axes. Added to y if `accumulate`.
template <class T>
void map_images(std::size_t images, const ImageMap<T>& map, const T* x, T* y, bool accumulate);

/// Windows along one axis: window i has count[i] > 0 numbers from begin[i] on, `step` apart.
struct Windows {
  std::size_t in = 0;
  std::vector<std::size_t> begin = {}, count = {};
  std::size_t step = 1;

  std::size_t out() const { return begin.size(); }
};

/// Those of each axis of an image: slices, rows, columns.
using ImageWindows = std::array<Windows, 3>;

/// The largest number of each window of x (images, in...), and where in its image it is: the first one
/// of equals, NaN before all others. An image has less than 2^31 numbers.
template <class T>
void largest_of_windows(std::size_t images, const ImageWindows& windows, const T* x, T* y,
                        std::int32_t* at);

/// y (images, count) = x (images, size) at the positions, and its adjoint, added to y if
/// `accumulate`.
template <class T>
void take_from_images(std::size_t images, std::size_t size, std::size_t count, const T* x,
                      const std::int32_t* at, T* y, bool accumulate);
template <class T>
void put_to_images(std::size_t images, std::size_t size, std::size_t count, const T* x,
                   const std::int32_t* at, T* y, bool accumulate);

// --- The parts of them that are compiled for each instruction set ---

/// What they see of an AxisMap, and of Windows.
template <class T>
struct AxisMapView {
  std::size_t in, out;
  const std::size_t *first, *at;
  const T* weight;
};
struct WindowsView {
  std::size_t in, out;
  const std::size_t *begin, *count;
  std::size_t step;
  bool pairs;  ///< window i has the numbers 2 i and 2 i + 1
};

template <class T>
struct ImageMapView {
  AxisMapView<T> slices, rows, columns;
};
struct ImageWindowsView {
  WindowsView slices, rows, columns;
};

template <class T>
struct WindowKernels {
  /// One image; `row` has room for three rows of x.
  void (*map)(const ImageMapView<T>& map, const T* x, T* y, T* row, bool accumulate);
  /// One image; `row` and `row_at` have room for one row of x.
  void (*largest)(const ImageWindowsView& windows, const T* x, T* y, std::int32_t* at, T* row,
                  std::int32_t* row_at);
};

template <Isa I, class T>
WindowKernels<T> make_window_kernels();

}  // namespace xgrad::kernels
