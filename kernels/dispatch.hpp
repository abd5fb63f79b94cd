#pragma once

// From a formula to its kernels for the instruction set in use.
//
// The sources in kernels/formulas are compiled once per instruction set and instantiate
// `elementwise_kernels<isa, F, T>` for the formulas of their headers; a formula that none
// instantiates does not link.

#include "xgrad/kernels/isa.hpp"
#include "xgrad/kernels/loop.hpp"

namespace xgrad::kernels {

/// The kernels of a formula: backward by the mask of inputs whose derivative is wanted.
template <class T>
struct ElementwiseKernels {
  ForwardKernel<T> forward;
  BackwardKernel<T> backward[4];  // [mask] for one and two inputs, [0] for more
};

template <Isa I, class F, class T>
ElementwiseKernels<T> elementwise_kernels();

/// make.operator()<I>() for the instruction set in use: `choose([]<Isa I>() { return
/// make_reduce_kernels<I, T>(); })`.
template <class Make>
auto choose(const Make& make) {
#if defined(__x86_64__) && !defined(XGRAD_WITHOUT_AVX512)
  if (isa() == Isa::avx512) return make.template operator()<Isa::avx512>();
#endif
#if defined(__x86_64__) && !defined(XGRAD_WITHOUT_AVX2)
  if (isa() == Isa::avx2) return make.template operator()<Isa::avx2>();
#endif
  return make.template operator()<Isa::baseline>();
}

template <class F, class T>
ElementwiseKernels<T> elementwise_kernels_here() {
  return choose([]<Isa I>() { return elementwise_kernels<I, F, T>(); });
}

}  // namespace xgrad::kernels
