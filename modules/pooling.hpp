#pragma once

// Pooling and resizing of images as layers. The operations, with their gradients, are in
// xgrad/ops/pooling.hpp and resizing.hpp; names of options are those of PyTorch. What pools may be one
// sample, without the axis n.

#include "xgrad/modules/library_module.hpp"
#include "xgrad/ops/pooling.hpp"
#include "xgrad/ops/resizing.hpp"

namespace xgrad {

/// What layers of windows have in common; M::kAxes is the number of axes.
template <template <class> class M, class T, class Options>
class PoolLayer : public LibraryModule<M, T> {
 public:
  /// Throws std::invalid_argument for a kernel_size of 0 and other than one number or one for each
  /// axis.
  explicit PoolLayer(const ImageSizes& kernel_size, Options options = {});
  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  ImageSizes kernel_size_;
  Options options_;
};

/// The largest number of each window: see max_pool1d.
template <class T>
class MaxPool1d : public PoolLayer<MaxPool1d, T, MaxPoolOptions> {
 public:
  static constexpr std::size_t kAxes = 1;
  using MaxPool1d::PoolLayer::PoolLayer;
};
/// The same of images: `MaxPool2d<float>(2)`.
template <class T>
class MaxPool2d : public PoolLayer<MaxPool2d, T, MaxPoolOptions> {
 public:
  static constexpr std::size_t kAxes = 2;
  using MaxPool2d::PoolLayer::PoolLayer;
};
/// The same of (n, c, d, h, w).
template <class T>
class MaxPool3d : public PoolLayer<MaxPool3d, T, MaxPoolOptions> {
 public:
  static constexpr std::size_t kAxes = 3;
  using MaxPool3d::PoolLayer::PoolLayer;
};

/// The average of each window: see avg_pool1d.
template <class T>
class AvgPool1d : public PoolLayer<AvgPool1d, T, AvgPoolOptions> {
 public:
  static constexpr std::size_t kAxes = 1;
  using AvgPool1d::PoolLayer::PoolLayer;
};
/// The same of images.
template <class T>
class AvgPool2d : public PoolLayer<AvgPool2d, T, AvgPoolOptions> {
 public:
  static constexpr std::size_t kAxes = 2;
  using AvgPool2d::PoolLayer::PoolLayer;
};
/// The same of (n, c, d, h, w).
template <class T>
class AvgPool3d : public PoolLayer<AvgPool3d, T, AvgPoolOptions> {
 public:
  static constexpr std::size_t kAxes = 3;
  using AvgPool3d::PoolLayer::PoolLayer;
};

namespace detail {
/// x made to a size.
template <class T>
using ToSize = Tensor<T> (*)(const Tensor<T>& x, const ImageSizes& size);
}  // namespace detail

/// F(x, output_size).
template <template <class> class M, class T, detail::ToSize<T> F>
class AdaptivePool : public LibraryModule<M, T> {
 public:
  explicit AdaptivePool(const ImageSizes& output_size) : output_size_(output_size) {}
  Tensor<T> forward(const Tensor<T>& x) override { return F(x, output_size_); }
  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  ImageSizes output_size_;
};

/// Averages of output_size windows: see adaptive_avg_pool1d.
template <class T>
struct AdaptiveAvgPool1d : AdaptivePool<AdaptiveAvgPool1d, T, adaptive_avg_pool1d<T>> {
  using AdaptiveAvgPool1d::AdaptivePool::AdaptivePool;
};
/// The mean of each part of images.
template <class T>
struct AdaptiveAvgPool2d : AdaptivePool<AdaptiveAvgPool2d, T, adaptive_avg_pool2d<T>> {
  using AdaptiveAvgPool2d::AdaptivePool::AdaptivePool;
};
/// The mean of each part of (n, c, d, h, w).
template <class T>
struct AdaptiveAvgPool3d : AdaptivePool<AdaptiveAvgPool3d, T, adaptive_avg_pool3d<T>> {
  using AdaptiveAvgPool3d::AdaptivePool::AdaptivePool;
};
/// Their largest numbers.
template <class T>
struct AdaptiveMaxPool1d : AdaptivePool<AdaptiveMaxPool1d, T, adaptive_max_pool1d<T>> {
  using AdaptiveMaxPool1d::AdaptivePool::AdaptivePool;
};
/// The largest number of each part of images.
template <class T>
struct AdaptiveMaxPool2d : AdaptivePool<AdaptiveMaxPool2d, T, adaptive_max_pool2d<T>> {
  using AdaptiveMaxPool2d::AdaptivePool::AdaptivePool;
};
/// The largest number of each part of (n, c, d, h, w).
template <class T>
struct AdaptiveMaxPool3d : AdaptivePool<AdaptiveMaxPool3d, T, adaptive_max_pool3d<T>> {
  using AdaptiveMaxPool3d::AdaptivePool::AdaptivePool;
};

/// The average of each channel. **Shapes** x (n, c, ...) -> (n, c).
template <class T>
struct GlobalAvgPool : FunctionModule<GlobalAvgPool, T, global_avg_pool<T>> {};
/// The largest number of each channel. **Shapes** x (n, c, ...) -> (n, c).
template <class T>
struct GlobalMaxPool : FunctionModule<GlobalMaxPool, T, global_max_pool<T>> {};

/// Images of another size: see upsample.
template <class T>
class Upsample : public LibraryModule<Upsample, T> {
 public:
  explicit Upsample(UpsampleOptions options) : options_(std::move(options)) {}
  Tensor<T> forward(const Tensor<T>& x) override { return upsample(x, options_); }
  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  UpsampleOptions options_;
};

/// Channels become places: see pixel_shuffle.
template <class T>
struct PixelShuffle : FunctionModule<PixelShuffle, T, pixel_shuffle<T>, std::size_t> {
  static constexpr std::array kOptions = {"upscale_factor"};
  /// See pixel_shuffle.
  explicit PixelShuffle(std::size_t upscale_factor)
      : PixelShuffle::FunctionModule(upscale_factor) {}
};
/// Places become channels.
template <class T>
struct PixelUnshuffle : FunctionModule<PixelUnshuffle, T, pixel_unshuffle<T>, std::size_t> {
  static constexpr std::array kOptions = {"downscale_factor"};
  /// See pixel_unshuffle.
  explicit PixelUnshuffle(std::size_t downscale_factor)
      : PixelUnshuffle::FunctionModule(downscale_factor) {}
};

/// Windows as columns: see unfold.
template <class T>
class Unfold : public LibraryModule<Unfold, T> {
 public:
  /// See unfold.
  explicit Unfold(const ImageSizes& kernel_size, UnfoldOptions options = {})
      : kernel_size_(kernel_size), options_(std::move(options)) {}
  Tensor<T> forward(const Tensor<T>& x) override { return unfold(x, kernel_size_, options_); }
  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  ImageSizes kernel_size_;
  UnfoldOptions options_;
};

/// Columns as images: see fold. PyTorch's Fold, a name that the parts of cross-validation have here.
template <class T>
class Refold : public LibraryModule<Refold, T> {
 public:
  /// See fold.
  Refold(const ImageSizes& output_size, const ImageSizes& kernel_size, UnfoldOptions options = {})
      : output_size_(output_size), kernel_size_(kernel_size), options_(std::move(options)) {}
  Tensor<T> forward(const Tensor<T>& x) override {
    return fold(x, output_size_, kernel_size_, options_);
  }
  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

