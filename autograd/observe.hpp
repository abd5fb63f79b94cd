#pragma once

// For what reads the tape, as the gradient check does: how often the calling thread has
// differentiated, and values that stay. Internal.

#include <cstddef>
#include <cstdint>

namespace xgrad::detail {

inline thread_local std::size_t passes_begun = 0;
/// How many backward passes this thread has begun.
inline std::size_t backward_passes() { return passes_begun; }

inline thread_local int keeping_values = 0;  // how many want it
/// While it lives, what this thread records keeps its value as long as the entry.
class KeepEntryValues {
 public:
  KeepEntryValues() { ++keeping_values; }
  ~KeepEntryValues() { --keeping_values; }
  KeepEntryValues(const KeepEntryValues&) = delete;
  KeepEntryValues& operator=(const KeepEntryValues&) = delete;
};

/// The number of this thread's last entry, or `least` if that is larger, as an entry of another
/// thread may be: what this one records from now on has a larger one.
std::uint64_t last_sequence(std::uint64_t least);

inline thread_local bool repeating = false;
/// While it lives, functions are called a second time for what the first call did not keep: what
/// they change besides, such as running statistics, stays as it is.
class RepeatingScope {
 public:
  RepeatingScope() { repeating = true; }
  ~RepeatingScope() { repeating = before_; }
  RepeatingScope(const RepeatingScope&) = delete;
  RepeatingScope& operator=(const RepeatingScope&) = delete;

 private:
  bool before_ = repeating;
};
inline bool is_repeating() { return repeating; }

}  // namespace xgrad::detail
