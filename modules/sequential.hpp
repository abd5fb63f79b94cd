#pragma once

// Sequential: one module after the other.

#include <concepts>
#include <string>
#include <utility>

#include "xgrad/modules/module.hpp"

namespace xgrad {

/// y = last(... second(first(x))). The modules are moved in and get the names "0", "1", ...:
///
///   Sequential<float> net(Linear<float>(784, 256), Relu<float>(), Linear<float>(256, 10));
///   net.append(Softmax<float>());
template <class T>
class Sequential : public Module<T> {
 public:
  template <class... Modules>
  requires(std::derived_from<Modules, Module<T>>&&...) explicit Sequential(Modules&&... modules) {
    (append(std::move(modules)), ...);
  }

  /// Adds a module at the end, under its index or the given name.
  template <class M>
  requires(std::derived_from<M, Module<T>>) Sequential& append(M&& module,
                                                               const std::string& name = {}) {
    return append(std::make_unique<M>(std::move(module)), name);
  }
  Sequential& append(std::unique_ptr<Module<T>> module, const std::string& name = {});

  std::size_t size() const { return this->children().size(); }
  /// Throws std::out_of_range.
  Module<T>& operator[](std::size_t i) const;

  Tensor<T> forward(const Tensor<T>& x) override;
  std::unique_ptr<Module<T>> structure() const override;
};

extern template class Sequential<float>;
extern template class Sequential<double>;

}  // namespace xgrad
