#pragma once

// Formulas that were recorded one after the other, as one operation: one pass over memory and one
// entry of the tape. Internal: compiled functions.
//
// Values and gradients have the bits of the formulas one by one (compile/fused.hpp). A gradient of
// higher order, and a case that a group was not made for, runs them one by one.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "xgrad/autograd/trace.hpp"
#include "xgrad/compile/fused.hpp"

namespace xgrad::detail {

template <class T>
struct FusionMember {
  TracedFormula<T> formula;
  /// Inputs of the group 0 .. inputs - 1, then members in their order.
  std::vector<std::uint32_t> operands;

  const void* functor() const {
    return formula.functor != nullptr ? formula.functor.get() : formula.rule;
  }
};

template <class T>
class FusionGroup : public std::enable_shared_from_this<FusionGroup<T>> {
 public:
  /// What a program can take: an input, its gradient so far, and what is kept, for each.
  static constexpr std::size_t kMaxInputs = 6, kMaxKept = 3, kMaxMembers = 48;

  /// The last member is the result; all values have its shape, inputs broadcast to it.
  FusionGroup(const Shape& shape, std::vector<Shape> inputs, std::vector<FusionMember<T>> members);

  /// Whether there is machine code for it: without, the formulas one by one are as fast.
  bool pays() const { return forward_.has_code(); }

  /// The result, recorded.
  Tensor<T> run(std::span<const Tensor<T>* const> inputs) const;
  /// The formulas one by one.
  Tensor<T> run_one_by_one(std::span<const Tensor<T>* const> inputs) const;

  const Shape& shape() const { return shape_; }
  const std::vector<FusionMember<T>>& members() const { return members_; }

  // For the entry of the tape.
  void backward(const std::vector<Tensor<T>>& kept, Backward<T>& b) const;

 private:
  using Value = typename Fused<T>::Value;
  struct Key {
    unsigned needs, has;
    bool operator==(const Key&) const = default;
  };
  struct BackwardProgram {
    Key key;
    std::unique_ptr<Fused<T>> program;
  };

  std::size_t inputs() const { return input_shapes_.size(); }
  void choose_kept();
  kernels::Loop loop_of(std::size_t more) const;
  std::vector<Value> forward_values(Fused<T>& f, Value first_kept, bool kept_are_inputs) const;
  std::unique_ptr<Fused<T>> make_forward(bool keeping) const;
  std::unique_ptr<Fused<T>> make_backward(Key key) const;
  const Fused<T>& backward_program(Key key) const;
  bool is_special(std::span<const Tensor<T>* const> inputs) const;

  Shape shape_;
  std::vector<Shape> input_shapes_;
  std::vector<FusionMember<T>> members_;
  std::vector<std::uint32_t> kept_;  // members whose values the backward pass is given
  Fused<T> forward_, keeping_;
  mutable std::mutex mutex_;
  mutable std::vector<BackwardProgram> backward_;
};

extern template class FusionGroup<float>;
extern template class FusionGroup<double>;

}  // namespace xgrad::detail
