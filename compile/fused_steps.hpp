#pragma once

// An elementwise program in single operations of a processor. Internal: compile/fused_code.cpp.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "xgrad/compile/fused.hpp"
#include "xgrad/compile/fused_calls.hpp"

namespace xgrad::detail {

template <class T>
struct FusedStep {
  // `flip` changes the sign of a where b has one, `clear` takes it away; `keep` is b, or 0 where
  // a <= 0; `root` is that of a.
  enum class Kind { add, subtract, multiply, divide, flip, clear, keep, root, call } kind;
  std::uint32_t a = 0, b = 0;
  // A call: what it reads and makes, in the order of GroupKernels.
  const void* function = nullptr;
  const void* functor = nullptr;
  std::vector<std::uint32_t> arguments = {};
  std::vector<std::uint32_t> results = {};
  std::uint32_t result = 0;  // of what is no call
};

template <class T>
struct FusedStepValue {
  enum class Kind { array, repeated, constant, computed } kind;
  std::uint32_t input;  // an array, or a number that is repeated
  T number;
};

template <class T>
struct FusedSteps {
  std::vector<FusedStepValue<T>> values;
  std::vector<FusedStep<T>> steps;
  std::vector<std::uint32_t> outputs;
  std::vector<std::unique_ptr<KernelCall<T>>> calls;  // functors of some steps
  std::vector<bool> checked;  // an output that is NaN where 0 was to win over infinity
};

/// Whether the machine code of a formula's value is an instruction or two, not a call.
template <class T>
bool is_instruction(const ElementwiseRule<T>& rule);

/// Empty values when a formula has more than two inputs.
template <class T>
FusedSteps<T> make_steps(const FusedProgram<T>& program);

extern template bool is_instruction(const ElementwiseRule<float>&);
extern template bool is_instruction(const ElementwiseRule<double>&);
extern template FusedSteps<float> make_steps(const FusedProgram<float>&);
extern template FusedSteps<double> make_steps(const FusedProgram<double>&);

}  // namespace xgrad::detail
