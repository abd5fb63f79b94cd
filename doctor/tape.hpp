#pragma once

// The tape as the doctor reads it: the operations behind a loss in the order of computation, each
// with the layer that it was computed in. Internal.

#include <cstdint>
#include <string>
#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/modules/observe.hpp"

namespace xgrad::detail {

/// Notes the calls of modules in this thread while it lives.
class CallLog : public CallObserver {
 public:
  void enter(const std::string& path) override;
  void leave() override;

  struct Call {
    std::string path;         // empty for a root
    std::uint64_t first = 0;  // the operations of the call have larger numbers
    std::uint64_t last = 0;   // and none has a larger one than this
  };
  /// In the order of entering.
  const std::vector<Call>& calls() const { return calls_; }
  /// The path of the innermost call that made this entry; empty for a root's and for none.
  std::string layer_of(std::uint64_t sequence) const;

 private:
  std::vector<Call> calls_;
  std::vector<std::size_t> open_;
};

/// An operation, or a leaf that requires a gradient (sequence 0).
template <class T>
struct TapeEntry {
  static constexpr std::size_t kNone = ~std::size_t{0};

  Node<T>* node;
  const Rule<T>* rule;  // null for a leaf
  std::string layer;    // its path; empty outside of modules and in a root's own forward
  std::vector<std::size_t> inputs = {};  // places on the tape; kNone: needs no gradient
  std::string operation() const { return rule == nullptr ? "leaf" : rule->name; }
  bool has_value() const { return node->data != nullptr; }
};

/// All that the loss was computed from and requires a gradient, leaves first, then in the order of
/// computation. `log` may be null. The nodes are there as long as the loss is.
template <class T>
std::vector<TapeEntry<T>> tape_of(const Tensor<T>& loss, const CallLog* log);

/// An entry's name for people: "fc1", its layer; "relu of fc1" for an operation that a module makes
/// itself of what a layer below it gave. Also after a pass has let go of the entries.
template <class T>
std::string name_of(const std::vector<TapeEntry<T>>& tape, std::size_t i);

}  // namespace xgrad::detail
