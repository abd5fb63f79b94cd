#pragma once

// From what was recorded to what is run: nothing that nobody needs, formulas in groups, values let go
// after their last use. Internal.

#include <cstdint>
#include <vector>

#include "xgrad/compile/program.hpp"
#include "xgrad/compile/recorder.hpp"

namespace xgrad::detail {

/// Sets the steps of a program whose arguments and results are set, and its graph.
void make_program(Program& program, std::vector<RecordedStep> steps,
                  const std::vector<RecordedValue>& values,
                  const std::vector<std::uint32_t>& results);

/// Without steps that neither change state nor lead to a result.
void drop_unneeded(std::vector<RecordedStep>& steps, std::size_t values,
                   const std::vector<std::uint32_t>& results);

/// Formulas that are used by each other alone become groups (compile/fusion_group.hpp).
/// Returns how many results of groups are left to passes back.
std::size_t fuse_formulas(std::vector<RecordedStep>& steps,
                          const std::vector<RecordedValue>& values,
                          const std::vector<std::uint32_t>& results);

}  // namespace xgrad::detail
