#include "xgrad/modules/lists.hpp"

#include <stdexcept>

#include "xgrad/base/errors.hpp"

namespace xgrad {

template <class T>
Tensor<T> detail::only_output(const Module<T>& module, const TensorList<T>& y) {
  if (y.size() == 1) return y[0];
  fail<std::logic_error>("forward", "a ", module.type_name(), " gives ", y.size(),
                         " tensors: call it with a list");
}

template <class T>
Tensor<T> ListModule<T>::forward(const Tensor<T>& x) {
  return detail::only_output(*this, forward_list({x}));
}

template <class T>
Heads<T>& Heads<T>::append(std::unique_ptr<Module<T>> module, const std::string& name) {
  this->add_module(name.empty() ? detail::text(this->children().size()) : name, std::move(module));
  return *this;
}

template <class T>
TensorList<T> Heads<T>::forward_list(const TensorList<T>& x) {
  detail::require<std::logic_error>(!this->children().empty(), "forward", "the Heads is empty");
  TensorList<T> y;
  for (const auto& module : this->children()) {
    y.push_back(detail::only_output(*module, (*module)(x)));
  }
  return y;
}

template <class T>
std::unique_ptr<Module<T>> Heads<T>::structure() const {
  auto copy = std::make_unique<Heads>();
  for (const auto& module : this->children()) {
    std::unique_ptr<Module<T>> child = module->structure();
    if (child == nullptr) return nullptr;
    copy->append(std::move(child), module->name());
  }
  return copy;
}

template <class T>
OnFirst<T>::OnFirst(std::unique_ptr<Module<T>> inner) {
  this->add_module("inner", std::move(inner));
}

template <class T>
TensorList<T> OnFirst<T>::forward_list(const TensorList<T>& x) {
  detail::require(!x.empty(), "forward", "an OnFirst takes a tensor at least: 0 given");
  TensorList<T> y = x;
  y[0] = (*this->children()[0])(x[0]);
  return y;
}

template <class T>
std::unique_ptr<Module<T>> OnFirst<T>::structure() const {
  std::unique_ptr<Module<T>> inner = this->children()[0]->structure();
  return inner != nullptr ? std::make_unique<OnFirst>(std::move(inner)) : nullptr;
}

#define XGRAD_INSTANTIATE(T)                                                      \
  template Tensor<T> detail::only_output(const Module<T>&, const TensorList<T>&); \
  template class ListModule<T>;                                                   \
  template class Heads<T>;                                                        \
  template class OnFirst<T>;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
