#pragma once

// Connectionist temporal classification of one sample: the sum over all alignments of labels to
// steps, forwards and backwards in logarithms (Graves et al. 2006). In double whatever T.

#include <cstddef>
#include <cstdint>

namespace xgrad::kernels {

/// Steps of logarithms of probabilities, `stride` apart, and the labels in order.
template <class T>
struct CtcSample {
  const T* log_probs;
  std::size_t stride, steps;
  const std::int64_t* labels;
  std::size_t count;
  std::int64_t blank;
};

/// -log of the probability of the labels; infinite when they do not fit in.
template <class T>
double ctc_loss(const CtcSample<T>& s);

/// gx[t, c] -= g times the probability of class c at step t, given the labels. Where the loss
/// is infinite NaN, or nothing if `zero_infinity`.
template <class T>
void ctc_backward(const CtcSample<T>& s, double g, bool zero_infinity, T* gx);

}  // namespace xgrad::kernels
