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

template <class T>
const ConvolutionRows<T>& convolution_rows() {
  static const ConvolutionRows<T> rows =
      choose([]<Isa I>() { return make_convolution_rows<I, T>(); });
  return rows;
}

}  // namespace xgrad::kernels
