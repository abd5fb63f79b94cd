#include "xgrad/modules/losses.hpp"

namespace xgrad {

template <class T>
Tensor<T> MseLoss<T>::evaluate(const Tensor<T>& x, const Tensor<T>& t) {
  return mse_loss(x, t, options_);
}

template <class T>
Tensor<T> MaeLoss<T>::evaluate(const Tensor<T>& x, const Tensor<T>& t) {
  return mae_loss(x, t, options_);
}

template <class T>
Tensor<T> HuberLoss<T>::evaluate(const Tensor<T>& x, const Tensor<T>& t) {
  return huber_loss(x, t, options_);
}

template <class T>
Tensor<T> CosineLoss<T>::evaluate(const Tensor<T>& x, const Tensor<T>& t) {
  return cosine_loss(x, t, options_);
}

template <class T>
Tensor<T> BinaryCrossEntropyLoss<T>::evaluate(const Tensor<T>& x, const Tensor<T>& t) {
  return binary_cross_entropy(x, t, options_);
}

template <class T>
Tensor<T> BinaryCrossEntropyWithLogitsLoss<T>::evaluate(const Tensor<T>& x, const Tensor<T>& t) {
  return binary_cross_entropy_with_logits(x, t, options_);
}

template <class T>
Tensor<T> KlLoss<T>::evaluate(const Tensor<T>& x, const Tensor<T>& t) {
  return kl_div(x, t, options_);
}

template <class T>
Tensor<T> NllLoss<T>::evaluate(const Tensor<T>& x, const Indices& labels) {
  return nll_loss(x, labels, options_);
}

template <class T>
Tensor<T> CrossEntropyLoss<T>::evaluate(const Tensor<T>& x, const Indices& labels) {
  return cross_entropy(x, labels, options_);
}

template <class T>
Tensor<T> CrossEntropyLoss<T>::evaluate(const Tensor<T>& x, const Tensor<T>& t) {
  return cross_entropy(x, t, options_);
}

template <class T>
Tensor<T> MultiClassHingeLoss<T>::evaluate(const Tensor<T>& x, const Indices& labels) {
  return multi_class_hinge(x, labels, options_);
}

template <class T>
Tensor<T> MultiClassSquaredHingeLoss<T>::evaluate(const Tensor<T>& x, const Indices& labels) {
  return multi_class_squared_hinge(x, labels, options_);
}

// clang-format off
template class MseLoss<float>;  template class MseLoss<double>;
template class MaeLoss<float>;  template class MaeLoss<double>;
template class HuberLoss<float>;  template class HuberLoss<double>;
template class CosineLoss<float>;  template class CosineLoss<double>;
template class BinaryCrossEntropyLoss<float>;  template class BinaryCrossEntropyLoss<double>;
template class BinaryCrossEntropyWithLogitsLoss<float>;  template class BinaryCrossEntropyWithLogitsLoss<double>;
template class KlLoss<float>;  template class KlLoss<double>;
template class NllLoss<float>;  template class NllLoss<double>;
template class CrossEntropyLoss<float>;  template class CrossEntropyLoss<double>;
template class MultiClassHingeLoss<float>;  template class MultiClassHingeLoss<double>;
template class MultiClassSquaredHingeLoss<float>;  template class MultiClassSquaredHingeLoss<double>;
// clang-format on

}  // namespace xgrad
