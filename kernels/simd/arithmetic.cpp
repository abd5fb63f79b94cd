// The kernels of arithmetic, comparison and selection.

#include "xgrad/kernels/comparisons.hpp"
#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/primitives.hpp"

namespace xgrad::kernels {

using namespace primitives;

#define XGRAD_KERNELS(F)                                                    \
  template ElementwiseKernels<float> elementwise_kernels<kIsa, F, float>(); \
  template ElementwiseKernels<double> elementwise_kernels<kIsa, F, double>();

XGRAD_KERNELS(Add)
XGRAD_KERNELS(Subtract)
XGRAD_KERNELS(Multiply)
XGRAD_KERNELS(Divide)
XGRAD_KERNELS(Power)
XGRAD_KERNELS(Maximum)
XGRAD_KERNELS(Minimum)
XGRAD_KERNELS(Where)
XGRAD_KERNELS(Negative)
XGRAD_KERNELS(Less)
XGRAD_KERNELS(LessEqual)
XGRAD_KERNELS(Greater)
XGRAD_KERNELS(GreaterEqual)
XGRAD_KERNELS(Equal)
XGRAD_KERNELS(NotEqual)
XGRAD_KERNELS(And)
XGRAD_KERNELS(Or)
XGRAD_KERNELS(Not)

}  // namespace xgrad::kernels
