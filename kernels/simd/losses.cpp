// The kernels of the losses of one element.

#include "xgrad/kernels/losses.hpp"

#include "xgrad/kernels/instantiate.hpp"

namespace xgrad::kernels {

using namespace primitives;

#define XGRAD_KERNELS(F)                                                    \
  template ElementwiseKernels<float> elementwise_kernels<kIsa, F, float>(); \
  template ElementwiseKernels<double> elementwise_kernels<kIsa, F, double>();

XGRAD_KERNELS(SquaredError)
XGRAD_KERNELS(AbsoluteError)
XGRAD_KERNELS(Huber)
XGRAD_KERNELS(BinaryCrossEntropy)
XGRAD_KERNELS(LogitCrossEntropy)
XGRAD_KERNELS(KlDivergence)
XGRAD_KERNELS(KlDivergenceOfLogs)

}  // namespace xgrad::kernels
