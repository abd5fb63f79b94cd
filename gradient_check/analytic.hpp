#pragma once

// The analytic side of a gradient check, and which coordinates to check. Internal.

#include <cstddef>
#include <vector>

#include "xgrad/gradient_check/probe.hpp"

namespace xgrad::detail {

struct AnalyticGradients {
  std::vector<std::vector<Tensor<double>>>
      values;                 ///< [number][input]; zeros where an input does not reach the outputs
  std::vector<bool> reached;  ///< [input]

  double largest(std::size_t number, std::size_t input) const;
  double norm(std::size_t input) const;
  bool is_zero(std::size_t input, std::size_t position) const;
};

/// The gradients of every number that the probe makes of `outputs`, which are those of
/// its function.
AnalyticGradients analytic_gradients(const Probe& probe,
                                     const std::vector<Tensor<double>>& outputs);

/// `samples` positions of an input, or all for 0: spread evenly, with a quarter where the gradient
/// is 0 (a gradient that is lost there would go unseen otherwise).
std::vector<std::size_t> choose_positions(const AnalyticGradients& gradients, std::size_t input,
                                          std::size_t samples, Generator& generator);

}  // namespace xgrad::detail
