#pragma once

// The walk back through the tape. Internal.

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "xgrad/autograd/record.hpp"

namespace xgrad::detail {

/// One backward pass. Entries are visited in reverse recording order, each once, when its gradient is complete:
/// among those that have a gradient, the one recorded last cannot receive any more. No recursion.
template <class T>
class Engine {
 public:
  struct Options {
    bool retain = false;
    bool create_graph = false;
    bool stop_at_sinks = false;  // treat the sinks as independent: do not go past them
  };

  explicit Engine(Options options) : options_(options) {}
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Gradients are collected for these tensors instead of being accumulated in the leaves.
  void collect(const std::vector<Tensor<T>>& sinks);

  /// Checks everything that can be wrong, then walks. `outputs` require gradients, `seeds` have their shapes.
  void run(const std::vector<Tensor<T>>& outputs, const std::vector<Tensor<T>>& seeds);

  /// The gradient collected for a sink; undefined when it was not reached.
  Tensor<T> collected(const Tensor<T>& sink) const;

 private:
  friend class Backward<T>;


  bool wanted(Node<T>* n) const;
  bool is_sink(Node<T>* n) const { return collecting_ && sinks_.contains(n); }
  void add(Node<T>* n, Tensor<T> gradient);
  typename Backward<T>::Accumulator accumulator(Node<T>* n);
  bool may_take(Node<T>* n, const Tensor<T>& gradient) const;
  // Where the gradient of n is gathered; puts n into the heap when it has to be visited.
  Node<T>*& slot(Node<T>* n);
  void inspect(const std::vector<Tensor<T>>& outputs);
  void check(const Node<T>* n) const;
  void mark_useful(std::vector<Node<T>*>& found);
  void push(Node<T>* n);
  Node<T>* pop();
  void visit(Node<T>* n);

  Options options_;
  bool collecting_ = false;
  std::uint64_t stamp_ = 0;
  std::unordered_map<Node<T>*, Node<T>*> sinks_;  // node -> gathered gradient (owned handle or null)
  std::vector<Node<T>*> heap_;                    // by sequence, latest first; each holds a reference
};

}  // namespace xgrad::detail
