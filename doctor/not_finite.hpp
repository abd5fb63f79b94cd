#pragma once

// Where the first NaN or infinity of a pass came from. Internal.

#include <array>
#include <optional>
#include <vector>

#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/doctor/finding.hpp"
#include "xgrad/doctor/replay.hpp"
#include "xgrad/doctor/tape.hpp"

namespace xgrad::detail {

template <class T>
struct Culprit {
  Finding finding;
  std::optional<OperationReplay<T>> replay = {};  // none of a parameter, and without a log
};

/// The first operation whose result is not finite, with the ranges of its operands, the samples
/// that it is not finite for, and what that says. Values have to be kept; a log may be there. None:
/// all is finite.
template <class T>
std::optional<Culprit<T>> first_not_finite(const std::vector<TapeEntry<T>>& tape,
                                           const OperationLog<T>* log, std::size_t step);

/// Notes the gradients of a pass, for the first operation whose backward made one that is not
/// finite.
template <class T>
class GradientTrace {
 public:
  /// Before the pass. The log must outlive it.
  GradientTrace(std::vector<TapeEntry<T>> tape, const OperationLog<T>& log);
  GradientTrace(const GradientTrace&) = delete;
  GradientTrace& operator=(const GradientTrace&) = delete;
  ~GradientTrace();
  /// After it.
  std::optional<Culprit<T>> first_not_finite(std::size_t step) const;

 private:
  struct Step {
    Tensor<T> output, gradient;  // undefined: not kept, not reached
    double largest = 0;          // magnitude of the gradient, of all passes together
    std::array<double, 2>
        bound{};         // of a product: of what it gives its operands, where they are leaves
    bool fresh = false;  // of a leaf: its gradient is that of the pass, as the operations give it
    std::size_t hook = 0;
  };
  std::vector<double> bounds() const;
  void watch(std::size_t i);
  bool is_finite(std::size_t i, double bound) const;
  std::size_t maker_of(std::size_t i) const;

  std::vector<TapeEntry<T>> tape_;
  std::vector<Step> steps_;
  const OperationLog<T>& log_;
};

}  // namespace xgrad::detail
