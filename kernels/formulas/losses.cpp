#include "xgrad/kernels/formulas/losses.hpp"

#include "xgrad/kernels/instantiate.hpp"

namespace xgrad::kernels {

using namespace primitives;

XGRAD_KERNELS(SquaredError)
XGRAD_KERNELS(AbsoluteError)
XGRAD_KERNELS(Huber)
XGRAD_KERNELS(BinaryCrossEntropy)
XGRAD_KERNELS(LogitCrossEntropy)
XGRAD_KERNELS(KlDivergence)
XGRAD_KERNELS(KlDivergenceOfLogs)

}  // namespace xgrad::kernels
