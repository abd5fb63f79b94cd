#pragma once

// Writes the instructions of a program without the tape. Internal: compile/static_plan.cpp.

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "xgrad/compile/program_steps.hpp"
#include "xgrad/compile/recorder.hpp"
#include "xgrad/compile/static_cluster.hpp"
#include "xgrad/compile/static_region.hpp"

namespace xgrad::detail {

template <class T>
class StaticEmitter {
 public:
  StaticEmitter(const std::vector<RecordedStep>& steps, const std::vector<RecordedValue>& values);

  /// Whether a step can be done without the tape, with its gradient where it has one.
  bool can_do(std::size_t step) const;
  /// Whether it may find that it has to be done with the tape after all.
  bool may_need_tape(std::size_t step) const;
  /// Whether it shows its operand's numbers under another shape.
  bool is_view(std::size_t step) const;
  bool is_from_outside(std::uint32_t v) const { return !here_[v]; }
  /// The step stays as it is.
  void leave(std::size_t step);
  /// Somebody else needs the tensor of a value.
  void let_escape(std::uint32_t v) { escapes_[v] = true; }

  /// A step changes what tensors from outside have.
  void forget_outside();
  /// Steps [begin, end), all of which can be done.
  RecordedStep forward(std::size_t begin, std::size_t end);

  // A pass back, in this order.
  void begin_pass(const std::vector<std::uint32_t>& sinks,
                  const std::vector<std::uint32_t>& results);
  /// Written twice when leaves take part: where they have no gradient yet, and where they have.
  void begin_way(bool leaves_have_gradients);
  void start(const Operand<T>& output, const Operand<T>& seed);
  void back_through(std::size_t step, const std::vector<bool>& wanted);
  void end_way() { cluster_->flush(); }
  bool has_leaves() const;
  RecordedStep end_pass();

  /// After all steps.
  std::shared_ptr<const StaticGround> ground();

 private:
  struct Made;  // a step: its operands, result, and what it is
  Made made_by(std::size_t step) const;
  const Shape& shape_of(std::uint32_t v) const { return values_[v].shown.shape; }
  std::size_t elements_of(std::uint32_t v) const { return shape_of(v).elements(); }
  bool needs_gradient(std::uint32_t v) const { return values_[v].shown.requires_grad; }

  bool can_do_formula(const Made& m) const;
  bool can_do_described(const Made& m) const;
  bool is_wide_leaf(const Made& m) const;

  Slot new_slot() { return static_cast<Slot>(layout_.slots++); }
  Slot place_at(std::size_t begin);
  std::size_t room_for(std::size_t elements);
  Slot slot_of(const Operand<T>& operand);
  Slot read(const Operand<T>& operand);
  Slot make(std::uint32_t v);
  Slot let_escape_now(std::uint32_t v, std::uint32_t result, bool released);
  static std::size_t copied(std::size_t elements);
  Slot gradient_of(std::uint32_t v);
  void free_gradient(std::uint32_t v);
  bool is_sink(std::uint32_t v) const {
    return std::find(sinks_.begin(), sinks_.end(), v) != sinks_.end();
  }
  bool is_of(const Shape& y, const Made& m, std::vector<bool>& repeated) const;

  template <class I>
  void add(I instruction) {
    cluster_->flush();
    to_->push_back(std::make_unique<I>(std::move(instruction)));
  }
  void write_to(StaticInstructions<T>& to);
  // How what is added to a gradient gets there.
  Landing landing(std::uint32_t v);
  bool may_take(std::uint32_t v, std::uint32_t from) const;
  void give(Slot gy, std::uint32_t from, std::uint32_t v);
  void emit(const Made& m);
  void emit_formula(const Made& m);
  void copy(Slot from, Slot to, Landing landing, std::size_t elements, bool negated = false);
  void spread_to(Slot from, const Shape& narrow, Slot to, const Shape& wide, Landing landing);
  void sum_into(Slot from, const Shape& wide, Slot to, const Shape& narrow, Landing landing);
  void back_formula(const Made& m, unsigned wanted);
  bool back_shared(const Made& m, unsigned wanted);
  void back_second(const Made& m, Slot gy, bool negated, bool last);
  void back_product(const Made& m, const ProductDescription& p, unsigned wanted);
  void add_products(std::vector<typename ProductInstruction<T>::One> products);
  void back_linear(const Made& m, const LinearDescription& l, unsigned wanted);
  void back_described(const Made& m, unsigned wanted);
  bool can_do_arrays(const Made& m) const;
  void emit_arrays(const Made& m);
  void back_arrays(const Made& m, unsigned wanted);
  RecordedStep finished(std::shared_ptr<StaticStep<T>> step);

  const std::vector<RecordedStep>& steps_;
  const std::vector<RecordedValue>& values_;
  std::vector<bool> here_;  // made by a step that can be done
  std::vector<bool> escapes_;
  std::vector<Slot> slots_, gradients_;
  std::map<std::uint32_t, Slot> kept_;  // of operations that keep numbers for the way back
  std::vector<std::size_t> gradient_begins_;
  std::vector<bool> given_;  // gradients whose memory another one has now
  std::map<std::size_t, std::vector<std::size_t>> free_;  // by elements: where there is room
  typename StaticFrames<T>::Layout layout_;
  std::vector<StaticOutside<T>> outside_;
  std::map<std::uint32_t, std::size_t> outside_of_;  // of values
  std::vector<std::uint32_t> read_;                  // values from outside whose slots are set
  std::vector<std::uint32_t> touched_;  // by the step that is written: tensors that must be there
  StaticStep<T>* now_ = nullptr;
  StaticInstructions<T>* to_ = nullptr;
  FusedPrograms<T> programs_;
  std::optional<StaticCluster<T>> cluster_;
  std::vector<bool> started_;  // gradients with a part already
  bool leaves_have_ = false;
  std::shared_ptr<StaticPass<T>> pass_;
  std::vector<std::uint32_t> sinks_, sink_results_;
};

template <class T>
struct StaticEmitter<T>::Made {
  const FormulaStep<T>* formula = nullptr;  // or
  const Description* description = nullptr;
  std::shared_ptr<const ArrayOperation<T>> arrays;
  const std::vector<Operand<T>>* operands = nullptr;
  std::uint32_t y;

  std::uint32_t value(std::size_t i) const { return (*operands)[i].value; }
  std::size_t count() const { return operands->size(); }
};

}  // namespace xgrad::detail
