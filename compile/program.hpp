#pragma once

// What a compiled function does: steps on numbered values. Internal; Recorder makes programs, compile()
// keeps and runs them, xgrad/compile/graph.hpp shows them.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "xgrad/autograd/trace.hpp"
#include "xgrad/compile/compiled_values.hpp"
#include "xgrad/compile/graph.hpp"
#include "xgrad/compile/memory_plan.hpp"

namespace xgrad::detail {

struct Deferred;

/// The values of a run, by their numbers, which both types share.
struct ProgramValues : TensorLists {
  std::vector<std::shared_ptr<Deferred>> deferred;
  std::shared_ptr<void> static_frame;
};

constexpr std::uint32_t kNoValue = ~std::uint32_t{0};

/// A tensor that a step reads: a value of the run, or one that the program holds.
template <class T>
struct Operand {
  std::uint32_t value = kNoValue;
  const Tensor<T>* held = nullptr;  // of HeldTensors

  const Tensor<T>& in(const ProgramValues& values) const {
    return held != nullptr ? *held : values.of<T>()[value];
  }
};

/// A handle that all programs share: what only programs hold is known by having one handle.
template <class T>
std::shared_ptr<const Tensor<T>> shared_handle(const Tensor<T>& t);

/// Each tensor that a program holds.
struct HeldTensors {
  Tensor<float> no_float;
  Tensor<double> no_double;
  std::vector<std::shared_ptr<const Tensor<float>>> floats;
  std::vector<std::shared_ptr<const Tensor<double>>> doubles;

  template <class T>
  const Tensor<T>* none() const {
    if constexpr (std::is_same_v<T, float>) {
      return &no_float;
    } else {
      return &no_double;
    }
  }
  template <class T>
  const Tensor<T>* hold(const Tensor<T>& t) {
    if constexpr (std::is_same_v<T, float>) {
      return floats.emplace_back(shared_handle(t)).get();
    } else {
      return doubles.emplace_back(shared_handle(t)).get();
    }
  }
};

/// What a program returns; constants are copied, as who gets them may write to them.
template <class T>
struct ProgramResult {
  Operand<T> operand;
  bool copied = false;
};

/// A step of a program. What it is for the eye is in Program::graph().
class ProgramStep {
 public:
  virtual ~ProgramStep() = default;
  virtual void run(ProgramValues& values) const = 0;
  /// Reads value `to`, or the tensor that the program holds for it, in place of value `from`.
  virtual void reread(std::uint32_t /*from*/, std::uint32_t /*to*/, const void* /*held*/) {}

  std::vector<std::unique_ptr<ProgramStep>> then;  // right after it
};

/// A step in its place among others.
struct PlacedStep {
  std::shared_ptr<const ProgramStep> step;
  std::vector<std::uint32_t> last_float, last_double;  // values that no later step reads
};

/// What the steps of a program without the tape stand on.
class StaticGround {
 public:
  virtual ~StaticGround() = default;
  /// Whether the tensors of this call are as those that it was made for.
  virtual bool may_run(const ProgramValues& values) const = 0;
  /// Memory for a run.
  virtual std::shared_ptr<void> begin() const = 0;
  /// How much of it.
  virtual std::size_t bytes() const = 0;
};

struct Program {
  std::vector<PlacedStep> steps;
  // The same without the tape, where that is possible and the tensors are small.
  std::vector<PlacedStep> static_steps;
  std::shared_ptr<const StaticGround> ground;  // null: it is not
  std::size_t values = 0;                      // how many
  std::size_t deferred = 0;                    // likewise, of results that are left to a pass back
  bool has_doubles = false;
  std::vector<std::uint32_t> float_arguments, double_arguments;
  std::vector<ProgramResult<float>> float_results;
  std::vector<ProgramResult<double>> double_results;
  std::vector<std::size_t> result_lengths;
  std::shared_ptr<const HeldTensors> held;
  Graph graph;
  MemoryPlan memory;

  template <class T>
  const std::vector<std::uint32_t>& arguments() const {
    if constexpr (std::is_same_v<T, float>) {
      return float_arguments;
    } else {
      return double_arguments;
    }
  }

  /// Sets `without_tape` when it went without.
  TensorLists run(const TensorLists& arguments, bool& without_tape) const;

 private:
  ProgramValues begin(const TensorLists& arguments) const;
  bool run_without_tape(ProgramValues& now) const;
};

}  // namespace xgrad::detail
