#pragma once

// Operations on small tensors as calls of kernels that are laid out once: no tape, no memory asked for, no
// shapes looked at. Internal: compile/static_plan.hpp.
//
// An instruction reads and writes arrays by their numbers ("slots"). A frame says where they are: most of
// them in one block that stays, those of tensors from outside wherever these have their numbers now. The
// kernels are those of the tape's operations, in the same order: so are the bits.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "xgrad/autograd/array_operation.hpp"
#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/autograd/trace.hpp"
#include "xgrad/compile/fused.hpp"
#include "xgrad/kernels/axis_view.hpp"
#include "xgrad/kernels/copy.hpp"
#include "xgrad/kernels/groups.hpp"
#include "xgrad/kernels/loop.hpp"

namespace xgrad::detail {

using Slot = std::uint32_t;
constexpr Slot kNoSlot = ~Slot{0};

/// Arrays have room for so many more numbers that machine code need not stop in between: 16, 32 or 64 bytes, or whole
/// groups.
template <class T>
constexpr std::size_t room_of(std::size_t elements) {
  constexpr std::size_t n = kernels::kGroupBytes / sizeof(T);
  for (std::size_t room = 16 / sizeof(T); room < n; room *= 2)
    if (elements <= room) return room;
  return (elements + n - 1) / n * n;
}

/// Numbers of a cache line: no array that fits one is in two.
template <class T>
constexpr std::size_t kLine = 64 / sizeof(T);

/// Numbers that a tensor of a program without the tape has at most; above that memory and arithmetic take the time.
constexpr std::size_t kStaticNumbers = 4096;

template <class T>
struct StaticFrame {
  std::vector<T*> at;            // of each slot
  std::vector<T> numbers;        // of the slots that stay, from the first whole cache line on
  std::vector<const T*> arrays;  // of the instruction that runs
};

template <class T>
class StaticInstruction {
 public:
  virtual ~StaticInstruction() = default;
  virtual void run(StaticFrame<T>& frame) const = 0;
};

template <class T>
using StaticInstructions = std::vector<std::unique_ptr<const StaticInstruction<T>>>;

/// y = f(x ...).
template <class T>
struct FormulaInstruction : StaticInstruction<T> {
  TracedFormula<T> formula;
  kernels::Loop loop;
  std::vector<Slot> x;
  Slot y = kNoSlot;

  void run(StaticFrame<T>& frame) const override;
};

/// What y = f(x ...) adds to the gradients gx of its operands; kNoSlot: not wanted.
template <class T>
struct FormulaGradient : FormulaInstruction<T> {
  std::vector<Slot> gx;
  std::vector<std::size_t> elements;  // of operands that are repeated; 0 for others
  Slot gy = kNoSlot;
  unsigned wanted = 0, adds = 0;  // operands: whose gradient is wanted, and has a part already
  bool saves_y = false;
  unsigned reads_x = 0;  // what the gradients are made of
  bool reads_y = false;

  void run(StaticFrame<T>& frame) const override;
};

/// How what is computed gets where it belongs: a gradient that has a part already is added to.
enum class Landing { store, add };

/// The numbers of x on a lattice.
template <class T>
struct ReadInstruction : StaticInstruction<T> {
  kernels::Lattice lattice;
  Slot x = kNoSlot, y = kNoSlot;
  Landing landing = Landing::store;
  void run(StaticFrame<T>& frame) const override;
};

/// x to a lattice of y; elsewhere is `fill`, unless all of y is written, or a gradient is there.
template <class T>
struct WriteInstruction : StaticInstruction<T> {
  kernels::Lattice lattice;
  Slot x = kNoSlot, y = kNoSlot;
  Landing landing = Landing::store;
  bool fills = false;
  T fill = 0;
  std::size_t elements = 0;
  void run(StaticFrame<T>& frame) const override;
};

/// y = x, or y += x.
template <class T>
struct CopyInstruction : StaticInstruction<T> {
  Slot x = kNoSlot, y = kNoSlot;
  Landing landing = Landing::store;
  std::size_t elements = 0;
  bool negated = false;
  void run(StaticFrame<T>& frame) const override;
};

/// y = scale times the sums of x along the middle axis.
template <class T>
struct SumInstruction : StaticInstruction<T> {
  kernels::AxisView view;
  double scale = 1;
  Slot x = kNoSlot, y = kNoSlot;
  void run(StaticFrame<T>& frame) const override;
};

/// y = scale x, repeated along the middle axis.
template <class T>
struct SpreadInstruction : StaticInstruction<T> {
  kernels::AxisView view;
  double scale = 1;
  Slot x = kNoSlot, y = kNoSlot;
  Landing landing = Landing::store;
  void run(StaticFrame<T>& frame) const override;
};

/// Products of matrices, side by side where there are several of one pair each.
template <class T>
struct ProductInstruction : StaticInstruction<T> {
  struct One {
    bool transpose_a, transpose_b;
    std::size_t count, m, n, k;
    Slot a, b, c;
    Slot row;  // added to each row; kNoSlot: none
    Landing landing;
  };
  std::vector<One> products;
  void run(StaticFrame<T>& frame) const override;
};

/// Something of an operation's own.
template <class T>
struct ArrayInstruction : StaticInstruction<T> {
  std::shared_ptr<const ArrayOperation<T>> operation;
  std::vector<Slot> x;
  Slot y = kNoSlot, kept = kNoSlot;
  void run(StaticFrame<T>& frame) const override;
};

template <class T>
struct ArrayGradient : ArrayInstruction<T> {
  struct Target {
    Slot gx = kNoSlot;     // kNoSlot: not wanted
    Slot apart = kNoSlot;  // where it is computed before it is added
    std::size_t elements = 0;
  };
  std::vector<Target> targets;  // of each operand
  Slot gy = kNoSlot;
  unsigned adds = 0;
  void run(StaticFrame<T>& frame) const override;
};

/// Frames that no run has at the moment.
template <class T>
class StaticFrames {
 public:
  struct Layout {
    std::size_t slots = 0, numbers = 0;
    std::vector<std::pair<Slot, std::size_t>> begins;  // among the numbers
    Slot one = kNoSlot;                                // holds the number 1
  };
  explicit StaticFrames(Layout layout) : layout_(std::move(layout)) {}

  std::size_t bytes() const { return layout_.numbers * sizeof(T); }
  std::unique_ptr<StaticFrame<T>> take();
  void give_back(std::unique_ptr<StaticFrame<T>> frame);

 private:
  Layout layout_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<StaticFrame<T>>> free_;
};

}  // namespace xgrad::detail
