#pragma once

// A step length along a direction that satisfies the strong Wolfe conditions. Internal to L-BFGS.

#include <functional>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad::detail {

/// A point on the line x + step d.
template <class T>
struct LinePoint {
  double step = 0, value = 0, slope = 0;  // loss, and gradient . d
  Tensor<T> gradient;
};

struct WolfeOptions {
  double sufficient_decrease = 1e-4;  // c1
  double curvature = 0.9;             // c2
  int max_evaluations = 25;           // after the first
  double smallest_move = 1e-9;        // of any weight, between the ends of the bracket
};

/// The minimiser of the cubic that has the values and slopes of a and b, limited to [low, high];
/// the middle of the limits when it has none.
double cubic_minimum(double xa, double fa, double ga, double xb, double fb, double gb, double low,
                     double high);

/// A point p with  p.value <= start.value + c1 p.step start.slope  and  |p.slope| <= c2
/// |start.slope|, or the lowest point found when the evaluations or the bracket are used up.
/// `start` has step 0 and a slope below 0. A point where loss or slope are not finite counts as too
/// high: it is never the result, also where the loss is -inf.
/// **Source** Nocedal, Wright 2006, algorithms 3.5 and 3.6, with the interpolation and safeguards
/// of Schmidt's minFunc, which PyTorch has too.
template <class T>
LinePoint<T> strong_wolfe(const std::function<LinePoint<T>(double step)>& evaluate,
                          const LinePoint<T>& start, double first_step, double direction_size,
                          const WolfeOptions& options, int& evaluations);

}  // namespace xgrad::detail
