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
  double largest;  ///< of the same gradient
  double natural;  ///< what a derivative would be if nothing cancelled: sizes of terms over that of
                   ///< the coordinate
};

/// The natural scale of derivatives: the largest in the gradient, or what is left of the function's
/// terms (their rounding noise betrays them where they cancel) over the size of a coordinate.
double natural_scale(double largest, double magnitude, double noise, double coordinate);

/// Verdict, values and note. `again` repeats the numeric derivative with other steps: a failure
/// needs both to agree. `kinks` counts the operations that are at a kink, up to 2.
GradientElement judge(const Evidence& evidence, const std::function<NumericDerivative()>& again,
                      const std::function<std::size_t()>& kinks);

}  // namespace xgrad::detail
