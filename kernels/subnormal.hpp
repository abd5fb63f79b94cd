#pragma once

// Numbers below the smallest normal one take a processor a hundred times as long as others. For kernel sources
// only.

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace xgrad::kernels {

/// While it lives, such numbers count as 0 on this thread, read or computed; where the processor has a switch for
/// that (x86). What is to be computed like that belongs in a function of its own that is not inlined: a
/// compiler does not know about the switch.
class SubnormalsAreZero {
 public:
#if defined(__SSE2__)
  SubnormalsAreZero() : before_(_mm_getcsr()) { _mm_setcsr(before_ | kFlushToZero | kAreZero); }
  ~SubnormalsAreZero() { _mm_setcsr(before_); }

 private:
  static constexpr unsigned kFlushToZero = 0x8000, kAreZero = 0x40;
  unsigned before_;

 public:
#else
  SubnormalsAreZero() {}
  ~SubnormalsAreZero() {}
#endif
  SubnormalsAreZero(const SubnormalsAreZero&) = delete;
  SubnormalsAreZero& operator=(const SubnormalsAreZero&) = delete;
};

}  // namespace xgrad::kernels
