#pragma once

// Formulas that were recorded one after the other, as one operation: one pass over memory and one
// entry of the tape. Internal: compiled functions.
//
// Values and gradients have the bits of the formulas one by one (compile/fused.hpp). A gradient of
// higher order, and a case that a group was not made for, runs them one by one.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "xgrad/autograd/trace.hpp"
#include "xgrad/compile/fused.hpp"

namespace xgrad::detail {

/// While it lives, this thread makes groups also where they do not pay, or could do without the tape: for tests.
class FuseAlways {
 public:
  FuseAlways() { on = true; }
  ~FuseAlways() { on = false; }
  FuseAlways(const FuseAlways&) = delete;
  FuseAlways& operator=(const FuseAlways&) = delete;
  static inline constinit thread_local bool on = false;
};

template <class T>
struct FusionMember {
  TracedFormula<T> formula;
  /// Inputs of the group 0 .. inputs - 1, then members in their order.
  std::vector<std::uint32_t> operands;

  const void* functor() const { return functor_of(formula); }
};

/// A result whose numbers are left to the pass back, which computes them beside the gradients.
struct Deferred {
  bool done = false;
};

template <class T>
class FusionGroup : public std::enable_shared_from_this<FusionGroup<T>> {
 public:
  /// What a program can take: an input, its gradient so far, and what is kept, for each.
  static constexpr std::size_t kMaxInputs = 6, kMaxKept = 3, kMaxMembers = 48, kMany = 8,
                               kManyNumbers = 2048;
  using Kept = std::array<Tensor<T>, kMaxKept>;

  /// The last member is the result, or what the result is the sum of, then of shape `total`; all values
  /// have its shape, and inputs broadcast to it.
  FusionGroup(const Shape& shape, std::vector<Shape> inputs, std::vector<FusionMember<T>> members,
              std::optional<Shape> total = {});

  /// Whether it is worth while: without machine code, and for a few formulas on a few numbers, the
  /// formulas one by one are as fast.
  bool pays() const {
    if (FuseAlways::on) return true;
    return forward_.has_code() && (shape_.elements() >= kManyNumbers || members_.size() >= kMany);
  }

  /// The result, recorded.
  Tensor<T> run(std::span<const Tensor<T>* const> inputs) const { return run(inputs, nullptr); }
  /// The same without its numbers, which the first pass back through it computes: forward and backward
  /// in one program. `settle` sees to them where there was none. Null in `deferred`: they are there.
  Tensor<T> defer(std::span<const Tensor<T>* const> inputs,
                  std::shared_ptr<Deferred>& deferred) const;
  void settle(std::span<const Tensor<T>* const> inputs, const Tensor<T>& y,
              Deferred& deferred) const;
  /// The formulas one by one.
  Tensor<T> run_one_by_one(std::span<const Tensor<T>* const> inputs) const;

  const Shape& shape() const { return shape_; }
  /// What an entry keeps besides inputs and result.
  std::size_t kept_bytes() const { return kept_.size() * shape_.elements() * sizeof(T); }
  const std::vector<FusionMember<T>>& members() const { return members_; }

  // For the entry of the tape.
  void backward(const Kept& kept, Deferred* deferred, Backward<T>& b) const;

 private:
  using Value = typename Fused<T>::Value;
  struct Key {
    unsigned needs, has;
    bool with_kept, with_result;
    bool operator==(const Key&) const = default;
  };
  struct BackwardProgram {
    Key key;
    std::unique_ptr<Fused<T>> program;
  };

  std::size_t inputs() const { return input_shapes_.size(); }
  void choose_kept();
  kernels::Loop loop_of(std::initializer_list<std::pair<const Shape*, std::size_t>> more) const;
  std::vector<Value> forward_values(Fused<T>& f, Value first_kept, bool kept_are_inputs) const;
  Tensor<T> run(std::span<const Tensor<T>* const> inputs,
                const std::shared_ptr<Deferred>& deferred) const;
  void output(Fused<T>& f, Value v) const { total_ ? f.output_total(v) : f.output(v); }
  const Shape& result_shape() const { return total_ ? *total_ : shape_; }
  std::unique_ptr<Fused<T>> make_forward(bool keeping) const;
  std::unique_ptr<Fused<T>> make_backward(Key key) const;
  const Fused<T>& backward_program(Key key) const;
  bool is_special(std::span<const Tensor<T>* const> inputs) const;

  Shape shape_;
  std::optional<Shape> total_;
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
