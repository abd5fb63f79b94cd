#pragma once

// Loss functions as modules: operator() takes the predictions and what they should be. Formulas,
// shapes and options are those of the functions in xgrad/ops/losses.hpp and ctc.hpp, which do the
// work.
//
//   CrossEntropyLoss<float> loss({.label_smoothing = 0.1});
//   loss(net(images), labels).backward();

#include <memory>
#include <utility>

#include "xgrad/modules/module.hpp"
#include "xgrad/ops/ctc.hpp"
#include "xgrad/ops/losses.hpp"

namespace xgrad {

/// A loss of predictions x against targets t of the same shape.
template <class T>
class TargetLoss : public Module<T> {
 public:
  using Target = Tensor<T>;  ///< what it is held against
  /// The loss, without hooks: call the module instead.
  virtual Tensor<T> evaluate(const Tensor<T>& x, const Tensor<T>& t) = 0;
  Tensor<T> operator()(const Tensor<T>& x, const Tensor<T>& t) {
    return this->inside([&] { return this->hooked(x, evaluate(x, t)); });
  }
};

/// A loss of predictions x against class labels.
template <class T>
class LabelLoss : public Module<T> {
 public:
  using Target = Indices;  ///< what it is held against
  /// The loss, without hooks: call the module instead.
  virtual Tensor<T> evaluate(const Tensor<T>& x, const Indices& labels) = 0;
  Tensor<T> operator()(const Tensor<T>& x, const Indices& labels) {
    return this->inside([&] { return this->hooked(x, evaluate(x, labels)); });
  }
};

/// The loss F(x, target, options).
template <template <class> class M, class T, class Base, class Options, auto F>
class LossModule : public Base {
 public:
  using Target = typename Base::Target;  ///< what it is held against
  explicit LossModule(Options options = {}) : options_(std::move(options)) {}
  Tensor<T> evaluate(const Tensor<T>& x, const Target& target) override {
    return F(x, target, options_);
  }
  std::unique_ptr<Module<T>> structure() const override { return std::make_unique<M<T>>(options_); }

