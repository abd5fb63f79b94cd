#include "xgrad/kernels/affine.hpp"

#include "xgrad/kernels/instantiate.hpp"

namespace xgrad::kernels {

template ElementwiseKernels<float> elementwise_kernels<kIsa, primitives::Affine, float>();
template ElementwiseKernels<double> elementwise_kernels<kIsa, primitives::Affine, double>();

}  // namespace xgrad::kernels
