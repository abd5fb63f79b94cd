#pragma once

// The fast path of a backward rule: a kernel writes a gradient where it is gathered, or over one
// that is not needed any more. Only while the rule is not recorded. Internal, for operations:
//
//   if (b.recording()) return b.add(0, <operations on tensors>);
//   const auto [gx, accumulate] = FastPath(b).accumulator(0);
//   kernel(..., gx, accumulate);

#include "xgrad/autograd/record.hpp"

namespace xgrad::detail {

/// Memory of an input's shape for its gradient. It holds the sum so far when `has_value`, and is
/// not set otherwise.
template <class T>
struct Accumulator {
  T* data;
  bool has_value;
};

template <class T>
class FastPath {
 public:
  explicit FastPath(Backward<T>& b) : b_(b) {}

  /// Where a kernel adds to the gradient of input i, which is wanted. Once for each.
  Accumulator<T> accumulator(std::size_t i);

  /// True when the incoming gradient's memory may be overwritten with the first contribution to
  /// input i, of the same shape: nobody else can see it, and input i has none yet. It is handed on
  /// with add_reused, as the last thing that a rule does.
  bool can_reuse_gradient(std::size_t i) const;
  void add_reused(std::size_t i);

  /// True when input i would get a copy of the gradient, added on its own: a leaf keeps no memory
  /// that somebody else can see.
  bool copies_gradient(std::size_t i) const;

  /// True when the gradient of input i is left as a^T b: a (k, m), b (k, n), input i (m, n). Otherwise it is
  /// to be computed now.
  bool leave_product(std::size_t i, const Tensor<T>& a, const Tensor<T>& b);

  /// What has been gathered for input i so far, undefined when nothing was. Whoever takes it puts it
  /// back with more added to it.
  Tensor<T> take(std::size_t i);
  void put(std::size_t i, Tensor<T> gradient);
  /// Whether leaves keep their gradients in this pass.
  bool keeps_leaves() const;

  /// The numbers of the output; null when they were not saved.
  const T* saved_output() const {
    return b_.node_->saves_output.load(std::memory_order_relaxed) ? b_.node_->data : nullptr;
  }
  /// Null for an input that is neither saved nor requires a gradient.
  const Node<T>* input_node(std::size_t i) const { return input(i); }

 private:
  Node<T>* input(std::size_t i) const { return b_.node_->edges[i].node; }

  Backward<T>& b_;
};

extern template class FastPath<float>;
extern template class FastPath<double>;

}  // namespace xgrad::detail
