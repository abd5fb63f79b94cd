#pragma once

// For what watches which module an operation belongs to, as the training doctor does. Internal.

#include <string>

namespace xgrad::detail {

/// Told of each module's call in its thread while it lives. Several may live at once and go in any
/// order.
class CallObserver {
 public:
  CallObserver();
  virtual ~CallObserver();
  CallObserver(const CallObserver&) = delete;
  CallObserver& operator=(const CallObserver&) = delete;

  /// `path` is that from the root down, empty for a root.
  virtual void enter(const std::string& path) = 0;
  virtual void leave() = 0;

  CallObserver* next;
};

inline thread_local CallObserver* call_observers = nullptr;  // the first one

}  // namespace xgrad::detail
