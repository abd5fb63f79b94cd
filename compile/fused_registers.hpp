#pragma once

// Which register holds which part of a value, while the code of an elementwise program is written.
// Internal: compile/fused_code_assembler.cpp.
//
// A value has as many parts as a group of its numbers fills registers. Where no register is free, that
// of the part that is read last is taken; what was computed goes to the frame before.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "xgrad/compile/fused_steps.hpp"

namespace xgrad::detail {

template <class T>
class FusedRegisters {
 public:
  using Value = std::uint32_t;
  /// Writes the instruction that moves a part between a register and memory.
  using Move = std::function<void(Value v, int part, int number)>;

  /// `steps` must outlive it.
  FusedRegisters(const FusedSteps<T>& steps, int parts, int registers, Move to_frame, Move fetch);

  /// The step that is written: one of the program's, behind them the check of the outputs, and behind
  /// that their storing.
  void set_step(std::size_t step) { now_ = step; }
  /// Whether the value is read after this step.
  bool is_read_later(Value v) const { return use_from(v, now_ + 1) != kNever; }
  bool holds(Value v, int part) const { return places_[index(v, part)].number != kNone; }

  /// The number of the register with the value, which is not taken from it until `unlock`.
  int load(Value v, int part);
  void unlock() { locked_.clear(); }
  /// A register for what this step computes.
  int assign(Value v, int part);
  void release(Value v, int part);

  /// Empties all registers, to the frame what is read at this step or later.
  void empty();
  /// A call has written the value to the frame.
  void set_in_frame(Value v);

 private:
  struct Place {
    int number = kNone;  // of the register
    bool in_frame = false;
  };
  static constexpr int kNone = -1;
  static constexpr std::size_t kNever = ~std::size_t{0}, kNobody = kNever;

  void find_uses();
  std::size_t use_from(Value v, std::size_t step) const;
  std::size_t index(Value v, int part) const {
    return v * static_cast<std::size_t>(parts_) + static_cast<std::size_t>(part);
  }
  Value value_of(std::size_t owner) const {
    return static_cast<Value>(owner / static_cast<std::size_t>(parts_));
  }
  int part_of(std::size_t owner) const {
    return static_cast<int>(owner % static_cast<std::size_t>(parts_));
  }
  bool is_locked(std::size_t number) const;
  std::size_t free_or_furthest() const;
  void vacate(std::size_t number);

  const FusedSteps<T>& steps_;
  const int parts_;
  const Move to_frame_, fetch_;
  std::vector<std::vector<std::size_t>> uses_;  // of each value, the steps that read it
  std::vector<Place> places_;                   // of each part of a value
  std::vector<std::size_t> owners_;             // of each register, the index of a part
  std::vector<int> locked_;
  std::size_t now_ = 0;
};

extern template class FusedRegisters<float>;
extern template class FusedRegisters<double>;

}  // namespace xgrad::detail
