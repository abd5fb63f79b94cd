#pragma once

// The verdict on one element. Internal to the gradient check.

#include <cstddef>
#include <functional>

#include "xgrad/gradient_check/check.hpp"
#include "xgrad/gradient_check/numeric.hpp"

namespace xgrad::detail {

struct Evidence {
  double analytic;
  NumericDerivative numeric;
  double largest;        ///< of the same gradient
  bool constant;         ///< no step, however long, changed the function by more than rounding
  double far_slope = 0;  ///< the slope that a long step shows
  double rounding = 0;   ///< of the analytic value, where it was measured
};

/// Verdict, values and note. `again(difference)` repeats the numeric derivative with other steps,
/// as short as a difference of that size can be seen with: a failure needs both to agree. `kinks`
/// counts the operations that are at a kink, up to 2.
GradientElement judge(const Evidence& evidence,
                      const std::function<NumericDerivative(double difference)>& again,
                      const std::function<std::size_t()>& kinks);

}  // namespace xgrad::detail
