#pragma once

// Connectionist temporal classification: sequences of labels of which it is not known at which steps
// they lie.

#include <cstdint>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/ops/losses.hpp"

namespace xgrad {

struct CtcOptions {
  std::int64_t blank = 0;      ///< the class of "no label here"
  bool zero_infinity = false;  ///< labels that do not fit into the steps cost nothing, not infinity
  Reduction reduction = Reduction::mean;  ///< of the batch
};

/// -log of the probability of the labels: the sum over all ways to spread them, in order, over the
/// steps, where a label may be repeated and blanks lie anywhere, but have to between equal labels.
/// x are logarithms of probabilities, of log_softmax.
/// Shapes: x (steps, n, classes), targets (n, most labels), of which the first target_lengths[i] of
/// row i count, or all labels one after the other; input_lengths (n), target_lengths (n) -> (n). For
/// one sample x (steps, classes), targets (labels), lengths () -> ().
/// The mean is that of the losses divided by their number of labels (at least 1), as in PyTorch.
/// Gradient: by x minus the probability of a class at a step given the labels, which is the
/// derivative whatever x is. (PyTorch's adds exp(x), which behind log_softmax is the same.) NaN where
/// a loss is infinite, 0 with zero_infinity; 0 behind a sample's last step. The second derivative is
/// that of the recursion in tensor operations.
/// Throws std::invalid_argument for shapes that do not fit and a target that is the blank,
/// std::out_of_range for a length that is negative or too large, a label and a blank that are no
/// classes.
/// Source: A. Graves, S. Fernandez, F. Gomez, J. Schmidhuber, Connectionist temporal classification,
/// 2006. An operation with a kernel of its own, in double.
template <class T>
Tensor<T> ctc_loss(const Tensor<T>& x, const Indices& targets, const Indices& input_lengths,
                   const Indices& target_lengths, CtcOptions options = {});

}  // namespace xgrad
