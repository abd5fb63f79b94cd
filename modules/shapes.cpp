#include "xgrad/modules/shapes.hpp"

#include <string>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad {

template <class T>
Tensor<T> Flatten<T>::forward(const Tensor<T>& x) {
  if (x.rank() < first_) {
    detail::fail("flatten", "there is no axis ", first_, ": x ", x.shape());
  }
  Shape shape(x.shape().begin(), x.shape().begin() + first_);
  shape.push_back(Shape(x.shape().begin() + first_, x.shape().end()).elements());
  return detail::view(x, shape);
}

template <class T>
std::unique_ptr<Module<T>> Flatten<T>::from(const ModuleOptions& o) {
  return std::make_unique<Flatten>(o.size("first"));
}

template <class T>
Tensor<T> Reshape<T>::forward(const Tensor<T>& x) {
  const bool fits = x.rank() > 0 && x.size() == x.shape().front() * shape_.elements();
  if (!fits) {
    detail::fail("reshape", "a sample has not as many numbers: x ", x.shape(),
                 ", shape of a sample ", shape_);
  }
  return detail::view(x, shape_.with(0, x.shape().front()));
}

template <class T>
std::unique_ptr<Module<T>> Reshape<T>::from(const ModuleOptions& o) {
  return std::make_unique<Reshape>(o.shape("shape"));
}

template struct Identity<float>;
template struct Identity<double>;
template class Flatten<float>;
template class Flatten<double>;
template class Reshape<float>;
template class Reshape<double>;

}  // namespace xgrad
