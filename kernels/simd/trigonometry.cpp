// The kernels of the functions of one number.

#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/primitives.hpp"

namespace xgrad::kernels {

using namespace primitives;

#define XGRAD_KERNELS(F)                                                    \
  template ElementwiseKernels<float> elementwise_kernels<kIsa, F, float>(); \
  template ElementwiseKernels<double> elementwise_kernels<kIsa, F, double>();

XGRAD_KERNELS(Tan)
XGRAD_KERNELS(Asin)
XGRAD_KERNELS(Acos)
XGRAD_KERNELS(Atan)
XGRAD_KERNELS(Sinh)
XGRAD_KERNELS(Cosh)
XGRAD_KERNELS(Tanh)
XGRAD_KERNELS(Erf)
XGRAD_KERNELS(Ndtr)
XGRAD_KERNELS(Floor)
XGRAD_KERNELS(Sigmoid)
XGRAD_KERNELS(Relu)
XGRAD_KERNELS(Softplus)

}  // namespace xgrad::kernels
