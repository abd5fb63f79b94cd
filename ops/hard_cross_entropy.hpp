#pragma once

// cross_entropy against labels, without smoothing. Internal: losses.hpp has it for users.

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/ops/losses.hpp"

namespace xgrad::detail {

template <class T>
Tensor<T> hard_cross_entropy(const Tensor<T>& x, const Indices& labels,
                             const NllOptions<T>& options);

/// Tells how y was made of x, and of the weights where there are some, on arrays.
template <class T>
void describe_cross_entropy(const Tensor<T>& y, const Tensor<T>& x, const Indices& labels,
                            const NllOptions<T>& options);

}  // namespace xgrad::detail
