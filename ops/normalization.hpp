#pragma once

// Normalisations: y = (x - mean) / sqrt(variance + eps) weight + bias, with the statistics of some
// part of x.
//
//   batch_norm   each channel over the batch              weight, bias (c)
//   layer_norm   each sample over its last axes           weight, bias of the sizes of those axes
//   group_norm   each sample over groups of its channels  weight, bias (c)
//   rms_norm     as layer_norm, without a mean            weight of the sizes of the last axes
//
// Channels are axis 1: x (n, c), (n, c, h, w), or with any other axes after the second. weight and
// bias may be undefined, for 1 and 0. Variances are biased (divided by the number of elements) and
// taken around the mean.
//
// Gradient, with z = (x - mean) / sqrt(variance + eps), u = gy weight, and means over the part that
// shares statistics: gx = (u - mean(u) - z mean(u z)) / sqrt(variance + eps), gweight = sum(gy z),
// gbias = sum(gy).
//
// Each is one operation with its own kernels in both directions: composed of elementwise operations
// it takes some ten passes over memory. Second and higher derivatives are composed.
//
// Throws std::invalid_argument for shapes that do not fit.

#include <type_traits>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

struct NormOptions {
  double eps = 1e-5;  ///< added to the variance
};

/// What a batch normalisation found out about the channels of its batch.
template <class T>
struct BatchStatistics {
  Tensor<T> mean;         ///< (c)
  Tensor<T> variance;     ///< (c), biased
  std::size_t count = 0;  ///< elements of each channel
};

template <class T>
struct BatchNormOptions {
  double eps = 1e-5;                         ///< added to the variance
  BatchStatistics<T>* statistics = nullptr;  ///< receives those of the batch
};

/// Normalises each channel with the statistics of the batch, as in training.
/// Throws also when channels have no more than one element.
/// Source: S. Ioffe, C. Szegedy, Batch normalization, 2015.
template <class T>
Tensor<T> batch_norm(const Tensor<T>& x, const std::type_identity_t<Tensor<T>>& weight = {},
                     const std::type_identity_t<Tensor<T>>& bias = {},
                     const std::type_identity_t<BatchNormOptions<T>>& options = {});

/// Normalises each channel with given statistics, as in evaluation.
/// Shapes: mean and variance (c). Gradients flow through them as well.
template <class T>
Tensor<T> batch_norm_inference(const Tensor<T>& x, const Tensor<T>& mean, const Tensor<T>& variance,
                               const std::type_identity_t<Tensor<T>>& weight = {},
                               const std::type_identity_t<Tensor<T>>& bias = {},
                               NormOptions options = {});

/// running = (1 - momentum) running + momentum batch, in place, for constants mean and variance.
/// The variance that goes in is the unbiased one, count / (count - 1) times that of the batch.
/// Shapes: mean and variance (c).
template <class T>
void update_running_statistics(const BatchStatistics<T>& batch, double momentum, Tensor<T>& mean,
                               Tensor<T>& variance);

/// Normalises over the last axes, whose sizes are `normalized`: layer_norm(x, {512}, weight, bias).
/// Shapes: x (..., normalized), weight and bias (normalized) -> (..., normalized).
/// Source: J. L. Ba, J. R. Kiros, G. E. Hinton, Layer normalization, 2016.
template <class T>
Tensor<T> layer_norm(const Tensor<T>& x, const Shape& normalized,
                     const std::type_identity_t<Tensor<T>>& weight = {},
                     const std::type_identity_t<Tensor<T>>& bias = {}, NormOptions options = {});

/// x / sqrt(mean(x^2) + eps) weight over the last axes.
/// Gradient: as above with mean(u) and the mean of x left out.
/// Source: B. Zhang, R. Sennrich, Root mean square layer normalization, 2019.
template <class T>
Tensor<T> rms_norm(const Tensor<T>& x, const Shape& normalized,
                   const std::type_identity_t<Tensor<T>>& weight = {}, NormOptions options = {});

/// Normalises each sample over groups of c / groups neighbouring channels with all that follows.
/// With as many groups as channels this is instance normalisation.
/// Throws also when the channels cannot be divided into the groups.
/// Source: Y. Wu, K. He, Group normalization, 2018.
template <class T>
Tensor<T> group_norm(const Tensor<T>& x, std::size_t groups,
                     const std::type_identity_t<Tensor<T>>& weight = {},
                     const std::type_identity_t<Tensor<T>>& bias = {}, NormOptions options = {});

}  // namespace xgrad
