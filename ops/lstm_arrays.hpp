#pragma once

// A step of an LSTM on arrays, for programs without the tape, and for a batch. Internal: ops/recurrent.cpp.

#include <cstddef>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad::detail {

/// Tells how y (n, 2 d), h' and c' side by side, is made of x (n, in), h and c (n, d), weight_x (4 d, in),
/// weight_h (4 d, d), and bias (4 d) where there is one.
template <class T>
void describe_lstm_step(const Tensor<T>& y, std::size_t n, std::size_t in, std::size_t d,
                        bool biased);

}  // namespace xgrad::detail