 protected:
  Options options_;
};

/// (x - t)^2.
template <class T>
struct MseLoss : LossModule<MseLoss, T, TargetLoss<T>, LossOptions, mse_loss<T>> {
  using MseLoss::LossModule::LossModule;
};

/// |x - t|.
template <class T>
struct MaeLoss : LossModule<MaeLoss, T, TargetLoss<T>, LossOptions, mae_loss<T>> {
  using MaeLoss::LossModule::LossModule;
};

/// (x - t)^2 / 2 near 0, a line further out.
template <class T>
struct HuberLoss : LossModule<HuberLoss, T, TargetLoss<T>, HuberOptions, huber_loss<T>> {
  using HuberLoss::LossModule::LossModule;
};

/// The same, over beta: |x - t| less a constant far out.
template <class T>
struct SmoothL1Loss
    : LossModule<SmoothL1Loss, T, TargetLoss<T>, SmoothL1Options, smooth_l1_loss<T>> {
  using SmoothL1Loss::LossModule::LossModule;
};

/// 1 - cosine of the angle between x and t.
template <class T>
struct CosineLoss : LossModule<CosineLoss, T, TargetLoss<T>, CosineLossOptions, cosine_loss<T>> {
  using CosineLoss::LossModule::LossModule;
};

/// -(t log x + (1 - t) log(1 - x)).
template <class T>
struct BinaryCrossEntropyLoss
    : LossModule<BinaryCrossEntropyLoss, T, TargetLoss<T>, LossOptions, binary_cross_entropy<T>> {
  using BinaryCrossEntropyLoss::LossModule::LossModule;
};

/// The same for probabilities sigmoid(x).
template <class T>
struct BinaryCrossEntropyWithLogitsLoss
    : LossModule<BinaryCrossEntropyWithLogitsLoss, T, TargetLoss<T>, LogitLossOptions<T>,
                 binary_cross_entropy_with_logits<T>> {
  using BinaryCrossEntropyWithLogitsLoss::LossModule::LossModule;
};

/// t (log t - x): Kullback-Leibler divergence of exp(x) from t.
template <class T>
struct KlLoss : LossModule<KlLoss, T, TargetLoss<T>, KlOptions, kl_div<T>> {
  using KlLoss::LossModule::LossModule;
};

/// -x[label], x being logarithms of probabilities.
template <class T>
struct NllLoss : LossModule<NllLoss, T, LabelLoss<T>, NllOptions<T>, nll_loss<T>> {
  using NllLoss::LossModule::LossModule;
};

namespace detail {
template <class T>
using LabelCrossEntropy = Tensor<T> (*)(const Tensor<T>&, const Indices&,
                                        const CrossEntropyOptions<T>&);
}  // namespace detail

/// -log_softmax(x)[label], or for targets that are probabilities -sum of t log_softmax(x).
template <class T>
struct CrossEntropyLoss : LossModule<CrossEntropyLoss, T, LabelLoss<T>, CrossEntropyOptions<T>,
                                     detail::LabelCrossEntropy<T>(cross_entropy<T>)> {
  using CrossEntropyLoss::LossModule::evaluate;
  using CrossEntropyLoss::LossModule::LossModule;
  using LabelLoss<T>::operator();
  Tensor<T> evaluate(const Tensor<T>& x, const Tensor<T>& t) {
    return cross_entropy(x, t, this->options_);
  }
  Tensor<T> operator()(const Tensor<T>& x, const Tensor<T>& t) {
    return this->inside([&] { return this->hooked(x, evaluate(x, t)); });
  }
};

/// Sum over j != label of max(0, x[j] - x[label] + margin).
template <class T>
struct MultiClassHingeLoss
    : LossModule<MultiClassHingeLoss, T, LabelLoss<T>, HingeOptions, multi_class_hinge<T>> {
  using MultiClassHingeLoss::LossModule::LossModule;
};

/// Sum over j != label of max(0, x[j] - x[label] + margin)^2.
template <class T>
struct MultiClassSquaredHingeLoss : LossModule<MultiClassSquaredHingeLoss, T, LabelLoss<T>,
                                               HingeOptions, multi_class_squared_hinge<T>> {
  using MultiClassSquaredHingeLoss::LossModule::LossModule;
};

/// exp(x) - t x: of counts t, x being the logarithm of their rate.
template <class T>
struct PoissonNllLoss
    : LossModule<PoissonNllLoss, T, TargetLoss<T>, PoissonNllOptions, poisson_nll_loss<T>> {
  using PoissonNllLoss::LossModule::LossModule;
};

/// Binary cross entropy of sigmoid(x) times (1 - p_t)^gamma.
template <class T>
struct SigmoidFocalLoss
    : LossModule<SigmoidFocalLoss, T, TargetLoss<T>, SigmoidFocalOptions, sigmoid_focal_loss<T>> {
  using SigmoidFocalLoss::LossModule::LossModule;
};

/// Cross entropy times (1 - p)^gamma, p that of the label.
template <class T>
struct FocalLoss : LossModule<FocalLoss, T, LabelLoss<T>, FocalOptions<T>, focal_loss<T>> {
  using FocalLoss::LossModule::LossModule;
};

/// The loss F(x, others..., options). A hook is given x.
template <class M, class T, class Options, auto F, class... Others>
class LossOfSeveral : public Module<T> {
 public:
  explicit LossOfSeveral(Options options = {}) : options_(std::move(options)) {}
  Tensor<T> operator()(const Tensor<T>& x, const Others&... others) {
    return this->inside([&] { return this->hooked(x, F(x, others..., options_)); });
  }
  std::unique_ptr<Module<T>> structure() const override { return std::make_unique<M>(options_); }

 private:
  Options options_;
};

/// loss(x, targets, input_lengths, target_lengths): -log of the probability of sequences of labels.
template <class T>
struct CtcLoss : LossOfSeveral<CtcLoss<T>, T, CtcOptions, ctc_loss<T>, Indices, Indices, Indices> {
  using CtcLoss::LossOfSeveral::LossOfSeveral;
};

/// loss(x, t, var): (log var + (x - t)^2 / var) / 2.
template <class T>
struct GaussianNllLoss : LossOfSeveral<GaussianNllLoss<T>, T, GaussianNllOptions,
                                       gaussian_nll_loss<T>, Tensor<T>, Tensor<T>> {
  using GaussianNllLoss::LossOfSeveral::LossOfSeveral;
};

/// loss(anchor, positive, negative): what the distance of the positive lacks of being smaller by
/// the margin.
template <class T>
struct TripletMarginLoss : LossOfSeveral<TripletMarginLoss<T>, T, TripletMarginOptions,
                                         triplet_margin_loss<T>, Tensor<T>, Tensor<T>> {
  using TripletMarginLoss::LossOfSeveral::LossOfSeveral;
};

}  // namespace xgrad
