#include "xgrad/modules/linear.hpp"

#include <cmath>

#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/random.hpp"

namespace xgrad {

template <class T>
Linear<T>::Linear(std::size_t in, std::size_t out, LinearOptions options) : options_(options) {
  if (in == 0 || out == 0) {
    throw std::invalid_argument("Linear: a size is 0: in " + std::to_string(in) + ", out " + std::to_string(out));
  }
  Generator& generator = options.generator != nullptr ? *options.generator : default_generator();
  const T bound = T(1) / std::sqrt(static_cast<T>(in));
  weight = this->add_parameter("weight", uniform<T>({out, in}, -bound, bound, generator));
  if (options.bias) bias = this->add_parameter("bias", uniform<T>({out}, -bound, bound, generator));
}

template <class T>
Tensor<T> Linear<T>::forward(const Tensor<T>& x) {
  return linear(x, weight, bias);
}

template <class T>
std::unique_ptr<Module<T>> Linear<T>::structure() const {
  return std::make_unique<Linear>(weight.shape()[1], weight.shape()[0], options_);
}

template class Linear<float>;
template class Linear<double>;

}  // namespace xgrad
