#pragma once

// The analytic side of a gradient check, and which coordinates to check. Internal.

#include <cstddef>
#include <string>
#include <vector>

#include "xgrad/gradient_check/probe.hpp"

namespace xgrad::detail {

struct AnalyticGradients {
  std::vector<std::vector<Tensor<double>>>
      values;                 ///< [number][input]; zeros where an input does not reach the outputs
  std::vector<bool> reached;  ///< [input]
  /// What a backward pass that starts with c times the gradient gives, where it is not c times what
  /// it gives otherwise: one sentence for each input. Its values take the place of the others.
  std::vector<std::string> not_linear;

  double largest(std::size_t number, std::size_t input) const;
  double norm(std::size_t input) const;
  bool is_zero(std::size_t input, std::size_t position) const;
};

/// The gradients of every number that the probe makes of `outputs`, which are those of its
/// function, from several backward passes: backward is linear in the gradient that it starts with.
/// `names` are those of the inputs.
AnalyticGradients analytic_gradients(const Probe& probe, const std::vector<Tensor<double>>& outputs,
                                     const std::vector<std::string>& names);

/// How far the gradient of each number by one input is rounded, [number][position], measured as the
/// noise of the function is.
std::vector<std::vector<double>> analytic_rounding(const Probe& probe, std::size_t input);

/// How much of number k is rounding of what depends on one input, as far as the tape tells.
double rounding_of_function(const Probe& probe, std::size_t k, std::size_t input);

/// The derivative of number k by one coordinate, at the inputs as they are now, from a backward pass
/// that starts with `factor` times the gradient: another factor is rounded in another way. NaN where
/// the function throws.
double gradient_here(const Probe& probe, std::size_t k, std::size_t input, std::size_t position,
                     double factor);

/// `samples` positions of an input, or all for 0: spread evenly, with a quarter where the gradient
/// is 0 (a gradient that is lost there would go unseen otherwise).
std::vector<std::size_t> choose_positions(const AnalyticGradients& gradients, std::size_t input,
                                          std::size_t samples, Generator& generator);

}  // namespace xgrad::detail
