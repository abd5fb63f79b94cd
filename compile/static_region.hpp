#pragma once

// The steps of a program whose tensors are small: forward and backward without the tape. Internal:
// StaticPlanner makes them.

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "xgrad/compile/program.hpp"
#include "xgrad/compile/static_code.hpp"

namespace xgrad::detail {

/// A tensor that is there when the program begins: an argument, or one that the function holds.
template <class T>
struct StaticOutside {
  Operand<T> operand;
  Shape shape;
  bool requires_grad;
  Slot gradient = kNoSlot;  // where its own gradient is gathered; kNoSlot where it has none
  std::size_t copied = 0;   // numbers of a gradient that is gathered elsewhere first
};

/// What the steps share.
template <class T>
class StaticRegion : public StaticGround {
 public:
  StaticRegion(std::vector<StaticOutside<T>> outside, std::unique_ptr<StaticFrames<T>> frames)
      : outside_(std::move(outside)), frames_(std::move(frames)) {}

  bool may_run(const ProgramValues& values) const override;
  std::shared_ptr<void> begin() const override;
  std::size_t bytes() const override { return frames_->bytes(); }
  const std::vector<StaticOutside<T>>& outside() const { return outside_; }

 private:
  std::vector<StaticOutside<T>> outside_;
  std::unique_ptr<StaticFrames<T>> frames_;
};

/// A value that somebody else sees: a tensor of its own.
struct StaticEscape {
  Slot slot;
  std::uint32_t value;
  Shape shape;
  std::size_t copied;  // numbers that are somewhere else first
  bool released;       // requires a gradient, of a graph that the pass back of the program releases
};

/// A tensor from outside. A short array is copied to where there is room behind it.
template <class T>
struct StaticRead {
  Slot slot;
  Operand<T> operand;
  std::size_t copied;  // how many numbers; 0: none
};

/// Instructions between other steps.
template <class T>
struct StaticStep : ProgramStep {
  std::vector<StaticRead<T>> reads;
  std::vector<StaticEscape> escapes;
  StaticInstructions<T> instructions;

  void run(ProgramValues& values) const override;

 protected:
  void begin(StaticFrame<T>& frame, ProgramValues& values) const;
  void end(const StaticFrame<T>& frame, ProgramValues& values) const;
};

/// ... that are a pass back.
template <class T>
struct StaticPass : StaticStep<T> {
  const StaticRegion<T>* region = nullptr;  // that of the program
  StaticInstructions<T> adding;  // where leaves have a gradient already; the others: where none has

  void run(ProgramValues& values) const override;
};

}  // namespace xgrad::detail
