#pragma once

// Finds out whether a program can do without the tape, and how. Internal.
//
// It can when all its tensors that gradients flow through are small, come from operations that are formulas
// or describe themselves (autograd/description.hpp), and one pass back of the program uses them all. Its other
// steps stay as they are. A call whose tensors are not as they were (leaves of another thread, hooks,
// results of operations as arguments) takes the steps that record.

#include <cstdint>
#include <memory>
#include <vector>

#include "xgrad/compile/recorder.hpp"

namespace xgrad::detail {

struct StaticPlan {
  std::vector<RecordedStep> steps;
  std::shared_ptr<const StaticGround> ground;  // null: there is none
};

/// The same program; it shares the steps that stay.
StaticPlan plan_static(const std::vector<RecordedStep>& steps,
                       const std::vector<RecordedValue>& values,
                       const std::vector<std::uint32_t>& results);

}  // namespace xgrad::detail
