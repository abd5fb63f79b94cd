#pragma once

// An operation for a batch of samples, by ordinary operations. Internal: vmap().
//
//   describe_batch(y, [axis](const auto& b) { return cumprod(b.x[0], axis + 1); });

#include <cstddef>
#include <functional>
#include <memory>
#include <variant>
#include <vector>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/tensor.hpp"

namespace xgrad::detail {

/// The operands: with the samples on an axis in front where they are batched.
template <class T>
struct BatchOperands {
  const std::vector<Tensor<T>>& x;
  const std::vector<bool>& batched;
  std::size_t n;

  /// Operand i with the samples in front, repeated where they share it.
  Tensor<T> all(std::size_t i) const {
    return batched[i] ? x[i] : detail::broadcast_to(x[i], x[i].shape().with(0, n));
  }
  /// One that may be missing.
  bool has_own(std::size_t i) const { return i < x.size() && batched[i]; }
};

struct BatchNeeds {
  /// It uses indices (FollowedIndices). Those of which each sample has its own come with one more axis, in front.
  bool reads_indices = false;
  unsigned shared = 0;  ///< operands that all samples must share, as bits
};

template <class T>
struct BatchFunction : BatchNeeds {
  /// The result, with the samples in front. Undefined: it cannot be done in this way.
  std::function<Tensor<T>(const BatchOperands<T>&)> run;
};

using AnyBatchFunction = std::variant<std::monostate, std::shared_ptr<const BatchFunction<float>>,
                                      std::shared_ptr<const BatchFunction<double>>>;

/// Null: there is none of this type.
template <class T>
const BatchFunction<T>* batch_function_in(const AnyBatchFunction& f) {
  const auto* const p = std::get_if<std::shared_ptr<const BatchFunction<T>>>(&f);
  return p != nullptr ? p->get() : nullptr;
}

}  // namespace xgrad::detail
