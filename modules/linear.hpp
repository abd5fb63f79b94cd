#pragma once

// Linear: the affine map of a layer. Bilinear: the same in two inputs.

#include "xgrad/kernels/random.hpp"
#include "xgrad/modules/library_module.hpp"

namespace xgrad {

struct LinearOptions {
  bool bias = true;                ///< add a learned vector
  Generator* generator = nullptr;  ///< of the initial numbers; null: the default generator
};

/// y = x W^T + b.
/// **Shapes** x (..., in) -> (..., out). Parameters: weight (out, in) and bias (out), both
/// initially uniform in [-1/sqrt(in), 1/sqrt(in)); see initialization.hpp for He's, Xavier's
/// and others. In `add` the options are written out: add<Linear<T>>("fc", 3, 4,
/// LinearOptions{.bias = false}).
template <class T>
class Linear : public LibraryModule<Linear, T> {
 public:
  /// Throws std::invalid_argument for a size of 0.
  Linear(std::size_t in, std::size_t out, LinearOptions options = {});

  Tensor<T> forward(const Tensor<T>& x) override;

  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

  Tensor<T>& weight;
  Tensor<T>& bias;  ///< undefined without bias
};

/// y[o] = sum over i, j of a[i] W[o, i, j] b[j], plus bias[o].
/// **Shapes** a (n, in_a), b (n, in_b) -> (n, out). Parameters: weight (out, in_a, in_b) and bias
/// (out), both initially uniform in [-1/sqrt(in_a), 1/sqrt(in_a)).
/// Composed of an outer product per sample, (n, in_a in_b) numbers, and one matrix product.
template <class T>
class Bilinear : public LibraryModule<Bilinear, T> {
 public:
  /// Throws std::invalid_argument for a size of 0.
  Bilinear(std::size_t in_a, std::size_t in_b, std::size_t out, LinearOptions options = {});

  /// Throws std::invalid_argument for shapes that do not fit.
  Tensor<T> forward(const Tensor<T>& a, const Tensor<T>& b);
  Tensor<T> operator()(const Tensor<T>& a, const Tensor<T>& b);

  ModuleOptions options() const override;
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options);

  Tensor<T>& weight;
  Tensor<T>& bias;  ///< undefined without bias

 private:
  using Module<T>::forward;
};

namespace detail {
/// Uniform in +-1/sqrt(shape[1]). Throws std::invalid_argument, beginning with `module`, when a
/// size is 0.
template <class T>
Tensor<T> initial_weight(const char* module, const Shape& shape, const LinearOptions& options);
/// Likewise (shape[0]) for a weight of that shape; undefined without bias.
template <class T>
Tensor<T> initial_bias(const Shape& weight, const LinearOptions& options);
}  // namespace detail

extern template class Linear<float>;
extern template class Linear<double>;
extern template class Bilinear<float>;
extern template class Bilinear<double>;

}  // namespace xgrad
