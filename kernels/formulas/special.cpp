#include "xgrad/kernels/formulas/special.hpp"

#include "xgrad/kernels/instantiate.hpp"

namespace xgrad::kernels {

using namespace primitives;

XGRAD_KERNELS(Erf)
XGRAD_KERNELS(Ndtr)
XGRAD_KERNELS(Sigmoid)
XGRAD_KERNELS(LogisticDensity)
XGRAD_KERNELS(Relu)
XGRAD_KERNELS(Softplus)

}  // namespace xgrad::kernels
