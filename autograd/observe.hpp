#pragma once

// For what reads the tape, as the gradient check does: how often the calling thread has
// differentiated, and values that stay. Internal.

#include <cstddef>

namespace xgrad::detail {

inline thread_local std::size_t passes_begun = 0;
/// How many backward passes this thread has begun.
inline std::size_t backward_passes() { return passes_begun; }

inline thread_local bool keeping_values = false;
/// While it lives, what this thread records keeps its value as long as the entry.
class KeepEntryValues {
 public:
  KeepEntryValues() { keeping_values = true; }
  ~KeepEntryValues() { keeping_values = before_; }
  KeepEntryValues(const KeepEntryValues&) = delete;
  KeepEntryValues& operator=(const KeepEntryValues&) = delete;

 private:
  bool before_ = keeping_values;
};

}  // namespace xgrad::detail
