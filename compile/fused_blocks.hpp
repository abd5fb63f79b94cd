#pragma once

// An elementwise program by the kernels of its operations, on blocks that stay in the first-level
// cache. Internal: compile/fused.hpp.

#include <cstddef>

#include "xgrad/compile/fused.hpp"

namespace xgrad::detail {

/// n elements of the innermost axis, from these addresses on: one for each input, of which those are
/// repeated that have stride 0 there, and one for each output.
template <class T>
void run_blocks(const FusedProgram<T>& program, std::size_t n, const T* const* in, T* const* out);

extern template void run_blocks(const FusedProgram<float>&, std::size_t, const float* const*,
                                float* const*);
extern template void run_blocks(const FusedProgram<double>&, std::size_t, const double* const*,
                                double* const*);

}  // namespace xgrad::detail
