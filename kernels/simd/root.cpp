#include "xgrad/kernels/root.hpp"

#include "xgrad/kernels/instantiate.hpp"

namespace xgrad::kernels {

template ElementwiseKernels<float> elementwise_kernels<kIsa, primitives::Root, float>();
template ElementwiseKernels<double> elementwise_kernels<kIsa, primitives::Root, double>();

}  // namespace xgrad::kernels
