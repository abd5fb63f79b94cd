#pragma once

// Matrix products in backward rules. Internal.

#include "xgrad/autograd/record.hpp"
#include "xgrad/kernels/gemm.hpp"
#include "xgrad/ops/linalg.hpp"

namespace xgrad::detail {

/// Adds op(p) op(q), of matrices or equally many of them, to the gradient of input i; the product
/// itself does the adding.
template <class T>
void add_product(Backward<T>& back, std::size_t i, const Tensor<T>& p, const Tensor<T>& q,
                 MatmulOptions o = {});

}  // namespace xgrad::detail
