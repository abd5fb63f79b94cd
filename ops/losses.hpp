#pragma once

// Loss functions: how far predictions are from targets.
//
//   Tensor<float> loss = cross_entropy(net(images), labels, {.label_smoothing = 0.1});
//
// Each has a `reduction`: the mean over all elements (or samples, where it says so), the sum, or
// none at all.
//
// Shapes: predictions and targets are the same. Labels have the shape of the predictions without
// the axis of the classes, which is axis 1, or the only one: (n, c) with labels (n), (n, c, h, w)
// with labels (n, h, w), (c) with labels (). With no reduction the result has the shape of the
// elements or of the labels.
//
// Targets may require gradients; labels and weights of classes cannot. Kinks: docs/conventions.md.
//
// Throws, before anything is computed: std::invalid_argument for shapes that do not fit,
// std::out_of_range for a label that is not a class.
//
// cross_entropy with labels and nll_loss are operations of their own, in one pass each way. The
// element by element losses are one formula each, followed by a reduction; the rest is composed.

#include <cstdint>
#include <type_traits>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

/// What becomes of the losses of the elements or samples.
enum class Reduction {
  none,
  mean,
  sum,
  batchmean  ///< the sum divided by the size of the first axis, the number of samples
};

struct LossOptions {
  Reduction reduction = Reduction::mean;
};

// Regression

/// (x - t)^2.
template <class T>
Tensor<T> mse_loss(const Tensor<T>& x, const Tensor<T>& t, LossOptions options = {});

/// |x - t|. Gradient: 0 where x = t.
template <class T>
Tensor<T> mae_loss(const Tensor<T>& x, const Tensor<T>& t, LossOptions options = {});

struct HuberOptions {
  double delta = 1;  ///< where the parabola becomes a line; positive
  Reduction reduction = Reduction::mean;
};

/// With e = x - t: e^2 / 2 for |e| < delta, delta (|e| - delta / 2) beyond.
/// Gradient: e limited to [-delta, delta]; second derivative 1 inside, 0 at and beyond delta.
/// Throws std::invalid_argument unless delta > 0.
/// Source: P. J. Huber, Robust estimation of a location parameter, 1964.
template <class T>
Tensor<T> huber_loss(const Tensor<T>& x, const Tensor<T>& t, HuberOptions options = {});

/// How cosine_similarity and cosine_loss see their operands.
struct CosineOptions {
  std::ptrdiff_t axis = 1;  ///< along which the vectors lie
  double eps = 1e-8;        ///< lower limit of each norm
};

/// a . b / (max(|a|, eps) max(|b|, eps)) of the vectors along an axis; 0 where a vector is 0, for any
/// eps.
/// Shapes: a and b the same -> without the axis.
/// Throws std::out_of_range for an axis that is not there.
template <class T>
Tensor<T> cosine_similarity(const Tensor<T>& a, const Tensor<T>& b, CosineOptions options = {});

struct CosineLossOptions {
  std::ptrdiff_t axis = 1;
  double eps = 1e-8;  ///< least norm that is divided by
  Reduction reduction = Reduction::mean;
};

/// 1 - cosine_similarity(a, b).
template <class T>
Tensor<T> cosine_loss(const Tensor<T>& a, const Tensor<T>& b, CosineLossOptions options = {});

// Probabilities

/// -(t log p + (1 - t) log(1 - p)). The logarithms are limited to -100 from below, and flat there.
/// Throws std::invalid_argument for p outside [0, 1]. NaN is let through.
template <class T>
Tensor<T> binary_cross_entropy(const Tensor<T>& p, const Tensor<T>& t, LossOptions options = {});

template <class T>
struct LogitLossOptions {
  Reduction reduction = Reduction::mean;
  Tensor<T> pos_weight = {};  ///< of the targets that are 1; undefined: 1. Gets no gradient.
};

/// The same for p = sigmoid(x), without overflow or loss of precision. Gradient: sigmoid(x) - t.
/// With pos_weight w, which broadcasts to x, such as (c) to (n, c): -(w t log p + (1 - t) log(1 -
/// p)), for classes of unequal size. Throws std::invalid_argument when it does not broadcast.
template <class T>
Tensor<T> binary_cross_entropy_with_logits(
    const Tensor<T>& x, const Tensor<T>& t,
    const std::type_identity_t<LogitLossOptions<T>>& options = {});

struct KlOptions {
  bool log_target = false;  ///< t is the logarithm of the target
  Reduction reduction = Reduction::mean;
  bool any_targets = false;  ///< t need not be probabilities
};

/// Elements of the Kullback-Leibler divergence of exp(x) from t: t (log t - x), 0 where t is 0;
/// with log_target exp(t) (t - x). The mean is over all elements; the divergence itself is the sum
/// divided by the number of samples: Reduction::batchmean.
/// Gradient: -t by x; log t + 1 - x by t, 0 where t is 0.
/// Throws std::invalid_argument with Reduction::batchmean, unless `any_targets`, where the targets
/// of a sample are no distribution: one is negative, or their sum is not within 0.001 of 1.
template <class T>
Tensor<T> kl_div(const Tensor<T>& x, const Tensor<T>& t, KlOptions options = {});

