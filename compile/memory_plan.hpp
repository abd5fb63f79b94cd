#pragma once

// What a call of a compiled function takes of memory, known before it runs.
//
//   const auto step = compile([&](const Tensor<float>& x, const Indices& y) { ... });
//   step(x, y);                                    // recorded
//   std::cout << memory_plan(step, x, y);          // of each later call
//   if (memory_plan(step, x, y).peak_bytes > limit) ...
//
// The plan follows the program: what each operation makes, what its entry on the tape keeps for the pass back,
// gradients, in the order in which they come and go. Not in it: arguments and what the function holds, which are
// there anyhow; the state of optimizers; room that a kernel takes for itself; memory that the pool keeps for
// later and rounds up by up to a quarter (xgrad/kernels/pool.hpp). PeakMemory (xgrad/kernels/peak_memory.hpp) measures a call.

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

#include "xgrad/autograd/shape.hpp"
#include "xgrad/compile/compile.hpp"

namespace xgrad {

/// Memory that a call has at a time.
struct MemoryUse {
  /// What it is for.
  enum class Kind {
    result,    ///< of an operation
    kept,      ///< what the tape keeps besides operands and results
    gradient,  ///< of a result, during a pass back
    leaf,      ///< a gradient of an argument or of what the function holds, such as a parameter
    block      ///< of a program without the tape: all its values and gradients
  } kind = Kind::result;  ///< what it is for
  std::string operation;  ///< that it is of: "linear"
  std::string module;     ///< the path of the module that it ran in; empty for none
  Shape shape;            ///< of a block: how many numbers
  std::size_t bytes = 0;  ///< how much it is
};

/// In bytes.
struct MemoryPlan {
  std::size_t peak_bytes = 0;  ///< the most that a call has at once, results and gradients included
  std::size_t result_bytes = 0;    ///< results, which stay as long as the caller keeps them
  std::size_t gradient_bytes = 0;  ///< gradients of leaves that the call makes
  bool without_tape = false;  ///< calls whose tensors are as they were go without: docs/compile.md
  std::string at;             ///< where the peak is: "backward, at linear in fc1"
  std::vector<MemoryUse> at_peak;  ///< what is there then, the largest first
};

/// The plan of calls with such arguments. Throws std::invalid_argument when there was none yet, or the function
/// is not compiled.
template <class F, class... A>
MemoryPlan memory_plan(const Compiled<F>& f, const A&... arguments) {
  detail::TensorLists given;
  (detail::append(given, arguments), ...);
  return *f.programs_->memory_plan(given);
}

/// The peak and the ten largest arrays that are there then.
std::string to_string(const MemoryPlan& plan);
std::ostream& operator<<(std::ostream& out, const MemoryPlan& plan);

}  // namespace xgrad
