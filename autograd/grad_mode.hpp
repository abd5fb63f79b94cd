#pragma once

// Whether operations record themselves. The switch belongs to the calling thread.

namespace xgrad {
namespace detail {
inline thread_local bool recording = true;
inline thread_local bool deriving = false;  // what is recorded is part of a derivative
}  // namespace detail

/// True when operations on tensors that require gradients are recorded.
inline bool is_recording() { return detail::recording; }

/// Recording on or off for the lifetime of the object.
class RecordingScope {
 public:
  explicit RecordingScope(bool on) : before_(detail::recording) { detail::recording = on; }
  ~RecordingScope() { detail::recording = before_; }
  RecordingScope(const RecordingScope&) = delete;
  RecordingScope& operator=(const RecordingScope&) = delete;

 private:
  bool before_;
};

namespace detail {
class DerivingScope {
 public:
  explicit DerivingScope(bool on) : before_(deriving) { deriving = on; }
  ~DerivingScope() { deriving = before_; }
  DerivingScope(const DerivingScope&) = delete;
  DerivingScope& operator=(const DerivingScope&) = delete;

 private:
  bool before_;
};
}  // namespace detail

/// Nothing is recorded while it lives: `{ NoGrad guard; auto y = net(x); }`.
class NoGrad : public RecordingScope {
 public:
  NoGrad() : RecordingScope(false) {}
};

/// Recording inside a NoGrad scope.
class EnableGrad : public RecordingScope {
 public:
  EnableGrad() : RecordingScope(true) {}
};

}  // namespace xgrad