// Classification

template <class T>
struct NllOptions {
  Tensor<T> weight = {};             ///< (c), of each class; undefined: 1
  std::int64_t ignore_index = -100;  ///< samples with this label do not count
  Reduction reduction = Reduction::mean;
};

template <class T>
struct CrossEntropyOptions {
  Tensor<T> weight = {};       ///< (c), of each class; undefined: 1. Gets no gradient.
  double label_smoothing = 0;  ///< in [0, 1]: how much of the target is spread over all classes
  std::int64_t ignore_index = -100;  ///< samples with this label do not count; labels only
  Reduction reduction = Reduction::mean;
  bool any_targets = false;  ///< t need not be probabilities: weights of any sign and sum
};

/// Negative log likelihood: -weight[label] x[label], x being logarithms of probabilities.
/// The mean is the sum over the samples that count divided by the sum of their weights; NaN when
/// none counts.
template <class T>
Tensor<T> nll_loss(const Tensor<T>& x, const Indices& labels,
                   const std::type_identity_t<NllOptions<T>>& options = {});

/// Cross entropy of softmax(x) against labels: -weight[label] log_softmax(x)[label]. With label
/// smoothing s and c classes: (1 - s) of that, plus s / c of -sum(weight log_softmax(x)). The mean
/// is the sum over the samples that count divided by the sum of the weights of their labels; NaN
/// when none counts. Gradient: weight[label] (softmax(x) - onehot(label)). Throws
/// std::invalid_argument for smoothing outside [0, 1].
template <class T>
Tensor<T> cross_entropy(const Tensor<T>& x, const Indices& labels,
                        const std::type_identity_t<CrossEntropyOptions<T>>& options = {});

/// Cross entropy against probabilities t of the shape of x: -sum(weight t log_softmax(x)), where
/// smoothing replaces t by (1 - s) t + s / c. The mean is over the samples, whatever their weights.
/// Gradient: weight t summed up times softmax(x), less weight t; by t -weight log_softmax(x).
/// Throws std::invalid_argument, unless `any_targets`, when the numbers of a sample are no
/// distribution: one is negative, or their sum is not within 0.001 of 1. NaN is let through.
template <class T>
Tensor<T> cross_entropy(const Tensor<T>& x, const Tensor<T>& t,
                        const std::type_identity_t<CrossEntropyOptions<T>>& options = {});

struct HingeOptions {
  double margin = 1;                      ///< by how much the right score must be larger
  Reduction reduction = Reduction::mean;  ///< over the samples
};

/// sum over j != label of max(0, x[j] - x[label] + margin): the multi-class support vector machine.
/// Gradient: 0 for a class exactly at the margin.
/// Source: J. Weston, C. Watkins, Support vector machines for multi-class pattern recognition,
/// 1999.
template <class T>
Tensor<T> multi_class_hinge(const Tensor<T>& x, const Indices& labels, HingeOptions options = {});

/// sum over j != label of max(0, x[j] - x[label] + margin)^2. Second derivative 0 exactly at
/// the margin.
template <class T>
Tensor<T> multi_class_squared_hinge(const Tensor<T>& x, const Indices& labels,
                                    HingeOptions options = {});

struct SmoothL1Options {
  double beta = 1;  ///< where the parabola becomes a line; at least 0, finite
  Reduction reduction = Reduction::mean;
};

/// With e = x - t: e^2 / (2 beta) for |e| < beta, |e| - beta / 2 beyond: huber_loss / beta, which
/// is mae_loss for beta 0. Throws std::invalid_argument for beta out of range.
/// Source: R. Girshick, Fast R-CNN, 2015.
template <class T>
Tensor<T> smooth_l1_loss(const Tensor<T>& x, const Tensor<T>& t, SmoothL1Options options = {});

// Likelihoods

struct GaussianNllOptions {
  bool full = false;  ///< with log(2 pi) / 2, which no gradient sees
  double eps = 1e-6;  ///< lower limit of the variance; positive
  Reduction reduction = Reduction::mean;
};

/// -log of the normal density of t with mean x and variance v = max(var, eps), but for a constant:
/// (log v + (x - t)^2 / v) / 2. var has the shape of x, or that without its last axis, or with
/// size 1 there. Gradient: by var that of v, also where eps takes its place, as in PyTorch. Throws
/// std::invalid_argument for a negative variance and unless eps is positive and finite.
/// Source: D. A. Nix, A. S. Weigend, Estimating the mean and variance of the target probability
/// distribution, 1994.
template <class T>
Tensor<T> gaussian_nll_loss(const Tensor<T>& x, const Tensor<T>& t, const Tensor<T>& var,
                            GaussianNllOptions options = {});

struct PoissonNllOptions {
  bool log_input = true;  ///< x is the logarithm of the rate
  bool full = false;      ///< with Stirling's t log t - t + log(2 pi t) / 2 where t > 1
  double eps = 1e-8;      ///< added to a rate before its logarithm is taken; positive
  Reduction reduction = Reduction::mean;
};

