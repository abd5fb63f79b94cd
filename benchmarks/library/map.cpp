// Formulas of a user's own. `map` is compiled with the flags of the file it is in: here, for
// this machine.

#include "xgrad/ops/map.hpp"

#include "common.hpp"

namespace benchmark_contenders {

template <class T>
Tensor<T> mapped_gelu(const Tensor<T>& x) {
  return xgrad::map(
      [](auto v) { return 0.5 * v * (1 + tanh(0.7978845608028654 * (v + 0.044715 * v * v * v))); },
      x);
}

template <class T>
Tensor<T> mapped_swish(const Tensor<T>& x) {
  return xgrad::map([](auto v) { return v * sigmoid(v); }, x);
}

template Tensor<float> mapped_gelu(const Tensor<float>&);
template Tensor<double> mapped_gelu(const Tensor<double>&);
template Tensor<float> mapped_swish(const Tensor<float>&);
template Tensor<double> mapped_swish(const Tensor<double>&);

}  // namespace benchmark_contenders
