#pragma once

// How operations on one sample are done for a batch of them. Internal.

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "xgrad/compile/recorder.hpp"

namespace xgrad::detail {

/// An operand for all samples: where it is batched, with an axis for them in front.
template <class T>
struct BatchOperand {
  Tensor<T> tensor;
  Shape shape;  ///< of a sample
  bool batched = false;
};

/// (n, shape...)
Shape with_batch(std::size_t n, const Shape& shape);

/// An operation on a sample, with operands of which one at least is batched.
template <class T>
struct BatchStep {
  const RecordedStep& step;
  const std::vector<BatchOperand<T>>& x;
  Shape shape;  ///< of the result for a sample
  std::size_t n;

  Shape whole() const { return with_batch(n, shape); }
  /// Operand i, repeated where all samples share it.
  Tensor<T> batched(std::size_t i) const;
  /// Operand i as (n, sizes...), repeated likewise.
  Tensor<T> batched_as(std::size_t i, const Shape& sizes) const;
  /// Operand i, batched with axes of 1 behind that of the samples, so that it broadcasts as a sample does
  /// with `rank` axes.
  Tensor<T> aligned(std::size_t i, std::size_t rank) const;
};

/// The result for all samples at once; nothing where there is no rule.
template <class T>
std::optional<Tensor<T>> by_rule(const BatchStep<T>& b);

/// Whether an operation does the same to each number, however many there are, as a copy.
bool is_of_any_shape(std::string_view name);

/// That of a formula.
template <class T>
Tensor<T> batched_formula(const TracedFormula<T>& formula, const BatchStep<T>& b);

/// Products of matrices, which are one product where one operand is shared.
template <class T>
Tensor<T> batched_product(const ProductDescription& d, const BatchStep<T>& b);
template <class T>
Tensor<T> batched_linear(const LinearDescription& d, const BatchStep<T>& b);

}  // namespace xgrad::detail
