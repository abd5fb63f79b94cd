#pragma once

// Loss functions as modules: operator() takes the predictions and what they should be. Formulas,
// shapes and options are those of the functions in xgrad/ops/losses.hpp, which do the work.
//
//   CrossEntropyLoss<float> loss({.label_smoothing = 0.1});
//   loss(net(images), labels).backward();

#include "xgrad/modules/module.hpp"
#include "xgrad/ops/losses.hpp"

namespace xgrad {

/// A loss of predictions x against targets t of the same shape.
template <class T>
class TargetLoss : public Module<T> {
 public:
  virtual Tensor<T> evaluate(const Tensor<T>& x, const Tensor<T>& t) = 0;
  Tensor<T> operator()(const Tensor<T>& x, const Tensor<T>& t) {
    return this->inside([&] { return this->hooked(x, evaluate(x, t)); });
  }
};

/// A loss of predictions x against class labels.
template <class T>
class LabelLoss : public Module<T> {
 public:
  virtual Tensor<T> evaluate(const Tensor<T>& x, const Indices& labels) = 0;
  Tensor<T> operator()(const Tensor<T>& x, const Indices& labels) {
    return this->inside([&] { return this->hooked(x, evaluate(x, labels)); });
  }
};

/// (x - t)^2.
template <class T>
class MseLoss : public TargetLoss<T> {
 public:
  explicit MseLoss(LossOptions options = {}) : options_(options) {}
  Tensor<T> evaluate(const Tensor<T>& x, const Tensor<T>& t) override;
  std::unique_ptr<Module<T>> structure() const override {
    return std::make_unique<MseLoss>(options_);
  }

 private:
  LossOptions options_;
};

/// |x - t|.
template <class T>
class MaeLoss : public TargetLoss<T> {
 public:
  explicit MaeLoss(LossOptions options = {}) : options_(options) {}
  Tensor<T> evaluate(const Tensor<T>& x, const Tensor<T>& t) override;
  std::unique_ptr<Module<T>> structure() const override {
    return std::make_unique<MaeLoss>(options_);
  }

 private:
  LossOptions options_;
};

/// (x - t)^2 / 2 near 0, a line further out.
template <class T>
class HuberLoss : public TargetLoss<T> {
 public:
  explicit HuberLoss(HuberOptions options = {}) : options_(options) {}
  Tensor<T> evaluate(const Tensor<T>& x, const Tensor<T>& t) override;
  std::unique_ptr<Module<T>> structure() const override {
    return std::make_unique<HuberLoss>(options_);
  }

 private:
  HuberOptions options_;
};

/// 1 - cosine of the angle between x and t.
template <class T>
class CosineLoss : public TargetLoss<T> {
 public:
  explicit CosineLoss(CosineLossOptions options = {}) : options_(options) {}
  Tensor<T> evaluate(const Tensor<T>& x, const Tensor<T>& t) override;
  std::unique_ptr<Module<T>> structure() const override {
    return std::make_unique<CosineLoss>(options_);
  }

 private:
  CosineLossOptions options_;
};

/// -(t log x + (1 - t) log(1 - x)).
template <class T>
class BinaryCrossEntropyLoss : public TargetLoss<T> {
 public:
  explicit BinaryCrossEntropyLoss(LossOptions options = {}) : options_(options) {}
  Tensor<T> evaluate(const Tensor<T>& x, const Tensor<T>& t) override;
  std::unique_ptr<Module<T>> structure() const override {
    return std::make_unique<BinaryCrossEntropyLoss>(options_);
  }

 private:
  LossOptions options_;
};

/// The same for probabilities sigmoid(x).
template <class T>
class BinaryCrossEntropyWithLogitsLoss : public TargetLoss<T> {
 public:
  explicit BinaryCrossEntropyWithLogitsLoss(LogitLossOptions<T> options = {}) : options_(options) {}
  Tensor<T> evaluate(const Tensor<T>& x, const Tensor<T>& t) override;
  std::unique_ptr<Module<T>> structure() const override {
    return std::make_unique<BinaryCrossEntropyWithLogitsLoss>(options_);
  }

