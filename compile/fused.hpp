#pragma once

// Elementwise programs: many formulas, their gradients and sums of gradients in one pass over
// memory. Internal.
//
//   Fused<float> f(loop);                            // values 0 .. loop.inputs - 1 are the inputs
//   const auto u = f.forward(tanh_rule, nullptr, {x});
//   const auto y = f.forward(multiply_rule, nullptr, {x, u});
//   const auto gu = f.gradient(multiply_rule, nullptr, {x, u}, y, gy, 1, 3);
//   const auto gx = f.gradient(multiply_rule, nullptr, {x, u}, y, gy, 0, 3);
//   f.output(y);
//   f.output(f.sum(gx, f.gradient(tanh_rule, nullptr, {x}, u, gu, 0, 1)));
//   f.finish();
//   f.run({x_data, gy_data}, {y_data, gx_data});     // as often as wanted, from several threads
//
// A program is a list of instructions in single assignment. Every value has the loop's extents, an
// input may be repeated along axes (stride 0): a number is an input that is repeated along all of
// them. Intermediate values never are in memory as a whole. What a backward pass needs of the
// forward pass is computed again beside it, or, when both are in one program, once.
//
// Results are those of the operations one by one, to the last bit: the same formulas compiled in the
// same way, rounded after each operation, gradients added up in the order of `sum`, and a slope of 0
// wins over what it multiplies. The number of threads changes nothing.
//
// How it runs, and why so: docs/decisions/0006-fused-elementwise.md. By machine code made for the
// program, on packs of numbers in registers, where the processor has AVX2 and all formulas have one
// or two inputs; elsewhere by the kernels of the operations on blocks that stay in the first-level
// cache. The first are the fast ones.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/autograd/trace.hpp"
#include "xgrad/kernels/groups.hpp"
#include "xgrad/kernels/loop.hpp"

namespace xgrad::detail {

template <class T>
class FusedCode;

/// A formula's object; of one without captures any address.
template <class T>
const void* functor_of(const TracedFormula<T>& formula) {
  return formula.functor != nullptr ? formula.functor.get() : formula.rule;
}

/// How a program runs: by machine code for registers of the processor's size, for registers of 32
/// bytes, or by kernels. Where the first is not possible it is the last.
enum class FusedWay { code, narrow_code, kernels };

/// What makes value `inputs + k`, k its place in the program.
template <class T>
struct FusedInstruction {
  enum class Kind { forward, gradient, sum } kind;
  const ElementwiseRule<T>* rule;  // null for a sum
  const void* functor;
  std::vector<std::uint32_t> x;  // the formula's inputs, or the two terms
  std::uint32_t y, gy;           // of a gradient: the formula's value, and the gradient of that
  std::uint32_t wanted, needed;  // ... the input whose gradient it is, among those of the mask
};

template <class T>
struct FusedProgram {
  kernels::Loop loop;
  std::vector<std::size_t> strides;  // of the inputs along the innermost axis: 1, or 0
  // Numbers that machine code works on at a time.
  std::size_t group = kernels::kGroupBytes / sizeof(T);
  std::vector<FusedInstruction<T>> instructions;
  std::vector<std::uint32_t> outputs;
  std::vector<bool> summed;  // of outputs: to one number
  std::size_t totals = 0;    // how many of them
  // Set at the end: the block of each instruction's value, which is another's when it is not needed
  // any more.
  std::vector<std::uint32_t> block;
  std::size_t blocks = 0;

  std::size_t inputs() const { return strides.size(); }
  std::size_t values() const { return inputs() + instructions.size(); }
};

template <class T>
class Fused {
 public:
  using Value = std::uint32_t;

  /// As build_loop makes it (autograd/elementwise_loop.hpp); at most kernels::kMaxInputs inputs.
  explicit Fused(const kernels::Loop& loop);
  /// For run_here alone: one axis, and as many inputs as `repeated` has entries. `elements` are 16, 32 or 64
  /// bytes, or whole groups.
  Fused(std::size_t elements, const std::vector<bool>& repeated);
  ~Fused();
  Fused(Fused&&) noexcept;
  Fused& operator=(Fused&&) noexcept;

  /// The formula's value. `functor` is the formula's object, which outlives the program; rules are
  /// static objects.
  Value forward(const ElementwiseRule<T>& rule, const void* functor, std::span<const Value> x);
  /// What the formula y of x adds to the gradient of its input `wanted`, gy being the gradient of y:
  /// of the loop's extents also for an input that is repeated, not summed. `needed` is the mask of
  /// the inputs that the operation is asked the gradients of, as Backward::needs_mask(): a zero may
  /// have another sign for another one.
  Value gradient(const ElementwiseRule<T>& rule, const void* functor, std::span<const Value> x,
                 Value y, Value gy, std::size_t wanted, unsigned needed);
  /// a + b.
  Value sum(Value a, Value b);
  Value forward(const ElementwiseRule<T>& rule, const void* functor,
                std::initializer_list<Value> x) {
    return forward(rule, functor, std::span<const Value>(x.begin(), x.size()));
  }
  Value gradient(const ElementwiseRule<T>& rule, const void* functor,
                 std::initializer_list<Value> x, Value y, Value gy, std::size_t wanted,
                 unsigned needed) {
    return gradient(rule, functor, std::span<const Value>(x.begin(), x.size()), y, gy, wanted,
                    needed);
  }

  /// The next output: the value as an array of its own, contiguous.
  void output(Value v);
  /// The next output: the sum of all its elements, one number, as sum(x) adds it up.
  void output_total(Value v);

  /// Ends the program: what no output needs is dropped. The results are the same either way.
  void finish(FusedWay way = FusedWay::code);

  /// From the inputs' arrays to the outputs'. An output may be the array of an input that is nowhere
  /// repeated. Several threads may run it at the same time.
  void run(std::span<const T* const> inputs, std::span<T* const> outputs) const;
  void run(std::initializer_list<const T*> inputs, std::initializer_list<T*> outputs) const {
    run(std::span<const T* const>(inputs.begin(), inputs.size()),
        std::span<T* const>(outputs.begin(), outputs.size()));
  }

  /// The same on this thread for a program of one axis, without totals, that has code: `arrays` are those
  /// of the inputs and behind them those of the outputs; it is changed.
  void run_here(const T** arrays) const;

  const FusedProgram<T>& program() const { return program_; }
  /// Whether there is machine code for it.
  bool has_code() const { return code_ != nullptr; }

 private:
  Value add(FusedInstruction<T> instruction);
  void run_piece(std::size_t begin, std::size_t end, const T* const* in, T* const* out) const;
  void run_leaf(std::size_t begin, std::size_t end, const T* const* in, T* const* out,
                T* totals) const;
  void run_totals(std::size_t begin, std::size_t end, const T* const* in, T* const* out,
                  T* totals) const;
  void run_with_totals(std::size_t n, std::size_t pieces, const T* const* in, T* const* out) const;

  FusedProgram<T> program_;
  std::unique_ptr<FusedCode<T>> code_;
};

extern template class Fused<float>;
extern template class Fused<double>;

}  // namespace xgrad::detail
