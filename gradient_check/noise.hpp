#pragma once

// How much of a function's values is rounding. Internal to the gradient check.

#include <functional>
#include <vector>

namespace xgrad::detail {

/// The values of K functions beside the point of interest: every coordinate is moved along a random
/// direction by `multiple` times the distance that belongs to `spacing`.
using Beside = std::function<std::vector<double>(double spacing, double multiple)>;

constexpr double kNearSpacing = 0x1p-45, kFarSpacing = 0x1p-15;

/// The rounding noise of each value, with a margin, from differences of growing order at equidistant
/// points (More and Wild, "Estimating computational noise", 2011): a smooth function leaves less in
/// each higher order, noise the same in all. Points at kNearSpacing show ordinary rounding, points
/// at kFarSpacing that of values which stay the same for a while, such as 1 - tanh(x) for large x.
/// A wave whose period the far points jump over looks the same, so what only they show is followed
/// to shorter spacings: it is noise if it dissolves into stairs, and none if it becomes smooth. A
/// kink that is met looks like noise, so that the less noisy side counts.
std::vector<double> measure_noise(const Beside& evaluate);

}  // namespace xgrad::detail
