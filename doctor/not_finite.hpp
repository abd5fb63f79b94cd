#pragma once

// Where the first NaN or infinity of a pass came from. Internal.

#include <optional>
#include <vector>

#include "xgrad/doctor/finding.hpp"
#include "xgrad/doctor/tape.hpp"

namespace xgrad::detail {

/// The first operation whose result is not finite, with the ranges of its operands, the samples
/// that it is not finite for, and what that says. Values have to be kept. None: all is finite.
template <class T>
std::optional<Finding> first_not_finite(const std::vector<TapeEntry<T>>& tape, std::size_t step);

/// Notes the gradients of a pass, for the first operation whose backward made one that is not
/// finite.
template <class T>
class GradientTrace {
 public:
  /// Before the pass.
  explicit GradientTrace(const std::vector<TapeEntry<T>>& tape);
  GradientTrace(const GradientTrace&) = delete;
  GradientTrace& operator=(const GradientTrace&) = delete;
  ~GradientTrace();
  /// After it.
  std::optional<Finding> first_not_finite(std::size_t step) const;

 private:
  struct Step {
    std::string name, operation;      // of the entry
    std::vector<std::size_t> inputs;  // places in steps_
    Tensor<T> gradient;               // of its output; undefined: not reached
    std::vector<Tensor<T>> operands;  // their numbers; undefined: not kept
  };
  std::vector<Step> steps_;
  std::vector<std::pair<Tensor<T>, std::size_t>> hooks_;
};

extern template class GradientTrace<float>;
extern template class GradientTrace<double>;

}  // namespace xgrad::detail
