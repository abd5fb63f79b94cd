#pragma once

// Linear: the affine map of a layer.

#include "xgrad/kernels/random.hpp"
#include "xgrad/modules/module.hpp"

namespace xgrad {

struct LinearOptions {
  bool bias = true;
  Generator* generator = nullptr;  ///< of the initial numbers; null: the default generator
};

/// y = x W^T + b.
/// Shapes: x (..., in) -> (..., out). Parameters: weight (out, in) and bias (out), both initially uniform in
/// [-1/sqrt(in), 1/sqrt(in)); see initialization.hpp for He's, Xavier's and others.
template <class T>
class Linear : public Module<T> {
 public:
  /// Throws std::invalid_argument for a size of 0.
  Linear(std::size_t in, std::size_t out, LinearOptions options = {});

  Tensor<T> forward(const Tensor<T>& x) override;
  std::unique_ptr<Module<T>> structure() const override;

  Tensor<T> weight;
  Tensor<T> bias;  ///< undefined without bias

 private:
  LinearOptions options_;
};

extern template class Linear<float>;
extern template class Linear<double>;

}  // namespace xgrad
