#pragma once

// Normalisation layers: BatchNorm, LayerNorm, GroupNorm, RmsNorm. The operations, with their
// gradients and sources, are in xgrad/ops/normalization.hpp; weights as lengths and directions
// in weight_norm.hpp.

#include <optional>

#include "xgrad/modules/library_module.hpp"

namespace xgrad {

struct BatchNormLayerOptions {
  double eps = 1e-5;  ///< added to the variance
  /// Share of each batch in the running statistics, in (0, 1]; none: their average over
  /// all batches.
  std::optional<double> momentum = 0.1;
  bool affine = true;  ///< weight and bias
  bool track = true;   ///< running statistics; without them evaluation uses those of its batch, too
};

/// Normalises each channel to mean 0 and variance 1 over the batch, then scales and shifts it:
///   y = (x - mean) / sqrt(variance + eps) weight + bias.
/// In training mean and variance are those of the batch; each forward also moves the running ones,
///   running = (1 - momentum) running + momentum batch,
/// with the unbiased variance. In evaluation the running ones are used.
/// **Shapes** x (n, features) or (n, features, ...) -> the same; statistics over all axes but 1.
/// Parameters: weight (features), initially 1, and bias (features), initially 0. Buffers:
/// running_mean (features), initially 0, running_var (features), initially 1, and
/// num_batches_tracked (). Names as in PyTorch.
/// **Source** Ioffe, Szegedy 2015.
template <class T>
class BatchNorm : public LibraryModule<BatchNorm, T> {
 public:
  /// Throws std::invalid_argument for no features, eps < 0, and a momentum outside (0, 1].
  explicit BatchNorm(std::size_t features, BatchNormLayerOptions options = {});

  /// Throws std::invalid_argument when axis 1 has another size, and in training for one number per
  /// channel: it has no variance.
  Tensor<T> forward(const Tensor<T>& x) override;

  /// Forgets the running statistics.
  void reset_statistics();

  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

  Tensor<T>& weight;               ///< undefined when not affine
  Tensor<T>& bias;                 ///< undefined when not affine
  Tensor<T>& running_mean;         ///< undefined when not tracked
  Tensor<T>& running_var;          ///< undefined when not tracked
  Tensor<T>& num_batches_tracked;  ///< undefined when not tracked

 private:
  void check(const Tensor<T>& x, bool uses_batch) const;
  Tensor<T> move(const Tensor<T>& x);

  BatchNormLayerOptions options_;
  std::size_t features_;
};

struct NormLayerOptions {
  double eps = 1e-5;   ///< added to the variance
  bool affine = true;  ///< weight and bias
};

/// A norm over the last axes, with a weight for each of their numbers. M::kName names it in errors.
template <template <class> class M, class T>
class LastAxesNorm : public LibraryModule<M, T> {
 public:
  /// Over one axis of `features`, or over several.
  explicit LastAxesNorm(std::size_t features, NormLayerOptions options = {})
      : LastAxesNorm(Shape{features}, options) {}
  /// Throws std::invalid_argument for no numbers and eps < 0.
  explicit LastAxesNorm(const Shape& normalized, NormLayerOptions options = {});

  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

  Tensor<T>& weight;  ///< undefined when not affine

 protected:
  NormLayerOptions options_;
  Shape normalized_;
};

/// Normalises each sample over its last axes: y = (x - mean) / sqrt(variance + eps) weight + bias.
/// The same in training and evaluation.
/// **Shapes** x (..., normalized) -> the same. Parameters: weight (normalized), initially 1, and
/// bias (normalized), initially 0.
/// **Source** Ba, Kiros, Hinton 2016.
template <class T>
class LayerNorm : public LastAxesNorm<LayerNorm, T> {
 public:
  static constexpr const char* kName = "LayerNorm";
  using LayerNorm::LastAxesNorm::LastAxesNorm;

  /// Throws std::invalid_argument when the last axes of x are not `normalized`.
  Tensor<T> forward(const Tensor<T>& x) override;

  Tensor<T>& bias = initial_bias();  ///< undefined when not affine

 private:
  Tensor<T>& initial_bias();
};

/// x / sqrt(mean(x^2) + eps) weight over the last axes.
/// **Shapes** as LayerNorm. Parameter: weight (normalized), initially 1.
/// **Source** Zhang, Sennrich 2019.
template <class T>
class RmsNorm : public LastAxesNorm<RmsNorm, T> {
 public:
  static constexpr const char* kName = "RmsNorm";
  using RmsNorm::LastAxesNorm::LastAxesNorm;

  /// Throws std::invalid_argument when the last axes of x are not `normalized`.
  Tensor<T> forward(const Tensor<T>& x) override;
};

/// Normalises each sample over groups of neighbouring channels and all that follows them, then
/// scales and shifts each channel. As many groups as channels is instance normalisation, one group
/// normalises the whole sample.
/// **Shapes** x (n, channels, ...) -> the same. Parameters: weight (channels), initially 1, and
/// bias (channels), initially 0.
/// **Source** Wu, He 2018.
template <class T>
class GroupNorm : public LibraryModule<GroupNorm, T> {
 public:
  /// Throws std::invalid_argument when the channels cannot be divided into the groups, and for
  /// eps < 0.
  GroupNorm(std::size_t groups, std::size_t channels, NormLayerOptions options = {});

  /// Throws std::invalid_argument when axis 1 has another size.
  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

  Tensor<T>& weight;  ///< undefined when not affine
  Tensor<T>& bias;    ///< undefined when not affine

 private:
  NormLayerOptions options_;
  std::size_t groups_, channels_;
};

struct InstanceNormOptions {
  double eps = 1e-5;    ///< added to the variance
  bool affine = false;  ///< weight and bias
};

/// Normalises each channel of each sample, then scales and shifts it: GroupNorm with as many groups as
/// channels. Running statistics, which PyTorch offers, there are none.
/// **Shapes** x (n, features, ...) -> the same. Parameters, when affine: weight (features), initially
/// 1, and bias (features), initially 0.
/// **Source** Ulyanov, Vedaldi, Lempitsky 2016.
template <class T>
class InstanceNorm : public LibraryModule<InstanceNorm, T> {
 public:
  /// Throws std::invalid_argument for no features and eps < 0.
  explicit InstanceNorm(std::size_t features, InstanceNormOptions options = {});

  /// Throws std::invalid_argument when axis 1 has another size, and for one number per channel.
  Tensor<T> forward(const Tensor<T>& x) override;
  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

  Tensor<T>& weight;  ///< undefined when not affine
  Tensor<T>& bias;    ///< undefined when not affine

 private:
  InstanceNormOptions options_;
  std::size_t features_;
};

// PyTorch's names: the rank of x makes no difference.
template <class T>
using BatchNorm1d = BatchNorm<T>;
template <class T>
using BatchNorm2d = BatchNorm<T>;
template <class T>
using InstanceNorm1d = InstanceNorm<T>;
template <class T>
using InstanceNorm2d = InstanceNorm<T>;

extern template class InstanceNorm<float>;
extern template class InstanceNorm<double>;
extern template class BatchNorm<float>;
extern template class BatchNorm<double>;
extern template class LastAxesNorm<LayerNorm, float>;
extern template class LayerNorm<float>;
extern template class LastAxesNorm<LayerNorm, double>;
extern template class LayerNorm<double>;
extern template class LastAxesNorm<RmsNorm, float>;
extern template class RmsNorm<float>;
extern template class LastAxesNorm<RmsNorm, double>;
extern template class RmsNorm<double>;
extern template class GroupNorm<float>;
extern template class GroupNorm<double>;

}  // namespace xgrad
