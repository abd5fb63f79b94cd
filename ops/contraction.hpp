#pragma once

// The sum of products of two tensors over the axes they share: the operation that einsum and
// tensordot consist of. Internal.

#include <string_view>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad::detail {

/// z = sum of x y over the letters that are not among those of z. Each operand has a letter for
/// each axis, none twice; each letter is in at least two operands; sizes of one letter are equal.
/// Gradient: gx = contraction(gz, y), gy = contraction(gz, x).
template <class T>
Tensor<T> contraction(const Tensor<T>& x, std::string_view of_x, const Tensor<T>& y,
                      std::string_view of_y, std::string_view of_z);

}  // namespace xgrad::detail
