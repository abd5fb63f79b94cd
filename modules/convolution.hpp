#pragma once

// Convolution layers. The operations, with their gradients and sources, are in
// xgrad/ops/convolution.hpp. Names of options and parameters, and the layout of weights, are those
// of PyTorch, so that its state dictionaries load by name.

#include "xgrad/kernels/random.hpp"
#include "xgrad/modules/library_module.hpp"
#include "xgrad/ops/convolution.hpp"

namespace xgrad {

struct ConvLayerOptions {
  ImageSizes stride = 1;
  ImagePadding padding = 0;
  ImageSizes dilation = 1;
  std::size_t groups = 1;
  bool bias = true;
  PaddingMode padding_mode = PaddingMode::zeros;
  Generator* generator = nullptr;  ///< of the initial numbers; null: the default generator
};

/// What Conv1d, Conv2d and Conv3d have in common; M::kAxes is the number of axes.
template <template <class> class M, class T>
class ConvLayer : public LibraryModule<M, T> {
 public:
  /// Throws std::invalid_argument for a size of 0, and channels that cannot be divided into the
  /// groups.
  ConvLayer(std::size_t in_channels, std::size_t out_channels, const ImageSizes& kernel_size,
            ConvLayerOptions options = {});

  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

  Tensor<T>& weight;
  Tensor<T>& bias;  ///< undefined without bias

 private:
  ConvLayerOptions options_;
};

/// A convolution of signals: see conv1d. `in_channels` channels become `out_channels`.
/// **Shapes** x (n, in, l) -> (n, out, ...). Parameters: weight (out, in / groups, kernel) and bias
/// (out), both initially uniform in +-1/sqrt(in / groups kernel).
template <class T>
class Conv1d : public ConvLayer<Conv1d, T> {
 public:
  static constexpr std::size_t kAxes = 1;
  using Conv1d::ConvLayer::ConvLayer;
};
/// A convolution of images: see conv2d.
/// **Shapes** x (n, in, h, w) -> (n, out, ...). Parameters as of Conv1d, weight (out, in / groups,
/// kernel...).
template <class T>
class Conv2d : public ConvLayer<Conv2d, T> {
 public:
  static constexpr std::size_t kAxes = 2;
  using Conv2d::ConvLayer::ConvLayer;
};
/// The same of (n, in, d, h, w).
template <class T>
class Conv3d : public ConvLayer<Conv3d, T> {
 public:
  static constexpr std::size_t kAxes = 3;
  using Conv3d::ConvLayer::ConvLayer;
};

struct ConvTransposeLayerOptions {
  ImageSizes stride = 1;
  ImageSizes padding = 0;
  ImageSizes output_padding = 0;
  std::size_t groups = 1;
  bool bias = true;
  ImageSizes dilation = 1;
  Generator* generator = nullptr;  ///< of the initial numbers; null: the default generator
};

/// What ConvTranspose1d, 2d and 3d have in common.
template <template <class> class M, class T>
class ConvTransposeLayer : public LibraryModule<M, T> {
 public:
  /// Throws std::invalid_argument for a size of 0, and channels that cannot be divided into the
  /// groups.
  ConvTransposeLayer(std::size_t in_channels, std::size_t out_channels,
                     const ImageSizes& kernel_size, ConvTransposeLayerOptions options = {});

  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

  Tensor<T>& weight;
  Tensor<T>& bias;  ///< undefined without bias

 private:
  ConvTransposeLayerOptions options_;
};

/// A transposed convolution: see conv_transpose1d.
/// **Shapes** x (n, in, l) -> (n, out, ...). Parameters: weight (in, out / groups, kernel) and bias
/// (out), both initially uniform in +-1/sqrt(out / groups kernel).
template <class T>
class ConvTranspose1d : public ConvTransposeLayer<ConvTranspose1d, T> {
 public:
  static constexpr std::size_t kAxes = 1;
  using ConvTranspose1d::ConvTransposeLayer::ConvTransposeLayer;
};
/// The same of images.
template <class T>
class ConvTranspose2d : public ConvTransposeLayer<ConvTranspose2d, T> {
 public:
  static constexpr std::size_t kAxes = 2;
  using ConvTranspose2d::ConvTransposeLayer::ConvTransposeLayer;
};
/// The same of (n, in, d, h, w).
template <class T>
class ConvTranspose3d : public ConvTransposeLayer<ConvTranspose3d, T> {
 public:
  static constexpr std::size_t kAxes = 3;
  using ConvTranspose3d::ConvTransposeLayer::ConvTransposeLayer;
};

#define XGRAD_EXTERN(T)                                         \
  extern template class ConvLayer<Conv1d, T>;                   \
  extern template class ConvLayer<Conv2d, T>;                   \
  extern template class ConvLayer<Conv3d, T>;                   \
  extern template class ConvTransposeLayer<ConvTranspose1d, T>; \
  extern template class ConvTransposeLayer<ConvTranspose2d, T>; \
  extern template class ConvTransposeLayer<ConvTranspose3d, T>;
XGRAD_EXTERN(float)
XGRAD_EXTERN(double)
#undef XGRAD_EXTERN

}  // namespace xgrad
