#include "xgrad/modules/branches.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "xgrad/base/errors.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad {
namespace {

// Copies the children's structures into `copy`; false when one is not known.
template <class T, class Container>
bool copy_children(const Module<T>& from, Container& copy) {
  for (const auto& module : from.children()) {
    std::unique_ptr<Module<T>> child = module->structure();
    if (child == nullptr) return false;
    copy.append(std::move(child), module->name());
  }
  return true;
}

template <class T>
std::vector<Tensor<T>> outputs_of(const Module<T>& container, const Tensor<T>& x) {
  std::vector<Tensor<T>> y;
  for (const auto& module : container.children()) y.push_back((*module)(x));
  if (y.empty())
    detail::fail<std::logic_error>("forward", "the ", container.type_name(), " is empty");
  return y;
}

// The last module of the tree with parameters of its own.
template <class T>
void zero_last_layer(Module<T>& branch) {
  Module<T>* last = nullptr;
  branch.apply([&](const std::string&, Module<T>& m) {
    if (!m.own_parameters().empty()) last = &m;
  });
  if (last == nullptr) {
    detail::fail("Residual", "zero_last, but the branch has no parameters: ", branch.type_name());
  }
  for (NamedTensor<T>& p : last->own_parameters()) {
    std::fill_n(p.tensor.mutable_data(), p.tensor.size(), T(0));
  }
}

}  // namespace

template <class T>
Residual<T>::Residual(std::unique_ptr<Module<T>> branch, std::unique_ptr<Module<T>> projection,
                      ResidualOptions options)
    : options_(options) {
  if (options.zero_last) zero_last_layer(*branch);
  this->add_module("branch", std::move(branch));
  if (projection != nullptr) this->add_module("projection", std::move(projection));
}

template <class T>
Tensor<T> Residual<T>::forward(const Tensor<T>& x) {
  const auto& children = this->children();
  const Tensor<T> y = (*children[0])(x);
  const Tensor<T> shortcut = children.size() > 1 ? (*children[1])(x) : x;
  if (y.shape() != shortcut.shape()) {
    detail::fail("residual", "branch and shortcut differ: branch ", y.shape(), ", shortcut ",
                 shortcut.shape());
  }
  return shortcut + y;
}

template <class T>
std::unique_ptr<Module<T>> Residual<T>::structure() const {
  std::vector<std::unique_ptr<Module<T>>> parts(2);
  for (std::size_t i = 0; i < this->children().size(); ++i) {
    parts[i] = this->children()[i]->structure();
    if (parts[i] == nullptr) return nullptr;
  }
  return std::make_unique<Residual>(std::move(parts[0]), std::move(parts[1]), options_);
}

template <class T>
ModuleOptions Residual<T>::options() const {
  return {{"zero_last", ModuleOptions::of(options_.zero_last)}};
}

template <class T>
Parallel<T>& Parallel<T>::append(std::unique_ptr<Module<T>> module, const std::string& name) {
  this->add_module(name.empty() ? detail::text(this->children().size()) : name, std::move(module));
  return *this;
}

template <class T>
Tensor<T> Parallel<T>::forward(const Tensor<T>& x) {
  const std::vector<Tensor<T>> y = outputs_of(*this, x);
  Tensor<T> total = y[0];
  for (std::size_t i = 1; i < y.size(); ++i) {
    if (y[i].shape() != total.shape()) {
      detail::fail("parallel", "outputs differ: 0 ", total.shape(), ", ", i, " ", y[i].shape());
    }
    total = total + y[i];
  }
  return total;
}

template <class T>
std::unique_ptr<Module<T>> Parallel<T>::structure() const {
  auto copy = std::make_unique<Parallel>();
  return copy_children<T>(*this, *copy) ? std::move(copy) : nullptr;
}

template <class T>
Concat<T>& Concat<T>::append(std::unique_ptr<Module<T>> module, const std::string& name) {
  this->add_module(name.empty() ? detail::text(this->children().size()) : name, std::move(module));
  return *this;
}

template <class T>
Tensor<T> Concat<T>::forward(const Tensor<T>& x) {
  return concat(outputs_of(*this, x), axis_);
}

template <class T>
std::unique_ptr<Module<T>> Concat<T>::structure() const {
  auto copy = std::make_unique<Concat>(axis_);
  return copy_children<T>(*this, *copy) ? std::move(copy) : nullptr;
}

template class Residual<float>;
template class Residual<double>;
template class Parallel<float>;
template class Parallel<double>;
template class Concat<float>;
template class Concat<double>;

}  // namespace xgrad
