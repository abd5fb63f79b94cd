#pragma once

// Whether the values of a function bear witness against a gradient. Internal to the gradient check.
//
// Between two points a quotient of differences is the mean of the derivative, whatever the function
// does there and however long the step is. So the gradient is held against the quotients not at the
// point alone but over intervals of every length that tells, on either side. Where the rounding of
// the function hides what the gradient knows of (a wave of small amplitude, stairs, a small term in a
// large sum), the mean of the gradient cannot be told, or an interval of another length agrees with
// it, and there is no witness.

#include <cstddef>
#include <functional>

#include "xgrad/gradient_check/numeric.hpp"

namespace xgrad::detail {

/// The analytic gradient at places of a line, rounded anew each time.
using Slope = std::function<double(double x)>;

/// Of function k of a line, at x.
struct Question {
  std::size_t k;
  double x;
  double analytic;    ///< the slope to be ruled out
  double difference;  ///< from what was found
  double noise;       ///< of a change of the function
  double largest;     ///< slope beside this one
  double scale;       ///< of the coordinate
};

/// Whether that slope is ruled out.
bool rules_out(const Line& line, const Slope& slope, const Question& question);

}  // namespace xgrad::detail