/// -log of the Poisson probability of counts t, but for what depends on t alone: exp(x) - t x, or
/// for rates x - t log(x + eps). Throws std::invalid_argument unless eps is positive and finite.
template <class T>
Tensor<T> poisson_nll_loss(const Tensor<T>& x, const Tensor<T>& t, PoissonNllOptions options = {});

// Distances and hard examples

struct TripletMarginOptions {
  double margin = 1;  ///< at least 0
  double p = 2;       ///< of the norm; positive
  double eps = 1e-6;  ///< added to each difference; at least 0
  bool swap = false;  ///< the negative's distance is the smaller of those to anchor and positive
  Reduction reduction = Reduction::mean;
};

/// max(0, d(anchor, positive) - d(anchor, negative) + margin), d(a, b) = |a - b + eps|_p along the
/// last axis. Shapes: all the same (..., d) -> (...). Throws std::invalid_argument for options out
/// of range and for tensors without an axis.
/// Source: V. Balntas, E. Riba, D. Ponsa, K. Mikolajczyk, Learning local feature descriptors with
/// triplets and shallow convolutional neural networks, 2016, which also has the swap.
template <class T>
Tensor<T> triplet_margin_loss(const Tensor<T>& anchor, const Tensor<T>& positive,
                              const Tensor<T>& negative, TripletMarginOptions options = {});

struct SigmoidFocalOptions {
  double alpha = 0.25;  ///< weight of targets 1, 1 - alpha that of 0; in [0, 1], or -1: no weights
  double gamma = 2;     ///< at least 0; 0: binary cross entropy
  Reduction reduction = Reduction::mean;
};

/// Cross entropy of p = sigmoid(x) that easy examples hardly count in: binary_cross_entropy (1 -
/// p_t)^gamma, 1 - p_t = t (1 - p) + (1 - t) p, without loss of precision for large x. (The
/// reduction is the mean as for all losses; torchvision's default is none.)
/// Throws std::invalid_argument for options out of range and for t outside [0, 1].
/// Source: T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollar, Focal loss for dense object
/// detection, 2017.
template <class T>
Tensor<T> sigmoid_focal_loss(const Tensor<T>& x, const Tensor<T>& t,
                             SigmoidFocalOptions options = {});

template <class T>
struct FocalOptions {
  double gamma = 2;                  ///< at least 0; 0: cross entropy
  Tensor<T> weight = {};             ///< (c), of each class; undefined: 1. Gets no gradient.
  std::int64_t ignore_index = -100;  ///< samples with this label do not count
  Reduction reduction = Reduction::mean;
};

/// The same for labels: -weight[label] (1 - p)^gamma log p, p = softmax(x)[label]. The mean is that
/// of cross_entropy. Throws std::invalid_argument unless gamma is at least 0 and finite.
template <class T>
Tensor<T> focal_loss(const Tensor<T>& x, const Indices& labels,
                     const std::type_identity_t<FocalOptions<T>>& options = {});

/// Refused while compiling: labels that are no Indices.
template <class T, detail::PlainRange R>
Tensor<T> cross_entropy(const Tensor<T>& x, const R& labels,
                        const std::type_identity_t<CrossEntropyOptions<T>>& options = {}) {
  return cross_entropy(x, detail::labels_of(labels), options);
}
/// Refused while compiling: labels that are no Indices.
template <class T, detail::PlainRange R>
Tensor<T> nll_loss(const Tensor<T>& x, const R& labels,
                   const std::type_identity_t<NllOptions<T>>& options = {}) {
  return nll_loss(x, detail::labels_of(labels), options);
}
/// Refused while compiling: labels that are no Indices.
template <class T, detail::PlainRange R>
Tensor<T> focal_loss(const Tensor<T>& x, const R& labels,
                     const std::type_identity_t<FocalOptions<T>>& options = {}) {
  return focal_loss(x, detail::labels_of(labels), options);
}
/// Refused while compiling: labels that are no Indices.
template <class T, detail::PlainRange R>
Tensor<T> multi_class_hinge(const Tensor<T>& x, const R& labels, HingeOptions options = {}) {
  return multi_class_hinge(x, detail::labels_of(labels), options);
}
/// Refused while compiling: labels that are no Indices.
template <class T, detail::PlainRange R>
Tensor<T> multi_class_squared_hinge(const Tensor<T>& x, const R& labels,
                                    HingeOptions options = {}) {
  return multi_class_squared_hinge(x, detail::labels_of(labels), options);
}
/// Refused while compiling: float with double.
template <class T, class U>
requires(!std::is_same_v<T, U>) Tensor<T> mse_loss(const Tensor<T>& x, const Tensor<U>& t,
                                                   LossOptions = {}) {
  return detail::mixed(x, t);
}
/// Refused while compiling: float with double.
template <class T, class U>
requires(!std::is_same_v<T, U>) Tensor<T> cross_entropy(
    const Tensor<T>& x, const Tensor<U>& t,
    const std::type_identity_t<CrossEntropyOptions<T>>& = {}) {
  return detail::mixed(x, t);
}

}  // namespace xgrad
