#pragma once

// The walk back through the tape. Internal. In words: autograd/engine.cpp.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "xgrad/autograd/cast.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/pass.hpp"
#include "xgrad/autograd/record.hpp"

namespace xgrad::detail {

template <class T>
class LaterProducts;

/// One backward pass. Entries are visited in reverse recording order, each once, when its gradient
/// is complete. No recursion.
template <class T>
class Engine {
 public:
  struct Options {
    bool retain = false;
    bool create_graph = false;
    // Treat the sinks as independent: do not go past them, and leave their hooks to the pass
    // around this one.
    bool stop_at_sinks = false;
    bool keeps_leaves = false;  // a leaf among the sinks keeps what the pass around this one keeps
    bool recorded = false;      // as create_graph, for the rules: see recorded_pass.hpp
    LaterProducts<T>* later = nullptr;  // gradients that may be left as products
  };

  explicit Engine(Options options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Gradients are collected for these tensors instead of being accumulated in the leaves.
  void collect(const std::vector<Tensor<T>>& sinks);

  /// What a sink has already: its gradients are added to it.
  void begin_with(const Tensor<T>& sink, Tensor<T> gradient) {
    pass_[pass_.find(sink.node())].gradient = std::move(gradient).give_up();
  }

  /// In place of a seed, between `inspect` and `walk`: the memory of the gradient may be reused.
  void give(const Tensor<T>& output, Tensor<T> gradient) {
    if (wanted(output.node())) add(output.node(), std::move(gradient));
  }

  /// The way back ends at this tensor, whose gradient is not wanted.
  void stop_at(const Tensor<T>& t) { pass_.add(t.node()); }

  /// Checks everything that can be wrong, then walks. `outputs` require gradients, `seeds` have
  /// their shapes.
  void run(std::span<const Tensor<T>> outputs, std::span<const Tensor<T>> seeds) {
    inspect(outputs);
    walk(outputs, seeds);
  }
  void run(const Tensor<T>& output, const Tensor<T>& seed) {
    run(std::span(&output, 1), std::span(&seed, 1));
  }
  // The two halves of `run`. In between it is known which sinks are reached.
  void inspect(std::span<const Tensor<T>> outputs);
  void walk(std::span<const Tensor<T>> outputs, std::span<const Tensor<T>> seeds);
  bool reached(const Tensor<T>& sink) const { return pass_[pass_.find(sink.node())].reached; }
  /// Whether the outputs depend on a derivative that was taken with `create_graph`.
  bool met_derivative() const {
    return met_derivative_ || (other_ != nullptr && other_->met_derivative_);
  }

  static void hand_over(const CastSource<OtherType<T>>& source, Backward<T>& b);

  /// The gradient collected for a sink; undefined when it was not reached.
  Tensor<T> collected(const Tensor<T>& sink) const;

 private:
  friend class Backward<T>;
  friend class FastPath<T>;
  template <class>
  friend class Engine;

  bool wanted(const Node<T>* n) const {
    if (!collecting_) return true;
    const std::uint32_t place = pass_.find(n);
    return place != Pass<T>::kNone && (pass_[place].sink || pass_[place].useful);
  }
  void add(Node<T>* n, Tensor<T>&& gradient);
  Accumulator<T> accumulator(Node<T>* n);
  bool keeps_leaves() const { return !collecting_ || options_.keeps_leaves; }
  bool may_take(Node<T>* n, const Tensor<T>& gradient);
  bool would_copy(Node<T>* n, const Tensor<T>& gradient);
  bool leave(Node<T>* n, const Tensor<T>& a, const Tensor<T>& b);
  // A leaf of this thread: its gradient goes to where the user finds it, and nobody changes it.
  bool is_kept(const Node<T>* n) const {
    return keeps_leaves() && n->rule == nullptr && n->hooks == nullptr &&
           n->owner.load(std::memory_order_relaxed) ==
               this_thread.mark.load(std::memory_order_relaxed);
  }
  // ... which has a gradient already: what comes is added to it there.
  bool is_in_place(Node<T>* n) const {
    return n->rule == nullptr && !collecting_ && n->hooks == nullptr &&
           owned_or_shared(
               n->owner, [n] { return n->grad != nullptr; }, [] { return false; });
  }
  // Where the gradient of n is gathered. A leaf's own place stays locked until `unlock`.
  Node<T>*& slot(Node<T>* n) {
    const std::uint32_t place = pass_.find(n);
    return place != Pass<T>::kNone ? pass_[place].gradient : slot_in_place(n);
  }
  Node<T>*& slot_in_place(Node<T>* n);
  void keep(Node<T>* n, Tensor<T> g);
  void unlock(std::size_t first) {
    if (lists_.locked.size() > first) unlock_from(first);
  }
  void unlock_from(std::size_t first);
  bool is_locked(const Node<T>* n) const {
    return std::find(lists_.locked.begin(), lists_.locked.end(), n) != lists_.locked.end();
  }

  std::uint32_t reach(Node<T>* n);
  void enter(Node<T>* n, std::uint32_t place);
  void look_into(std::uint32_t place);
  bool look_further();
  void look_into_last();
  void look_into_leaves();
  void mark_useful();
  struct Unmarked {
    std::size_t entries, inputs;
  };
  void mark_last(Unmarked& left);
  Engine<OtherType<T>>& other();
  template <class U>
  void follow(const Engine<U>& leader);
  bool meets_recorded_rule() const;
  Tensor<T> given(Tensor<T> g) const;
  bool passes(const Visit<T>& v) const { return !collecting_ || v.useful; }
  void visit(std::uint32_t place);
  void pass_by(std::size_t i);
  Tensor<T> finished(std::uint32_t place);

  std::uint64_t sequence_at(std::size_t i) const { return pass_[lists_.order[i]].node->sequence; }

  // The entries that were found and not looked into, the one recorded last first, and leaves, which
  // come after all of them.
  struct Found {
    std::uint64_t sequence;
    std::uint32_t place;
    bool operator<(const Found& other) const { return sequence < other.sequence; }
  };

  template <class V>
  using List = std::vector<V, PoolAllocator<V>>;
  struct Lists {
    List<Found> found;
    List<std::uint32_t> leaves;
    List<std::uint32_t> order;  // places in reverse recording order
    // The entries' inputs that were found: those of order[i] end at input_end[i]. For collecting.
    List<std::uint32_t> inputs, input_end;
    List<Node<T>*> locked;  // leaves that the rule under way adds to
  };
  static Lists& spare();

  Options options_;
  bool collecting_ = false;
  bool met_derivative_ = false;
  // What was recorded before the earliest sink cannot lead to one; 0 when not collecting.
  std::uint64_t earliest_ = 0;
  Pass<T> pass_;
  Lists lists_;
  // The pass among tensors of the other type, where there are some: it is led by the one that the
  // outputs are of, and the entries of both are visited in the order of their recording.
  Engine<OtherType<T>>* other_ = nullptr;
  std::unique_ptr<Engine<OtherType<T>>> led_;
};

}  // namespace xgrad::detail
