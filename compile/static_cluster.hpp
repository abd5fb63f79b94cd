#pragma once

// Formulas and their gradients that follow each other in a program without the tape, put together: one call
// of machine code (compile/fused.hpp) for as many as it can take. Internal: compile/static_emit.cpp.

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "xgrad/compile/fused.hpp"
#include "xgrad/compile/static_code.hpp"

namespace xgrad::detail {

/// What a cluster has become.
template <class T>
struct FusedInstructionCall : StaticInstruction<T> {
  std::shared_ptr<const Fused<T>> program;
  std::vector<TracedFormula<T>> formulas;  // whose objects the program uses
  std::vector<Slot> slots;                 // of inputs and outputs
  void run(StaticFrame<T>& frame) const override;
};

/// Programs that are there already: many parts of a function are the same.
template <class T>
using FusedPrograms = std::map<std::string, std::shared_ptr<const Fused<T>>>;

template <class T>
class StaticCluster {
 public:
  StaticCluster(StaticInstructions<T>& to, FusedPrograms<T>& programs)
      : to_(to), programs_(programs) {}

  /// y = f(x ...), each x of the result's elements or one number.
  void forward(FormulaInstruction<T> f, std::size_t elements, const std::vector<bool>& repeated);
  /// What a formula adds to the gradients of its operands, none of which is repeated where it has one.
  void gradient(FormulaGradient<T> g, std::size_t elements, const std::vector<bool>& repeated);
  /// y = x or y += x, or the same of -x.
  void copy(CopyInstruction<T> c);
  /// The numbers of this slot are not read any more.
  void let_go(Slot s) { gone_.push_back(s); }
  /// Writes what was gathered. Before anything else is written.
  void flush();

 private:
  static constexpr std::size_t kMaxOperations = 192, kMaxArrays = 192;
  using Value = std::uint32_t;
  struct Operation {
    enum class Kind { forward, gradient, sum } kind;
    TracedFormula<T> formula;
    std::vector<Value> x;
    Value y = 0, gy = 0;
    std::size_t wanted = 0;
    unsigned needed = 0;
  };
  static constexpr Value kOperation = Value{1} << 31;  // the result of one, not an input

  void make_room(std::size_t elements, std::size_t inputs);
  Value value_of(Slot s, bool repeated);
  Value add(Operation o);
  void land(Slot s, Value v, bool adds);
  std::vector<Slot> outputs() const;
  std::string key(const std::vector<Slot>& outputs) const;
  std::shared_ptr<const Fused<T>> make(const std::vector<Slot>& outputs) const;
  void clear();

  StaticInstructions<T>& to_;
  FusedPrograms<T>& programs_;
  StaticInstructions<T> originals_;  // the same one by one
  std::size_t elements_ = 0, formulas_ = 0;
  std::vector<Slot> inputs_, written_, gone_;
  std::vector<bool> repeated_;
  std::vector<Operation> operations_;
  std::map<Slot, Value> now_;
};

extern template class StaticCluster<float>;
extern template class StaticCluster<double>;

}  // namespace xgrad::detail
