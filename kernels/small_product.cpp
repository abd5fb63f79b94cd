#include "xgrad/kernels/small_product.hpp"

#include "xgrad/kernels/dispatch.hpp"

namespace xgrad::kernels {

template <class T>
void small_product(const SmallProduct<T>& product) {
  static const SmallProductKernel<T> kernel =
      choose([]<Isa I>() { return make_small_product_kernel<I, T>(); });
  kernel(product);
}

template void small_product(const SmallProduct<float>&);
template void small_product(const SmallProduct<double>&);

}  // namespace xgrad::kernels
