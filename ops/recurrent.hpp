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

#include <cstddef>
#include <type_traits>
#include <vector>

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

/// Which steps of sequences x (steps, n, in) are gone through, and in which direction.
struct SequenceOptions {
  /// Steps that each of the n sequences has, in any order, each in [1, steps]; empty: all. Those
  /// behind are padding: neither read nor counted, outputs are 0 there, and so are gradients of x. The
  /// last state of a sequence is that after its own last step. Less padding is less work.
  std::vector<std::size_t> lengths = {};
  /// From a sequence's own end to its beginning; outputs stay beside their inputs.
  bool reverse = false;
};

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
                   const std::type_identity_t<Tensor<T>>& bias_h = {},
                   const SequenceOptions& options = {});

/// One step of a gated recurrent unit. With zx = x weight_x^T + bias and zh = h weight_h^T + bias_h in
/// three parts r, z, n of d columns each:
///   r = sigmoid(zx_r + zh_r),   z = sigmoid(zx_z + zh_z),   n = tanh(zx_n + r zh_n)
///   h' = (1 - z) n + z h
/// as in PyTorch and cuDNN: the reset gate acts behind the product. Shapes: x (n, in), h (n, d),
/// weight_x (3 d, in), weight_h (3 d, d), biases (3 d) or undefined -> (n, d). Gradient: by the chain
/// rule, for all of them and any order. Throws std::invalid_argument for shapes that do not fit.
/// Source: K. Cho et al., Learning phrase representations using RNN encoder-decoder, 2014.
template <class T>
Tensor<T> gru_cell(const Tensor<T>& x, const std::type_identity_t<Tensor<T>>& h,
                   const Tensor<T>& weight_x, const Tensor<T>& weight_h,
                   const std::type_identity_t<Tensor<T>>& bias = {},
                   const std::type_identity_t<Tensor<T>>& bias_h = {});

/// What a recurrent network without a memory of its own makes of a sequence.
template <class T>
struct RecurrentOutput {
  Tensor<T> h;     ///< the output of every step, (steps, n, d)
  Tensor<T> last;  ///< after the last step, (n, d)
};

/// gru_cell along the first axis of x, each step from the state that the one before left.
/// Shapes: x (steps, n, in), the others as for gru_cell -> h (steps, n, d) and the last one (n, d).
/// Gradient: as of the steps, of any order. Throws std::invalid_argument for shapes that do not fit,
/// for no steps and for lengths that are none of them. Memory: 5 steps n d numbers are kept for the
/// backward pass.
template <class T>
RecurrentOutput<T> gru(const Tensor<T>& x, const std::type_identity_t<Tensor<T>>& h,
                       const Tensor<T>& weight_x, const Tensor<T>& weight_h,
                       const std::type_identity_t<Tensor<T>>& bias = {},
                       const std::type_identity_t<Tensor<T>>& bias_h = {},
                       const SequenceOptions& options = {});

/// What a recurrent network without gates does with its sum.
enum class Nonlinearity { tanh, relu };

/// One step without gates: h' = f(x weight_x^T + bias + h weight_h^T + bias_h). Shapes: x (n, in),
/// h (n, d), weight_x (d, in), weight_h (d, d), biases (d) or undefined -> (n, d). Gradient: by the
/// chain rule, for all of them and any order; that of relu at 0 is 0. Throws std::invalid_argument for
/// shapes that do not fit. Source: J. L. Elman, Finding structure in time, 1990.
template <class T>
Tensor<T> rnn_cell(const Tensor<T>& x, const std::type_identity_t<Tensor<T>>& h,
                   const Tensor<T>& weight_x, const Tensor<T>& weight_h,
                   const std::type_identity_t<Tensor<T>>& bias = {},
                   const std::type_identity_t<Tensor<T>>& bias_h = {},
                   Nonlinearity f = Nonlinearity::tanh);

/// rnn_cell along the first axis of x; shapes and errors as of gru. Memory: 2 steps n d numbers are
/// kept for the backward pass.
template <class T>
RecurrentOutput<T> rnn(const Tensor<T>& x, const std::type_identity_t<Tensor<T>>& h,
                       const Tensor<T>& weight_x, const Tensor<T>& weight_h,
                       const std::type_identity_t<Tensor<T>>& bias = {},
                       const std::type_identity_t<Tensor<T>>& bias_h = {},
                       Nonlinearity f = Nonlinearity::tanh, const SequenceOptions& options = {});

}  // namespace xgrad
