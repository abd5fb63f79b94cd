#pragma once

// Windows of images summed up: the largest number of each, or the average. Images of other sizes are
// in resizing.hpp.
//
// x is (n, c, l), (n, c, h, w) or (n, c, d, h, w), or one sample without the axis n; options have the names
// of PyTorch, sizes are one number for all axes or one for each. Pooling of a window that begins in the margin has the numbers inside only:
// they count neither as the largest nor, unless asked for, in an average.
//
// Averages are one operation with their adjoint, maxima keep where they were found: derivatives of any
// order are exact and take one pass.
//
// Throws, all of them, std::invalid_argument for x of another rank or without numbers, sizes of 0, a
// margin of more than half of the kernel, and a kernel that is larger than the image with its margin.

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/ops/convolution.hpp"

namespace xgrad {

struct MaxPoolOptions {
  ImageSizes stride = 0;    ///< 0: the kernel's size
  ImageSizes padding = 0;   ///< margin, which is never the largest
  ImageSizes dilation = 1;  ///< distance between neighbours in a window
  bool ceil_mode = false;   ///< a last window may reach beyond the margin, if it begins before it
};

/// The largest number of each window. NaN where a window has one.
/// Shapes: x (n, c, l) -> (n, c, (l + 2 padding - dilation (k - 1) - 1) / stride + 1). Gradient: of
/// several equal ones the first gets it.
template <class T>
Tensor<T> max_pool1d(const Tensor<T>& x, const ImageSizes& kernel,
                     const MaxPoolOptions& options = {});
/// The same of images (n, c, h, w); first in the order of rows.
template <class T>
Tensor<T> max_pool2d(const Tensor<T>& x, const ImageSizes& kernel,
                     const MaxPoolOptions& options = {});
/// The same of (n, c, d, h, w); first in the order of slices, and of rows in them.
template <class T>
Tensor<T> max_pool3d(const Tensor<T>& x, const ImageSizes& kernel,
                     const MaxPoolOptions& options = {});

struct AvgPoolOptions {
  ImageSizes stride = 0;          ///< 0: the kernel's size
  ImageSizes padding = 0;         ///< margin of zeros
  bool ceil_mode = false;         ///< as of max_pool
  bool count_include_pad = true;  ///< numbers of the margin count, as zeros
  std::size_t divisor = 0;        ///< instead of how many numbers count; 0: those
};

/// The average of each window. Shapes: as of max_pool1d. Gradient: gy over the count to each.
template <class T>
Tensor<T> avg_pool1d(const Tensor<T>& x, const ImageSizes& kernel,
                     const AvgPoolOptions& options = {});
/// The same of images.
template <class T>
Tensor<T> avg_pool2d(const Tensor<T>& x, const ImageSizes& kernel,
                     const AvgPoolOptions& options = {});
/// The same of (n, c, d, h, w).
template <class T>
Tensor<T> avg_pool3d(const Tensor<T>& x, const ImageSizes& kernel,
                     const AvgPoolOptions& options = {});

/// Averages of as many windows as asked for: window i of m goes from floor(i l / m) to
/// ceil((i + 1) l / m). Shapes: x (n, c, l) -> (n, c, size).
template <class T>
Tensor<T> adaptive_avg_pool1d(const Tensor<T>& x, const ImageSizes& size);
template <class T>
Tensor<T> adaptive_avg_pool2d(const Tensor<T>& x, const ImageSizes& size);
template <class T>
Tensor<T> adaptive_avg_pool3d(const Tensor<T>& x, const ImageSizes& size);
/// The largest number of each such window.
template <class T>
Tensor<T> adaptive_max_pool1d(const Tensor<T>& x, const ImageSizes& size);
template <class T>
Tensor<T> adaptive_max_pool2d(const Tensor<T>& x, const ImageSizes& size);
template <class T>
Tensor<T> adaptive_max_pool3d(const Tensor<T>& x, const ImageSizes& size);

/// One number for each channel: its average. Composed. Shapes: x (n, c, ...) -> (n, c); the axis n is
/// needed.
template <class T>
Tensor<T> global_avg_pool(const Tensor<T>& x);
/// Its largest number; equal ones share the gradient.
template <class T>
Tensor<T> global_max_pool(const Tensor<T>& x);

}  // namespace xgrad
