#pragma once

// What a program need not compute. Internal.

#include <cstdint>
#include <vector>

#include "xgrad/compile/recorder.hpp"

namespace xgrad::detail {

/// Formulas of constants are computed now, and what is computed a second time is taken from the first. Only
/// what needs no gradient: a gradient would be added up in another order.
void simplify(std::vector<RecordedStep>& steps, std::vector<RecordedValue>& values,
              const std::vector<std::uint32_t>& results, HeldTensors& held);

}  // namespace xgrad::detail
