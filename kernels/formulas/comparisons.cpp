#include "xgrad/kernels/formulas/comparisons.hpp"

#include "xgrad/kernels/instantiate.hpp"

namespace xgrad::kernels {

using namespace primitives;

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
