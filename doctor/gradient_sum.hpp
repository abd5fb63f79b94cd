#pragma once

// Whether gradients are those of a step's own passes, or a sum with what was there before. Internal.

#include <optional>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/doctor/finding.hpp"
#include "xgrad/optimizers/optimizer.hpp"

namespace xgrad::detail {

/// Follows the first parameter that has a gradient before the backward pass.
template <class T>
class GradientSum {
 public:
  /// Before the first pass of a step.
  explicit GradientSum(const Optimizer<T>& optimizer);
  GradientSum(const GradientSum&) = delete;
  GradientSum& operator=(const GradientSum&) = delete;
  ~GradientSum();
  /// After the last one: a finding when what was there before is a part of what is there now.
  std::optional<Finding> finding() const;

 private:
  Tensor<T> parameter_, before_, added_;  // undefined: none has a gradient
  std::size_t hook_ = 0;
};

}  // namespace xgrad::detail
