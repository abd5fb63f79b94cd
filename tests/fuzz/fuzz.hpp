#pragma once

// One source here for each reader of files: it defines fuzz(), and libFuzzer or, without it,
// replay.cpp calls that with bytes. A reader may refuse with FileError; anything else is a finding.

#include <cstddef>
#include <cstdlib>
#include <span>

void fuzz(std::span<const std::byte> bytes);

/// Ends the process, as a finding does, unless `condition` holds.
inline void require(bool condition) {
  if (!condition) std::abort();
}
