#pragma once

// A step of a gated or a plain recurrent unit on arrays, for programs without the tape. Internal:
// ops/recurrent_gated.cpp.

#include <cstddef>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad::detail {

enum class StepUnit { gru, tanh, relu };

/// Tells how y (n, d) is made of x (n, in), h (n, d), weight_x (parts d, in), weight_h (parts d, d), bias and bias_h
/// (parts d), with 3 parts for a gated unit and 1 for a plain one.
template <class T>
void describe_recurrent_step(const Tensor<T>& y, StepUnit unit, std::size_t n, std::size_t in,
                             std::size_t d);

}  // namespace xgrad::detail
