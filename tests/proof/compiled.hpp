#pragma once

// Operations inside of compiled functions: the same numbers.

#include <vector>

#include "xgrad/autograd/tensor_function.hpp"

namespace proof {

/// compile(f), called with each of the samples: results and gradients are those of f to the last bit,
/// gradients of gradients but for rounding, if `twice`. `called`: f reads numbers on the host, or draws
/// from a generator of its own, and is called each time.
template <class T>
void check_compiled(const xgrad::TensorFunction<T>& f,
                    const std::vector<std::vector<xgrad::Tensor<T>>>& samples,
                    const std::vector<bool>& differentiable, bool twice, bool called);

}  // namespace proof
