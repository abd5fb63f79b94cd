#pragma once

// How an operation enters the tape, and what its backward rule is given.
//
//   const Rule<T> kRule = {
//       "exp", [](const void*, Backward<T>& b) { b.add(0, b.gradient() * b.output()); }, nullptr};
//   Tensor<T> y = <compute>;
//   record(y, kRule, {&x}, Saves{.output = true});
//
// A rule is written once, in operations on tensors, and serves every order of differentiation:
// recording is on while it runs when `create_graph` was asked for. It may take a faster way with
// raw kernels when `b.recording()` is false: see autograd/fast_path.hpp. It must not capture its own output (ask for it with
// Saves) or copies of arrays.

#include <initializer_list>
#include <span>
#include <type_traits>

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/node.hpp"
#include "xgrad/autograd/tensor.hpp"

namespace xgrad {
namespace detail {

/// Which values the rule reads: bit i for input i (the first 32 inputs), and the output.
struct Saves {
  unsigned inputs = 0;
  bool output = false;
};

/// Bit i is set when input i requires a gradient; 0 while recording is off.
template <class T>
unsigned needed(std::initializer_list<const Tensor<T>*> inputs) {
  if (!is_recording()) return 0;
  unsigned mask = 0, bit = 1;
  for (const Tensor<T>* t : inputs) {
    if (t->requires_grad()) mask |= bit;
    bit <<= 1;
  }
  return mask;
}

/// Makes `y` the output of an operation on `inputs`. Does nothing when no gradient is needed.
template <class T>
void record_entry(const Tensor<T>& y, const Rule<T>& rule, std::span<const Tensor<T>* const> inputs,
                  Saves saves, const void* attributes, std::size_t attribute_bytes,
                  void (*copy)(const void* from, void* to));
/// The same where it is known that a gradient is needed and recording is on.
template <class T>
void record_needed(const Tensor<T>& y, const Rule<T>& rule,
                   std::span<const Tensor<T>* const> inputs, Saves saves, const void* attributes,
                   std::size_t attribute_bytes, void (*copy)(const void* from, void* to));

template <class T>
void record(const Tensor<T>& y, const Rule<T>& rule, std::initializer_list<const Tensor<T>*> inputs,
            Saves saves) {
  record_entry<T>(y, rule, {inputs.begin(), inputs.size()}, saves, nullptr, 0, nullptr);
}

/// Makes `y` a derivative that depends on nothing: differentiated again it is 0.
template <class T>
void record_constant(const Tensor<T>& y);

template <class A>
void copy_attributes(const void* from, void* to) {
  ::new (to) A(*static_cast<const A*>(from));
}
template <class A>
void destroy_attributes(void* p) noexcept {
  static_cast<A*>(p)->~A();
}

/// The same with attributes: what the rule needs to know beyond the tensors. The rule's `destroy`
/// must be `destroy_attributes<A>` unless A is trivially destructible.
template <class T, class A>
void record(const Tensor<T>& y, const Rule<T>& rule, std::span<const Tensor<T>* const> inputs,
            Saves saves, const A& attributes) {
  record_entry<T>(y, rule, inputs, saves, &attributes, sizeof(A), &copy_attributes<A>);
}
template <class T, class A>
void record(const Tensor<T>& y, const Rule<T>& rule, std::initializer_list<const Tensor<T>*> inputs,
            Saves saves, const A& attributes) {
  record(y, rule, std::span<const Tensor<T>* const>(inputs.begin(), inputs.size()), saves,
         attributes);
}

template <class T>
class Engine;
template <class T>
class FastPath;

}  // namespace detail

/// What a backward rule is given: the incoming gradient, the saved values, and a place for
/// its results.
template <class T>
class Backward {
 public:
  /// d(loss)/d(output), of the output's shape.
  const Tensor<T>& gradient() const { return gradient_; }
  /// The same, given away: for its last use, so that its memory can be reused.
  Tensor<T> take_gradient() { return std::move(gradient_); }

  /// The output. Its value is there when it was saved.
  Tensor<T> output() const { return Tensor<T>(node_); }
  /// Input i; it must have been saved.
  Tensor<T> input(std::size_t i) const;
  std::size_t input_count() const { return node_->edge_count; }
  /// The shape of an input that needs a gradient or was saved.
  const Shape& input_shape(std::size_t i) const { return node_->edges[i].node->shape; }

  /// True when the gradient of input i is wanted.
  bool needs(std::size_t i) const {
    return node_->edges[i].needs_grad && (all_wanted_ || leads_to_wanted(i));
  }
  /// The operation that is being differentiated.
  const detail::Rule<T>& rule() const { return *node_->rule; }
  /// `needs` of the first 32 inputs as bits.
  unsigned needs_mask() const {
    unsigned mask = 0;
    for (std::size_t i = 0; i < node_->edge_count && i < 32; ++i)
      mask |= static_cast<unsigned>(needs(i)) << i;
    return mask;
  }
  /// True when the rule's operations are being recorded (`create_graph`).
  bool recording() const { return is_recording(); }

  /// Adds to the gradient of input i; ignored when it is not wanted. A gradient of a shape that
  /// input i was broadcast to is summed down to its shape: rules need not undo broadcasting.
  void add(std::size_t i, Tensor<T> gradient);

 private:
  friend class detail::Engine<T>;
  friend class detail::FastPath<T>;
  Backward(detail::Engine<T>& engine, detail::Node<T>* node, Tensor<T> gradient, bool all_wanted)
      : engine_(engine), node_(node), gradient_(std::move(gradient)), all_wanted_(all_wanted) {}

  bool leads_to_wanted(std::size_t i) const;

  detail::Engine<T>& engine_;
  detail::Node<T>* node_;
  Tensor<T> gradient_;
  bool all_wanted_;  // every input that requires a gradient
};

extern template class Backward<float>;
extern template class Backward<double>;

}  // namespace xgrad
