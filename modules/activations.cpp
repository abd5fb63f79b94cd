#include "xgrad/modules/activations.hpp"

#include "xgrad/ops/activations.hpp"

namespace xgrad {

template <class T>
Tensor<T> Relu<T>::forward(const Tensor<T>& x) {
  return relu(x);
}

template class Relu<float>;
template class Relu<double>;

}  // namespace xgrad
