#pragma once

// What a program has in memory, step by step: compile/memory_plan.hpp. Internal.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "xgrad/compile/memory_plan.hpp"
#include "xgrad/compile/recorder.hpp"

namespace xgrad::detail {

/// Steps as they are run: on the tape, or, where there are some, without it; `block`: bytes that those work in.
MemoryPlan plan_memory(const std::vector<RecordedStep>& steps,
                       const std::vector<RecordedStep>& static_steps,
                       const std::vector<RecordedValue>& values,
                       const std::vector<std::uint32_t>& results, std::size_t block);

}  // namespace xgrad::detail
