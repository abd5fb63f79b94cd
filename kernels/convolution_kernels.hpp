#pragma once

// The kernels of convolutions for the instruction set in use. Internal.

#include "xgrad/kernels/convolution.hpp"
#include "xgrad/kernels/dispatch.hpp"

namespace xgrad::kernels {

template <class T>
const ConvolutionKernels<T>& convolution_kernels() {
  static const ConvolutionKernels<T> kernels =
      choose([]<Isa I>() { return make_convolution_kernels<I, T>(); });
  return kernels;
}

}  // namespace xgrad::kernels
