#pragma once

// How much memory a piece of a program takes: the most that its arrays have at once.

#include <cstddef>
#include <cstdint>

namespace xgrad {

/// While it lives, the most that is in use at once is counted, of all threads and beyond what there was at its
/// beginning. Each request goes to the system meanwhile, which takes time.
///
///   const PeakMemory memory;
///   step(x, y);
///   std::cout << memory.bytes() << '\n';
class PeakMemory {
 public:
  PeakMemory();
  ~PeakMemory();
  PeakMemory(const PeakMemory&) = delete;
  PeakMemory& operator=(const PeakMemory&) = delete;

  /// So far. Blocks count with what was asked for.
  std::size_t bytes() const;

 private:
  friend struct PeakCounters;
  mutable std::int64_t now_ = 0, most_ = 0;  // guarded, as all that the pool shares
};

}  // namespace xgrad
