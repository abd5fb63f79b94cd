#pragma once

// Sums and maxima over windows of planes: what pooling and resizing of images are made of.

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

/// y (planes, rows.out, columns.out) from x (planes, rows.in, columns.in): a map along the rows of each
/// plane and one along its columns. Added to y if `accumulate`.
template <class T>
void map_planes(std::size_t planes, const AxisMap<T>& rows, const AxisMap<T>& columns, const T* x,
                T* y, bool accumulate);

/// Windows along one axis: window i has count[i] > 0 numbers from begin[i] on, `step` apart.
struct Windows {
  std::size_t in = 0;
  std::vector<std::size_t> begin = {}, count = {};
  std::size_t step = 1;

  std::size_t out() const { return begin.size(); }
};

/// The largest number of each window of x (planes, rows.in, columns.in), and where in its plane it
/// is: the first one of equals, NaN before all others. A plane has less than 2^31 numbers.
template <class T>
void largest_of_windows(std::size_t planes, const Windows& rows, const Windows& columns, const T* x,
                        T* y, std::int32_t* at);

/// y (planes, count) = x (planes, size) at the positions, and its adjoint, added to y if
/// `accumulate`.
template <class T>
void take_from_planes(std::size_t planes, std::size_t size, std::size_t count, const T* x,
                      const std::int32_t* at, T* y, bool accumulate);
template <class T>
void put_to_planes(std::size_t planes, std::size_t size, std::size_t count, const T* x,
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
struct WindowKernels {
  /// One plane; `row` has room for three rows of x.
  void (*map)(const AxisMapView<T>& rows, const AxisMapView<T>& columns, const T* x, T* y, T* row,
              bool accumulate);
  /// One plane; `row` and `row_at` have room for one row of x.
  void (*largest)(const WindowsView& rows, const WindowsView& columns, const T* x, T* y,
                  std::int32_t* at, T* row, std::int32_t* row_at);
};

template <Isa I, class T>
WindowKernels<T> make_window_kernels();

}  // namespace xgrad::kernels
