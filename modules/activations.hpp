#pragma once

// Activation functions as modules, for Sequential. The functions themselves are in
// xgrad/ops/activations.hpp.

#include "xgrad/modules/module.hpp"

namespace xgrad {

/// max(x, 0).
template <class T>
class Relu : public Module<T> {
 public:
  Tensor<T> forward(const Tensor<T>& x) override;
  std::unique_ptr<Module<T>> structure() const override { return std::make_unique<Relu>(); }
};

extern template class Relu<float>;
extern template class Relu<double>;

}  // namespace xgrad