 private:
  LogitLossOptions<T> options_;
};

/// t (log t - x): Kullback-Leibler divergence of exp(x) from t.
template <class T>
class KlLoss : public TargetLoss<T> {
 public:
  explicit KlLoss(KlOptions options = {}) : options_(options) {}
  Tensor<T> evaluate(const Tensor<T>& x, const Tensor<T>& t) override;
  std::unique_ptr<Module<T>> structure() const override {
    return std::make_unique<KlLoss>(options_);
  }

 private:
  KlOptions options_;
};

/// -x[label], x being logarithms of probabilities.
template <class T>
class NllLoss : public LabelLoss<T> {
 public:
  explicit NllLoss(NllOptions<T> options = {}) : options_(options) {}
  Tensor<T> evaluate(const Tensor<T>& x, const Indices& labels) override;
  std::unique_ptr<Module<T>> structure() const override {
    return std::make_unique<NllLoss>(options_);
  }

 private:
  NllOptions<T> options_;
};

/// -log_softmax(x)[label], or for targets that are probabilities -sum of t log_softmax(x).
template <class T>
class CrossEntropyLoss : public LabelLoss<T> {
 public:
  explicit CrossEntropyLoss(CrossEntropyOptions<T> options = {}) : options_(options) {}
  Tensor<T> evaluate(const Tensor<T>& x, const Indices& labels) override;
  Tensor<T> evaluate(const Tensor<T>& x, const Tensor<T>& t);
  using LabelLoss<T>::operator();
  Tensor<T> operator()(const Tensor<T>& x, const Tensor<T>& t) {
    return this->inside([&] { return this->hooked(x, evaluate(x, t)); });
  }
  std::unique_ptr<Module<T>> structure() const override {
    return std::make_unique<CrossEntropyLoss>(options_);
  }

 private:
  CrossEntropyOptions<T> options_;
};

/// Sum over j != label of max(0, x[j] - x[label] + margin).
template <class T>
class MultiClassHingeLoss : public LabelLoss<T> {
 public:
  explicit MultiClassHingeLoss(HingeOptions options = {}) : options_(options) {}
  Tensor<T> evaluate(const Tensor<T>& x, const Indices& labels) override;
  std::unique_ptr<Module<T>> structure() const override {
    return std::make_unique<MultiClassHingeLoss>(options_);
  }

 private:
  HingeOptions options_;
};

/// Sum over j != label of max(0, x[j] - x[label] + margin)^2.
template <class T>
class MultiClassSquaredHingeLoss : public LabelLoss<T> {
 public:
  explicit MultiClassSquaredHingeLoss(HingeOptions options = {}) : options_(options) {}
  Tensor<T> evaluate(const Tensor<T>& x, const Indices& labels) override;
  std::unique_ptr<Module<T>> structure() const override {
    return std::make_unique<MultiClassSquaredHingeLoss>(options_);
  }

 private:
  HingeOptions options_;
};

// clang-format off
extern template class MseLoss<float>;  extern template class MseLoss<double>;
extern template class MaeLoss<float>;  extern template class MaeLoss<double>;
extern template class HuberLoss<float>;  extern template class HuberLoss<double>;
extern template class CosineLoss<float>;  extern template class CosineLoss<double>;
extern template class BinaryCrossEntropyLoss<float>;  extern template class BinaryCrossEntropyLoss<double>;
extern template class BinaryCrossEntropyWithLogitsLoss<float>;  extern template class BinaryCrossEntropyWithLogitsLoss<double>;
extern template class KlLoss<float>;  extern template class KlLoss<double>;
extern template class NllLoss<float>;  extern template class NllLoss<double>;
extern template class CrossEntropyLoss<float>;  extern template class CrossEntropyLoss<double>;
extern template class MultiClassHingeLoss<float>;  extern template class MultiClassHingeLoss<double>;
extern template class MultiClassSquaredHingeLoss<float>;  extern template class MultiClassSquaredHingeLoss<double>;
// clang-format on

}  // namespace xgrad
