#pragma once

// What the losses have in common. Internal.

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad::detail {

template <class T>
void require_same_shape(const char* operation, const Tensor<T>& x, const Tensor<T>& t,
                        const char* name_of_x = "x", const char* name_of_t = "t") {
  require(x.shape() == t.shape(), operation, "shapes differ: ", name_of_x, " ", x.shape(), ", ",
          name_of_t, " ", t.shape());
}

template <class T>
Tensor<T> reduced_loss(const Tensor<T>& loss, Reduction reduction) {
  if (reduction == Reduction::none) return loss;
  if (reduction == Reduction::mean) return mean(loss);
  const Tensor<T> total = sum(loss);
  if (reduction == Reduction::sum || loss.rank() == 0) return total;
  return total / static_cast<T>(loss.shape()[0]);
}

/// Throws unless each number is in [0, 1]. NaN is let through.
template <class T>
void require_probabilities(const char* operation, const Tensor<T>& p);

/// Throws unless the numbers of t along `axis`, or their exponentials, are probabilities: not
/// negative, with the sum 1, but for what rounding does to targets that were computed or written
/// with three digits. NaN is let through.
template <class T>
void require_distributions(const char* operation, const Tensor<T>& t, std::size_t axis,
                           bool logarithms = false);

}  // namespace xgrad::detail
