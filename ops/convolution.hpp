#pragma once

// Convolutions over one, two or three axes, and their transposes.
//
//   Tensor<float> y = conv2d(x, w, b, {.stride = 2, .padding = 1});
//   Tensor<float> z = conv2d(x, w, b, {.padding = "same", .padding_mode = PaddingMode::reflect});
//
// Options, their names and the layout of weights are those of PyTorch: x (n, in, size...), w (out,
// in / groups, kernel...), b (out) or undefined; x may be one sample without the axis n, and so is the
// result then. Sizes in options are one number for all axes, or
// one for each: `{.stride = {2, 1}}`. What is called a convolution is, as everywhere in the field, a
// correlation: the kernel is not turned round.
//
// Each is one operation with kernels of its own in both directions: a matrix product whose operand
// is gathered from the images in small panels, never as a whole; channels by themselves (depthwise)
// go row by row. Its derivatives are two more such operations, and theirs again: derivatives of any
// order take as long as the first. The margin of zeros is multiplied as any other number: an infinite
// weight makes NaN of it. Results of a sample do not depend on its batch.
//
// Throws, all of them, std::invalid_argument for shapes that do not fit, sizes of 0, a stride or
// dilation of 0, and a kernel that is larger than the image with its margin.

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <string_view>
#include <type_traits>
#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/ops/padding.hpp"

namespace xgrad {

/// One number for all axes of an image, or one for each.
class ImageSizes {
 public:
  template <std::integral I>
  requires(!std::is_same_v<I, bool>) ImageSizes(I size) : sizes_{convert(size)} {}
  ImageSizes(std::initializer_list<std::size_t> sizes) : sizes_(sizes) {}
  ImageSizes(std::vector<std::size_t> sizes) : sizes_(std::move(sizes)) {}
  ImageSizes(const Shape& sizes) : sizes_(sizes.begin(), sizes.end()) {}

  /// As given: one, or one for each axis.
  const std::vector<std::size_t>& values() const { return sizes_; }
  bool operator==(const ImageSizes&) const = default;

 private:
  template <class I>
  static std::size_t convert(I size) {
    return static_cast<std::size_t>(size);  // a negative one is too large for any image
  }
  std::vector<std::size_t> sizes_;
};

/// A margin: as wide on both sides as the numbers say, or "same" (as many results as numbers, for
/// stride 1; where the margin is odd, the larger part is behind), or "valid" (none).
class ImagePadding {
 public:
  template <std::integral I>
  requires(!std::is_same_v<I, bool>) ImagePadding(I size) : sizes_(size) {}
  ImagePadding(std::initializer_list<std::size_t> sizes) : sizes_(sizes) {}
  ImagePadding(ImageSizes sizes) : sizes_(std::move(sizes)) {}
  /// Throws std::invalid_argument for another word.
  ImagePadding(std::string_view word);
  /// The same of a literal.
  ImagePadding(const char* word) : ImagePadding(std::string_view(word)) {}

  bool is_same() const { return same_; }  ///< given as "same"
  const ImageSizes& sizes() const { return sizes_; }

 private:
  ImageSizes sizes_ = 0;
  bool same_ = false;
};

struct ConvOptions {
  ImageSizes stride = 1;
  ImagePadding padding = 0;
  ImageSizes dilation = 1;  ///< how far elements of the kernel are apart
  std::size_t groups = 1;   ///< of channels that see each other; as many as channels: depthwise
  PaddingMode padding_mode = PaddingMode::zeros;
};

/// y[o, t] = b[o] + sum over c, i of w[o, c, i] x[c, t stride + i dilation - padding], the channels
/// c being those of o's group.
/// Shapes: x (n, in, l), w (out, in / groups, k) -> (n, out, (l + 2 padding - dilation (k - 1) - 1)
/// / stride + 1). Gradient: the transposed convolution of gy by w; the correlation of x with gy; the
/// sum of gy over all but the channels.
template <class T>
Tensor<T> conv1d(const Tensor<T>& x, const Tensor<T>& w,
                 const std::type_identity_t<Tensor<T>>& b = {}, const ConvOptions& options = {});
/// The same of images (n, in, h, w).
template <class T>
Tensor<T> conv2d(const Tensor<T>& x, const Tensor<T>& w,
                 const std::type_identity_t<Tensor<T>>& b = {}, const ConvOptions& options = {});
/// The same of (n, in, d, h, w).
template <class T>
Tensor<T> conv3d(const Tensor<T>& x, const Tensor<T>& w,
                 const std::type_identity_t<Tensor<T>>& b = {}, const ConvOptions& options = {});

struct ConvTransposeOptions {
  ImageSizes stride = 1;
  ImageSizes padding = 0;         ///< how much of the result's margin is cut off
  ImageSizes output_padding = 0;  ///< how much larger the result is behind; less than a stride
                                  ///< or dilation
  std::size_t groups = 1;
  ImageSizes dilation = 1;
};

/// The transpose of conv1d as a linear map of x, plus b: y[o, s] = b[o] + sum of w[c, o, i] x[c, t]
/// over all c of o's group and t stride + i dilation - padding = s. Undoes the change of size of a
/// convolution with these options.
/// Shapes: x (n, in, l), w (in, out / groups, k) -> (n, out, (l - 1) stride - 2 padding + dilation
/// (k - 1) + output_padding + 1). Gradient: the convolution of gy; the correlation of gy with x.
template <class T>
Tensor<T> conv_transpose1d(const Tensor<T>& x, const Tensor<T>& w,
                           const std::type_identity_t<Tensor<T>>& b = {},
                           const ConvTransposeOptions& options = {});
/// The same of images (n, in, h, w).
template <class T>
Tensor<T> conv_transpose2d(const Tensor<T>& x, const Tensor<T>& w,
                           const std::type_identity_t<Tensor<T>>& b = {},
                           const ConvTransposeOptions& options = {});
/// The same of (n, in, d, h, w).
template <class T>
Tensor<T> conv_transpose3d(const Tensor<T>& x, const Tensor<T>& w,
                           const std::type_identity_t<Tensor<T>>& b = {},
                           const ConvTransposeOptions& options = {});

}  // namespace xgrad
