#pragma once

// The operations that a thread records, each with what it takes to run it again by itself: its
// operands, constants among them, and how. Internal: for the training doctor, and for operations,
// which say how they are run again beside their call of record():
//
//   log_again(y, [axis](const auto& x) { return softmax(x[0], axis); });

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "xgrad/autograd/record.hpp"
#include "xgrad/autograd/trace.hpp"

namespace xgrad::detail {

template <class T>
struct LoggedOperation {
  const Rule<T>* rule;
  Tensor<T> output;
  std::vector<Tensor<T>> operands;
  Saves saves;
  std::shared_ptr<const void> attributes;
  std::size_t attribute_bytes;
  void (*copy)(const void* from, void* to);  // of attributes
  Again<T> again = {};                       // empty: not known

  /// The gradients of the operands from that of the output, by the operation's own rule; undefined
  /// for those that need none.
  std::vector<Tensor<T>> gradients(const Tensor<T>& gradient) const;
};

template <class T>
class OperationLog;
template <class T>
inline constinit thread_local OperationLog<T>* operation_logs = nullptr;  // the first one

/// While it lives, notes what its thread records. Several may live at once and go in any order.
template <class T>
class OperationLog {
 public:
  OperationLog() : next(std::exchange(operation_logs<T>, this)) {}
  ~OperationLog();
  OperationLog(const OperationLog&) = delete;
  OperationLog& operator=(const OperationLog&) = delete;

  void add(LoggedOperation<T> operation);
  /// Null: not here.
  const LoggedOperation<T>* find(const Node<T>* output) const;
  LoggedOperation<T>* last() { return operations_.empty() ? nullptr : &operations_.back(); }
  /// Those that somebody still sees, or will go back through, at least.
  const std::vector<LoggedOperation<T>>& operations() const { return operations_; }

  OperationLog* next;

 private:
  void forget_unseen();

  std::vector<LoggedOperation<T>> operations_;  // in the order of recording
  std::size_t many_ = 4096;
};

/// Whether it is worth while to copy things for log_again.
template <class T>
bool is_logged() {
  return operation_logs<T> != nullptr || tracer != nullptr;
}

/// Tells the logs and the tracer, if there are any, how the operation that made y is run again, right after it was
/// recorded; it may have needed no recording.
template <class T, class F>
void log_again(const Tensor<T>& y, const F& f) {
  if (tracer != nullptr) traced<T>().again(y, f);
  for (auto* log = operation_logs<T>; log != nullptr; log = log->next) {
    LoggedOperation<T>* const operation = log->last();
    if (operation != nullptr && operation->output.is_same(y)) operation->again = f;
  }
}

extern template class OperationLog<float>;
extern template class OperationLog<double>;
extern template struct LoggedOperation<float>;
extern template struct LoggedOperation<double>;

}  // namespace xgrad::detail
