#pragma once

// InterruptScope: Ctrl-C as a question a loop can ask, instead of the end of the program.
//
//   InterruptScope interrupt;
//   for (const auto& batch : loader) {
//     ...
//     if (interrupt.requested()) break;      // save what there is, and leave
//   }

#include <cstddef>

namespace xgrad {

/// While one lives, the first SIGINT or SIGTERM is only noted; a second one has the default effect
/// and ends the program. Scopes may be nested, all of them see the request. The last one to go puts
/// the former handlers back.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

  /// True once a signal has come. May be called from any thread.
  bool requested() const;
};

namespace detail {
/// How often a scope has noted a signal since the program began: differs before and after work that
/// may have been cut short by one.
std::size_t noted_interrupts();
}  // namespace detail

}  // namespace xgrad
