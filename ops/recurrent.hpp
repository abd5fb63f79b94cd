#pragma once

// Recurrent networks: a step, with which a sequence is an ordinary loop that the tape follows, and
// a whole sequence at once.
//
//   LstmState<float> state = {zeros, zeros};
//   for (const Tensor<float>& x : sequence) state = lstm_cell(x, state, weight_x, weight_h, bias);
//
//   const auto [h, last] = lstm(stack(sequence), {zeros, zeros}, weight_x, weight_h, bias);
//
// Both have kernels of their own: from primitive operations a step is some 15 passes over its
// numbers. A whole sequence also makes one matrix product of those that its steps do not wait for:
// with x going forward, and of the gradients of x and of the weights.

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
/// undefined -> h' and c' (n, d). A second bias, as PyTorch's states have one for h, is added to
/// the first. Gradient: by the chain rule, for all of them and any order. Throws
/// std::invalid_argument for shapes that do not fit. Source: S. Hochreiter, J. Schmidhuber, Long
/// short-term memory, 1997; forget gate: F. A. Gers, J. Schmidhuber, F. Cummins, Learning to
/// forget, 2000.
template <class T>
LstmState<T> lstm_cell(const Tensor<T>& x, const std::type_identity_t<LstmState<T>>& state,
                       const Tensor<T>& weight_x, const Tensor<T>& weight_h,
                       const std::type_identity_t<Tensor<T>>& bias = {},
                       const std::type_identity_t<Tensor<T>>& bias_h = {});

/// What a long short-term memory makes of a sequence.
template <class T>
struct LstmOutput {
  Tensor<T> h;        ///< the output of every step, (steps, n, d)
  LstmState<T> last;  ///< after the last step
};

/// lstm_cell along the first axis of x, each step from the state that the one before left.
/// Shapes: x (steps, n, in), the others as for lstm_cell -> h (steps, n, d), h' and c' (n, d).
/// Gradient: as of the steps, of any order. Throws std::invalid_argument for shapes that do not fit
/// and for no steps. Memory: 5 steps n d numbers are kept for the backward pass.
template <class T>
LstmOutput<T> lstm(const Tensor<T>& x, const std::type_identity_t<LstmState<T>>& state,
                   const Tensor<T>& weight_x, const Tensor<T>& weight_h,
                   const std::type_identity_t<Tensor<T>>& bias = {},
                   const std::type_identity_t<Tensor<T>>& bias_h = {});

}  // namespace xgrad
