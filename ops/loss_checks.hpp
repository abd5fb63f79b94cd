#pragma once

// What the losses have in common: errors, and the reduction at the end. Internal.

#include <sstream>
#include <stdexcept>

#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad::detail {

/// Throws Error("operation: part part ...").
template <class Error = std::invalid_argument, class... Parts>
[[noreturn]] void fail(const char* operation, const Parts&... parts) {
  std::ostringstream message;
  message << operation << ": ";
  (message << ... << parts);
  throw Error(message.str());
}

template <class T>
void require_same_shape(const char* operation, const Tensor<T>& x, const Tensor<T>& t) {
  if (x.shape() == t.shape()) return;
  fail(operation, "shapes differ: ", to_string(x.shape()), ", ", to_string(t.shape()));
}

template <class T>
Tensor<T> reduced_loss(const Tensor<T>& loss, Reduction reduction) {
  if (reduction == Reduction::none) return loss;
  return reduction == Reduction::mean ? mean(loss) : sum(loss);
}

}  // namespace xgrad::detail
