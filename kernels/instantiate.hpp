#pragma once

// For kernel sources only: the instruction set this source is being compiled for
// (-DXGRAD_KERNEL_ISA=...). Such a source sees raw pointers and sizes, and no xtensor header: an
// inline function of a library compiled with AVX-512 here and without it elsewhere would be one
// symbol to the linker.

#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/elementwise.hpp"

namespace xgrad::kernels {

constexpr Isa kIsa = Isa::XGRAD_KERNEL_ISA;

template <Isa I>
struct ArchOf {
  using type = xsimd::default_arch;
};
#if defined(__x86_64__)
template <>
struct ArchOf<Isa::baseline> {
  using type = xsimd::sse2;
};
#if defined(__AVX2__) && defined(__FMA__)
template <>
struct ArchOf<Isa::avx2> {
  using type = xsimd::fma3<xsimd::avx2>;
};
#endif
#if defined(__AVX512BW__)
template <>
struct ArchOf<Isa::avx512> {
  using type = xsimd::avx512bw;
};
#endif
#endif
using Arch = ArchOf<kIsa>::type;

template <Isa I, class F, class T>
ElementwiseKernels<T> elementwise_kernels() {
  static_assert(I == kIsa && xgrad::detail::Contract<F>::kept);
  if constexpr (xgrad::detail::kMask<typename F::Kind>) {
    return {&Elementwise<Arch, F, T, F::Kind::arity>::forward, {}};
  } else {
    return make_elementwise_kernels<Arch, F, T, F::Kind::arity>();
  }
}

}  // namespace xgrad::kernels

/// The kernels of formula F in both types.
#define XGRAD_KERNELS(F)                                                    \
  template ElementwiseKernels<float> elementwise_kernels<kIsa, F, float>(); \
  template ElementwiseKernels<double> elementwise_kernels<kIsa, F, double>();
