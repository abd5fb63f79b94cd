#pragma once

// Convolution layers. The operations, with their gradients and sources, are in
// xgrad/ops/convolution.hpp. Names of options and parameters, and the layout of weights, are those
// of PyTorch, so that its state dictionaries load by name. x may be one sample, without the axis n.

#include "xgrad/kernels/random.hpp"
#include "xgrad/modules/library_module.hpp"
#include "xgrad/ops/convolution.hpp"

namespace xgrad {

/// As ConvOptions of the operation.
struct ConvLayerOptions {
  ImageSizes stride = 1;                          ///< steps between the windows
  ImagePadding padding = 0;                       ///< margin of x, or "same", "valid"
  ImageSizes dilation = 1;                        ///< distance between neighbours in a window
  std::size_t groups = 1;                         ///< of channels that do not mix
  bool bias = true;                               ///< a number for each output channel
  PaddingMode padding_mode = PaddingMode::zeros;  ///< what the margin is filled with
  Generator* generator = nullptr;  ///< of the initial numbers; null: the default generator
};

/// As ConvTransposeOptions of the operation.
struct ConvTransposeLayerOptions {
  ImageSizes stride = 1;   ///< steps between the windows of the convolution that it transposes
  ImageSizes padding = 0;  ///< margin of the result that is cut off
  ImageSizes output_padding = 0;   ///< added to the result, behind
  std::size_t groups = 1;          ///< of channels that do not mix
  bool bias = true;                ///< a number for each output channel
  ImageSizes dilation = 1;         ///< distance between neighbours in a window
  Generator* generator = nullptr;  ///< of the initial numbers; null: the default generator
};

/// What convolutions and their transposes have in common; M::kAxes is the number of axes.
template <template <class> class M, class T, class Options>
class ConvolutionLayer : public LibraryModule<M, T> {
 public:
  /// Throws std::invalid_argument for a size, a stride or a dilation of 0, other than one number or
  /// one for each axis, and channels that cannot be divided into the groups.
  ConvolutionLayer(std::size_t in_channels, std::size_t out_channels, const ImageSizes& kernel_size,
                   Options options = {});

  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

  const Options& layer_options() const { return options_; }  ///< those it was made with

  Tensor<T>& weight;  ///< as the operation takes it
  Tensor<T>& bias;    ///< undefined without bias

 private:
  Options options_;
};

/// A convolution of signals: see conv1d. `in_channels` channels become `out_channels`.
/// **Shapes** x (n, in, l) -> (n, out, ...). Parameters: weight (out, in / groups, kernel) and bias
/// (out), both initially uniform in +-1/sqrt(in / groups kernel).
template <class T>
class Conv1d : public ConvolutionLayer<Conv1d, T, ConvLayerOptions> {
 public:
  static constexpr std::size_t kAxes = 1;
  using Conv1d::ConvolutionLayer::ConvolutionLayer;
};
/// A convolution of images: see conv2d.
/// **Shapes** x (n, in, h, w) -> (n, out, ...). Parameters as of Conv1d, weight (out, in / groups,
/// kernel...).
template <class T>
class Conv2d : public ConvolutionLayer<Conv2d, T, ConvLayerOptions> {
 public:
  static constexpr std::size_t kAxes = 2;
  using Conv2d::ConvolutionLayer::ConvolutionLayer;
};
/// The same of (n, in, d, h, w).
template <class T>
class Conv3d : public ConvolutionLayer<Conv3d, T, ConvLayerOptions> {
 public:
  static constexpr std::size_t kAxes = 3;
  using Conv3d::ConvolutionLayer::ConvolutionLayer;
};

/// A transposed convolution: see conv_transpose1d.
/// **Shapes** x (n, in, l) -> (n, out, ...). Parameters: weight (in, out / groups, kernel) and bias
/// (out), both initially uniform in +-1/sqrt(out / groups kernel).
template <class T>
class ConvTranspose1d : public ConvolutionLayer<ConvTranspose1d, T, ConvTransposeLayerOptions> {
 public:
  static constexpr std::size_t kAxes = 1;
  using ConvTranspose1d::ConvolutionLayer::ConvolutionLayer;
};
/// The same of images.
template <class T>
class ConvTranspose2d : public ConvolutionLayer<ConvTranspose2d, T, ConvTransposeLayerOptions> {
 public:
  static constexpr std::size_t kAxes = 2;
  using ConvTranspose2d::ConvolutionLayer::ConvolutionLayer;
};
/// The same of (n, in, d, h, w).
template <class T>
class ConvTranspose3d : public ConvolutionLayer<ConvTranspose3d, T, ConvTransposeLayerOptions> {
 public:
  static constexpr std::size_t kAxes = 3;
  using ConvTranspose3d::ConvolutionLayer::ConvolutionLayer;
};

#define XGRAD_EXTERN(T)                                                                  \
  extern template class ConvolutionLayer<Conv1d, T, ConvLayerOptions>;                   \
  extern template class ConvolutionLayer<Conv2d, T, ConvLayerOptions>;                   \
  extern template class ConvolutionLayer<Conv3d, T, ConvLayerOptions>;                   \
  extern template class ConvolutionLayer<ConvTranspose1d, T, ConvTransposeLayerOptions>; \
  extern template class ConvolutionLayer<ConvTranspose2d, T, ConvTransposeLayerOptions>; \
  extern template class ConvolutionLayer<ConvTranspose3d, T, ConvTransposeLayerOptions>;
XGRAD_EXTERN(float)
XGRAD_EXTERN(double)
#undef XGRAD_EXTERN

}  // namespace xgrad
