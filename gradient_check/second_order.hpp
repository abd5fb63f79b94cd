#pragma once

// Second order for the gradient check. Internal.

#include "xgrad/gradient_check/probe.hpp"

namespace xgrad::detail {

/// x -> the gradient of <u, f(x)> by every input, u being the first combination of `probe` (whose
/// function is f). Differentiable when recording is on.
TensorFunction<double> gradient_function(const Probe& probe);

/// How much rounding there is at least in each number that gradient_function returns: that of the
/// terms of f, divided by the coordinate where it is large. Where a gradient vanishes, as of
/// tanh(20), it moves in such steps.
std::vector<double> gradient_noise(const Probe& probe);

/// |<J v, u> - <v, J' u>| over the sum of the magnitudes of the terms (and a thousandth of those of
/// the value, since terms that cancel leave rounding), for random u and v: J' u by backward, J v by
/// differentiating J' u by u.
double adjoint_gap(const Probe& probe);

/// |<H v, w> - <v, H w>| over the same, for random v and w and the Hessian H of <u, f>.
double symmetry_gap(const Probe& probe);

}  // namespace xgrad::detail
