#include "xgrad/kernels/formulas/trigonometry.hpp"

#include "xgrad/kernels/instantiate.hpp"

namespace xgrad::kernels {

using namespace primitives;

XGRAD_KERNELS(Sin)
XGRAD_KERNELS(Cos)
XGRAD_KERNELS(Tan)
XGRAD_KERNELS(Asin)
XGRAD_KERNELS(Acos)
XGRAD_KERNELS(Atan)
XGRAD_KERNELS(Sinh)
XGRAD_KERNELS(Cosh)
XGRAD_KERNELS(Tanh)

}  // namespace xgrad::kernels
