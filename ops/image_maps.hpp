#pragma once

// Linear maps along the last two axes as operations, and sizes of images in options. Internal.

#include <memory>

#include "xgrad/autograd/record.hpp"
#include "xgrad/kernels/windows.hpp"
#include "xgrad/ops/convolution.hpp"

namespace xgrad::detail {

/// A map along rows, one along columns, and their transposes.
template <class T>
struct PlaneMap {
  kernels::AxisMap<T> rows, columns, rows_transposed, columns_transposed;

  PlaneMap(kernels::AxisMap<T> r, kernels::AxisMap<T> c)
      : rows(std::move(r)),
        columns(std::move(c)),
        rows_transposed(rows.transposed()),
        columns_transposed(columns.transposed()) {}
};

/// x (..., rows.in, columns.in) -> (..., rows.out, columns.out), recorded under `name`; of a map of
/// one axis, whose rows are {1}, x (..., columns.in).
template <class T>
Tensor<T> map_images(const Tensor<T>& x, const std::shared_ptr<const PlaneMap<T>>& map,
                     std::size_t axes);

/// The map that leaves one number as it is.
template <class T>
kernels::AxisMap<T> same_number() {
  kernels::AxisMap<T> map;
  map.in = 1;
  map.add(0, T(1));
  map.end_result();
  return map;
}

/// x (n, c, size...) with `axes` axes that have numbers. Throws std::invalid_argument.
void require_images(const char* operation, const Shape& x, std::size_t axes);

/// The size for an axis. Throws std::invalid_argument, naming it, for another number of sizes than one
/// or `axes`, and for one that is out of range.
std::size_t size_on_axis(const char* operation, const char* name, const ImageSizes& sizes,
                         std::size_t axes, std::size_t axis);
/// ... or is 0.
std::size_t positive_on_axis(const char* operation, const char* name, const ImageSizes& sizes,
                             std::size_t axes, std::size_t axis);

/// x (n, c, size...) with the last axes of another size.
Shape with_image(const Shape& x, const std::vector<std::size_t>& size);

}  // namespace xgrad::detail
