#pragma once

// What the losses have in common. Internal.

#include "xgrad/base/errors.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad::detail {

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
