#pragma once

// Images of another size, and their windows as columns. Averages and maxima of windows are in
// pooling.hpp.
//
// x is (n, c, l), (n, c, h, w) or (n, c, d, h, w). Each is linear, one operation with its adjoint: derivatives of any
// order are exact and take one pass. Throws, all of them, std::invalid_argument for shapes and sizes
// that do not fit.

#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/ops/convolution.hpp"

namespace xgrad {

enum class UpsampleMode {
  nearest,  ///< x at floor(i / scale)
  linear,   ///< between the two nearest numbers along each axis; of images: bilinear
};

struct UpsampleOptions {
  ImageSizes size = 0;  ///< of the result, or
  std::vector<double> scale_factor =
      {};  ///< how many times larger, one number or one for each axis
  UpsampleMode mode = UpsampleMode::nearest;  ///< how numbers between places are found
  /// Of linear: the outermost numbers stay where they are, not the edges of the image.
  bool align_corners = false;
};

/// x at more places, or at fewer. Shapes: x (n, c, h, w) -> (n, c, size...), or floor(scale h) and
/// so on. Gradient: each number gets what was made of it.
template <class T>
Tensor<T> upsample(const Tensor<T>& x, const UpsampleOptions& options);

/// Channels become places: shapes x (n, c factor^2, h, w) -> (n, c, h factor, w factor), y[c, h
/// factor + i, w factor + j] = x[(c factor + i) factor + j, h, w]. Composed of a permutation.
/// Source: Shi et al. 2016.
template <class T>
Tensor<T> pixel_shuffle(const Tensor<T>& x, std::size_t factor);
/// Its inverse.
template <class T>
Tensor<T> pixel_unshuffle(const Tensor<T>& x, std::size_t factor);

struct UnfoldOptions {
  ImageSizes dilation = 1;  ///< distance between neighbours in a window
  ImageSizes padding = 0;   ///< margin of zeros
  ImageSizes stride = 1;    ///< steps between the windows
};

/// The windows of a convolution as columns. Shapes: x (n, c, h, w) -> (n, c kernel, windows), the
/// windows row by row.
template <class T>
Tensor<T> unfold(const Tensor<T>& x, const ImageSizes& kernel, const UnfoldOptions& options = {});
/// Its adjoint: windows added up to images of size `size`. Shapes: x (n, c kernel, windows) -> (n, c,
/// size...).
template <class T>
Tensor<T> fold(const Tensor<T>& x, const ImageSizes& size, const ImageSizes& kernel,
               const UnfoldOptions& options = {});

}  // namespace xgrad
