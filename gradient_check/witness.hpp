#pragma once

// Whether the values of a function can bear witness against a gradient. Internal to the gradient
// check.
//
// Where a small coordinate is added to something large, a function stands still between the digits
// of the sum, and leaps from one to the next. Quotients of its differences agree with each other
// and are wrong. What betrays it is that its values lie on no smooth curve: how far they are off
// one, divided by the step, is what a slope may be wrong by.

#include <cstddef>

#include "xgrad/gradient_check/numeric.hpp"

namespace xgrad::detail {

/// Of function k of a line, at x.
struct Question {
  std::size_t k;
  double x;
  double analytic;    ///< the slope to be ruled out
  double difference;  ///< from what was found
  double step;        ///< of what was found
  bool kink;          ///< there is one at x or near it
  bool still;         ///< no step changed the function
  double largest;     ///< slope beside this one
  double scale;       ///< of the coordinate
  double rounding;    ///< of the function's values, at least
  double far;         ///< the longest step
};

/// Whether that slope is ruled out by the values at `step` and shorter ones; of a function that does
/// not move there, by those at the first longer step at which it does.
bool rules_out(const Line& line, const Question& question);

}  // namespace xgrad::detail
