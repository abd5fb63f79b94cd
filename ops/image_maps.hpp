#pragma once

// Linear maps along the axes of images as operations, and sizes of images in options. Internal.

#include <vector>

#include "xgrad/autograd/record.hpp"
#include "xgrad/kernels/windows.hpp"
#include "xgrad/ops/convolution.hpp"

namespace xgrad::detail {

/// x (..., in...) -> (..., out...): a map along each of the last one to three axes, as many as are
/// given.
template <class T>
Tensor<T> map_images(const Tensor<T>& x, std::vector<kernels::AxisMap<T>> maps);

/// Whether x (n, c, size...) has an axis for the batch, or is one sample (c, size...).
enum class BatchAxis { needed, optional };

/// x has `axes` axes after the channels, all of which have numbers. Throws std::invalid_argument.
void require_images(const char* operation, const Shape& x, std::size_t axes,
                    BatchAxis batch = BatchAxis::needed);

/// The size for an axis. Throws std::invalid_argument, naming it, for another number of sizes than one
/// or `axes`, and for one that is out of range.
std::size_t size_on_axis(const char* operation, const char* name, const ImageSizes& sizes,
                         std::size_t axes, std::size_t axis);
/// ... or is 0.
std::size_t positive_on_axis(const char* operation, const char* name, const ImageSizes& sizes,
                             std::size_t axes, std::size_t axis);

/// x with the last axes of another size.
Shape with_image(const Shape& x, const std::vector<std::size_t>& size);

}  // namespace xgrad::detail
