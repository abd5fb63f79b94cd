#include "xgrad/modules/dropout.hpp"

#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/random.hpp"

namespace xgrad::detail {

template <class T>
Tensor<T> gaussian_noise(const Tensor<T>& x, double deviation, Generator& generator) {
  if (deviation == 0) return x;
  return x + normal<T>(x.shape(), T(0), static_cast<T>(deviation), generator);
}

template Tensor<float> gaussian_noise(const Tensor<float>&, double, Generator&);
template Tensor<double> gaussian_noise(const Tensor<double>&, double, Generator&);

}  // namespace xgrad::detail
