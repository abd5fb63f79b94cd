#pragma once

// How an elementwise kernel walks over operands that broadcast.

#include <cstddef>

namespace xgrad::kernels {

constexpr std::size_t kMaxRank = 8;
constexpr std::size_t kMaxInputs = 16;

/// Axes of the output, outermost first, merged as far as all inputs allow; the output is
/// contiguous. The innermost stride of an input is 1, or 0 when it is repeated along that axis.
struct Loop {
  std::size_t rank;  // at least 1
  std::size_t inputs;
  std::size_t extent[kMaxRank];
  std::size_t stride[kMaxInputs][kMaxRank];

  std::size_t elements() const {
    std::size_t n = 1;
    for (std::size_t i = 0; i < rank; ++i) n *= extent[i];
    return n;
  }
};

/// Inputs and output of a forward pass.
template <class T>
using ForwardKernel = void (*)(const void* functor, const Loop& loop, const T* const* in, T* out);

/// The gradients g of all inputs x at one element, with the product of slopes that is 0 where one
/// is (kernels/careful.hpp).
template <class T>
using CarefulGradients = void (*)(const void* functor, const T* x, T y, T gy, T* g);

/// What a backward pass reads and writes. in[i] is meaningful for saved inputs, y when the output
/// was saved.
template <class T>
struct BackwardArguments {
  const T* in[kMaxInputs];
  const T* y;
  const T* gy;
  T* gin[kMaxInputs];           // null: not wanted. Of input i's own shape.
  bool accumulate[kMaxInputs];  // add to gin[i]; always so where the input is repeated
  CarefulGradients<T> careful;  // or null
};

template <class T>
using BackwardKernel = void (*)(const void* functor, const Loop& loop,
                                const BackwardArguments<T>& a);

}  // namespace xgrad::kernels
