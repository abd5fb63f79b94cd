#include "xgrad/kernels/formulas/elementary.hpp"

#include "xgrad/kernels/instantiate.hpp"

namespace xgrad::kernels {

using namespace primitives;

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
XGRAD_KERNELS(Floor)
XGRAD_KERNELS(Negative)
XGRAD_KERNELS(Root)

}  // namespace xgrad::kernels
