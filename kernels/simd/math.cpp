// The kernels of the functions of one number.

#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/primitives.hpp"

namespace xgrad::kernels {

using namespace primitives;

#define XGRAD_KERNELS(F)                                                    \
  template ElementwiseKernels<float> elementwise_kernels<kIsa, F, float>(); \
  template ElementwiseKernels<double> elementwise_kernels<kIsa, F, double>();

XGRAD_KERNELS(Exp)
XGRAD_KERNELS(Expm1)
XGRAD_KERNELS(Log)
XGRAD_KERNELS(Log1p)
XGRAD_KERNELS(Sqrt)
XGRAD_KERNELS(Rsqrt)
XGRAD_KERNELS(Square)
XGRAD_KERNELS(Reciprocal)
XGRAD_KERNELS(Abs)
XGRAD_KERNELS(Sign)
XGRAD_KERNELS(Sin)
XGRAD_KERNELS(Cos)

}  // namespace xgrad::kernels
