#pragma once

// Operations inside of vmap(): the numbers of a loop over the samples.

#include <vector>

#include "xgrad/autograd/tensor_function.hpp"

namespace proof {

/// vmap(f) of the samples side by side against f of each: results, gradients, and gradients of
/// gradients if `twice`, but for rounding. With all arguments batched, and with the first alone.
/// `called`: f reads numbers on the host, or draws from a generator of its own.
template <class T>
void check_batched(const xgrad::TensorFunction<T>& f,
                   const std::vector<std::vector<xgrad::Tensor<T>>>& samples,
                   const std::vector<bool>& differentiable, bool twice, bool called);

}  // namespace proof
