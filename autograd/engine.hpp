#pragma once

// The walk back through the tape. Internal.

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "xgrad/autograd/record.hpp"

namespace xgrad::detail {

/// Nobody else can see this tensor: its memory may be written.
template <class T>
bool is_exclusive(const Node<T>* n) {
  return n->refs.get() == 1 && n->value_refs.get() == 1 && n->owns_data && n->rule == nullptr;
}

/// One backward pass. Entries are visited in reverse recording order, each once, when its gradient
/// is complete: among those that have a gradient, the one recorded last cannot receive any more. No
/// recursion.
template <class T>
class Engine {
 public:
  struct Options {
    bool retain = false;
    bool create_graph = false;
    bool stop_at_sinks = false;  // treat the sinks as independent: do not go past them
  };

  explicit Engine(Options options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Gradients are collected for these tensors instead of being accumulated in the leaves.
  void collect(const std::vector<Tensor<T>>& sinks);

  /// The way back ends at this tensor, whose gradient is not wanted.
  void stop_at(const Tensor<T>& t) { stops_.push_back(t.node()); }

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
  bool reached(const Tensor<T>& sink) const { return sinks_.at(sink.node()).reached; }
  /// Whether the outputs depend on a derivative that was taken with `create_graph`.
  bool met_derivative() const { return met_derivative_; }

  /// The gradient collected for a sink; undefined when it was not reached.
  Tensor<T> collected(const Tensor<T>& sink) const;

 private:
  friend class Backward<T>;

  struct Sink {
    Node<T>* gradient = nullptr;  // what was gathered, an owned handle
    bool reached = false;
  };

  bool wanted(Node<T>* n) const;
  bool is_sink(Node<T>* n) const { return collecting_ && sinks_.contains(n); }
  void add(Node<T>* n, Tensor<T> gradient);
  typename Backward<T>::Accumulator accumulator(Node<T>* n);
  bool may_take(Node<T>* n, const Tensor<T>& gradient) const;
  // The gradient of n is gathered where the user finds it.
  bool is_kept(const Node<T>* n) const {
    return !collecting_ && n->rule == nullptr && n->hooks == nullptr;
  }
  // Where the gradient of n is gathered; puts n into the heap when it has to be visited.
  Node<T>*& slot(Node<T>* n);
  void mark_sink(Node<T>* n);
  std::uint64_t earliest_sink() const;
  void mark_useful(std::vector<Node<T>*>& found);
  void push(Node<T>* n);
  Node<T>* pop();
  void visit(Node<T>* n);

  Options options_;
  bool collecting_ = false;
  bool met_derivative_ = false;
  // What was recorded before the earliest sink cannot lead to one; 0 when not collecting.
  std::uint64_t earliest_ = 0;
  std::uint64_t stamp_ = 0;
  std::unordered_map<Node<T>*, Sink> sinks_;
  std::vector<Node<T>*> stops_;
  std::vector<Node<T>*> heap_;  // by sequence, latest first; each holds a reference
};

}  // namespace xgrad::detail