 private:
  ImageSizes output_size_, kernel_size_;
  UnfoldOptions options_;
};

#define XGRAD_EXTERN(T)                                                             \
  extern template class PoolLayer<MaxPool1d, T, MaxPoolOptions>;                    \
  extern template class PoolLayer<MaxPool2d, T, MaxPoolOptions>;                    \
  extern template class PoolLayer<MaxPool3d, T, MaxPoolOptions>;                    \
  extern template class PoolLayer<AvgPool1d, T, AvgPoolOptions>;                    \
  extern template class PoolLayer<AvgPool2d, T, AvgPoolOptions>;                    \
  extern template class PoolLayer<AvgPool3d, T, AvgPoolOptions>;                    \
  extern template class AdaptivePool<AdaptiveAvgPool1d, T, adaptive_avg_pool1d<T>>; \
  extern template class AdaptivePool<AdaptiveAvgPool2d, T, adaptive_avg_pool2d<T>>; \
  extern template class AdaptivePool<AdaptiveAvgPool3d, T, adaptive_avg_pool3d<T>>; \
  extern template class AdaptivePool<AdaptiveMaxPool1d, T, adaptive_max_pool1d<T>>; \
  extern template class AdaptivePool<AdaptiveMaxPool2d, T, adaptive_max_pool2d<T>>; \
  extern template class AdaptivePool<AdaptiveMaxPool3d, T, adaptive_max_pool3d<T>>; \
  extern template class Upsample<T>;                                                \
  extern template class Unfold<T>;                                                  \
  extern template class Refold<T>;
XGRAD_EXTERN(float)
XGRAD_EXTERN(double)
#undef XGRAD_EXTERN

}  // namespace xgrad
