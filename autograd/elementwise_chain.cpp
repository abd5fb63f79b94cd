#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/kernels/formulas/arithmetic.hpp"

namespace xgrad::detail {

template <class T>
Tensor<T> chain(const Tensor<T>& g, const Tensor<T>& slope) {
  return apply(primitives::Chain{}, g, slope);
}

template Tensor<float> chain(const Tensor<float>&, const Tensor<float>&);
template Tensor<double> chain(const Tensor<double>&, const Tensor<double>&);

}  // namespace xgrad::detail
