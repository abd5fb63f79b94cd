#include "xgrad/modules/sequential.hpp"

#include <algorithm>

#include "xgrad/base/errors.hpp"
#include "xgrad/modules/lists.hpp"

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
bool Sequential<T>::takes_list() const {
  const auto& modules = this->children();
  return std::any_of(modules.begin(), modules.end(), [](auto& m) { return m->takes_list(); });
}

template <class T>
TensorList<T> Sequential<T>::forward_list(const TensorList<T>& x) {
  TensorList<T> y = x;
  for (const auto& module : this->children()) y = (*module)(y);
  return y;
}

template <class T>
Tensor<T> Sequential<T>::forward(const Tensor<T>& x) {
  if (takes_list()) return detail::only_output(*this, forward_list({x}));
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
