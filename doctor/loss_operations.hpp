#pragma once

// What is wrong with the operations behind a loss, read from the tape. Internal.

#include <cstdint>
#include <vector>

#include "xgrad/doctor/finding.hpp"
#include "xgrad/doctor/tape.hpp"

namespace xgrad::detail {

/// Softmax or sigmoid that is applied twice, and a column against a row after entry `last` of the
/// tape, the last one of the model's own.
template <class T>
void report_loss_operations(const std::vector<TapeEntry<T>>& tape, std::uint64_t last,
                            Diagnosis& d);

}  // namespace xgrad::detail
