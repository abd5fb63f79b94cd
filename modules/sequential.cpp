#include "xgrad/modules/sequential.hpp"

#include "xgrad/base/errors.hpp"

namespace xgrad {

template <class T>
Sequential<T>& Sequential<T>::append(std::unique_ptr<Module<T>> module, const std::string& name) {
  this->add_module(name.empty() ? detail::text(size()) : name, std::move(module));
  return *this;
}

template <class T>
Module<T>& Sequential<T>::operator[](std::size_t i) const {
  if (i < size()) return *this->children()[i];
  detail::fail<std::out_of_range>("Sequential", "there is no module ", i, " of ", size());
}

template <class T>
Tensor<T> Sequential<T>::forward(const Tensor<T>& x) {
  Tensor<T> y = x;
  for (const auto& module : this->children()) y = (*module)(y);
  return y;
}

template <class T>
std::unique_ptr<Module<T>> Sequential<T>::structure() const {
  auto copy = std::make_unique<Sequential>();
  for (const auto& module : this->children()) {
    std::unique_ptr<Module<T>> child = module->structure();
    if (child == nullptr) return nullptr;
    copy->append(std::move(child), module->name());
  }
  return copy;
}

template class Sequential<float>;
template class Sequential<double>;

}  // namespace xgrad
