#include "xgrad/kernels/formulas/activations.hpp"

#include "xgrad/kernels/instantiate.hpp"

namespace xgrad::kernels {

using namespace primitives;

XGRAD_KERNELS(LogSigmoid)
XGRAD_KERNELS(Clamp)
XGRAD_KERNELS(LeakyRelu)
XGRAD_KERNELS(Prelu)
XGRAD_KERNELS(ExponentialLinear)
XGRAD_KERNELS(Gelu)
XGRAD_KERNELS(GeluTanh)
XGRAD_KERNELS(Silu)
XGRAD_KERNELS(Softsign)
XGRAD_KERNELS(Mish)

}  // namespace xgrad::kernels
