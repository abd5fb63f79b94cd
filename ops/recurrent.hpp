#pragma once

// Steps of recurrent networks. A sequence is an ordinary loop: the tape follows it.
//
//   LstmState<float> state = {zeros, zeros};
//   for (const Tensor<float>& x : sequence) state = lstm_cell(x, state, weight_x, weight_h, bias);
//
// lstm_cell has kernels of its own: from primitive operations a step is some 15 passes over its
// numbers.

#include <type_traits>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

/// What a long short-term memory hands from one step to the next.
template <class T>
struct LstmState {
  Tensor<T> h;  ///< output, (n, d)
  Tensor<T> c;  ///< memory, (n, d)
};

/// One step of a long short-term memory. With z = x weight_x^T + h weight_h^T + bias in four parts
/// i, f, g, o of d columns each:
///   c' = sigmoid(f) c + sigmoid(i) tanh(g)
///   h' = sigmoid(o) tanh(c')
/// Shapes: x (n, in), h and c (n, d), weight_x (4 d, in), weight_h (4 d, d), bias (4 d) or
/// undefined -> h' and c' (n, d). Gradient: by the chain rule, for all six and any order. Throws
/// std::invalid_argument for shapes that do not fit. Source: S. Hochreiter, J. Schmidhuber, Long
/// short-term memory, 1997; forget gate: F. A. Gers, J. Schmidhuber, F. Cummins, Learning to
/// forget, 2000.
template <class T>
LstmState<T> lstm_cell(const Tensor<T>& x, const std::type_identity_t<LstmState<T>>& state,
                       const Tensor<T>& weight_x, const Tensor<T>& weight_h,
                       const std::type_identity_t<Tensor<T>>& bias = {});

}  // namespace xgrad
