#include "xgrad/kernels/formulas/arithmetic.hpp"

#include "xgrad/kernels/instantiate.hpp"

namespace xgrad::kernels {

using namespace primitives;

XGRAD_KERNELS(Add)
XGRAD_KERNELS(Subtract)
XGRAD_KERNELS(Multiply)
XGRAD_KERNELS(Chain)
XGRAD_KERNELS(Divide)
XGRAD_KERNELS(Power)
XGRAD_KERNELS(Maximum)
XGRAD_KERNELS(Minimum)
XGRAD_KERNELS(Where)
XGRAD_KERNELS(Affine)

}  // namespace xgrad::kernels
