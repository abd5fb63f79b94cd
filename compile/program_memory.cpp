// The steps are walked through as a call runs them. A value is there as long as the program has it, or an entry
// of the tape that saves it; an entry as long as a value that it made, or another entry that leads to it. A pass
// back makes the gradients of the operands of each entry that it reaches, lets go of that of its result, and of
// the entry.

#include "xgrad/compile/program_memory.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "xgrad/compile/program_steps.hpp"
#include "xgrad/kernels/gemm.hpp"
#include "xgrad/kernels/parallel.hpp"

namespace xgrad::detail {
namespace {

constexpr std::size_t kNone = ~std::size_t{0};

class MemoryWalk {
 public:
  MemoryWalk(const std::vector<RecordedStep>& steps, const std::vector<RecordedValue>& values,
             const std::vector<std::uint32_t>& results)
      : steps_(steps),
        values_(values),
        made_by_(values.size(), kNone),
        last_(values.size(), kNone),
        values_of_(values.size()),
        leaving_(steps.size()),
        entries_(steps.size()) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      for (const std::uint32_t v : steps[i].outputs) made_by_[v] = i;
      for (const auto* list : {&steps[i].outputs, &steps[i].inputs, &steps[i].keeps}) {
        for (const std::uint32_t v : *list) last_[v] = i;
      }
    }
    for (const std::uint32_t v : results) last_[v] = kNone;
    for (const std::uint32_t v : results) is_result_[root(v)] = true;
    for (std::uint32_t v = 0; v < values.size(); ++v) {
      if (last_[v] != kNone && values[v].shown.kind == GraphValue::Kind::result)
        leaving_[last_[v]].push_back(v);
    }
  }

  /// What is there at this look is written down.
  void write_at(std::size_t look) { written_at_ = look; }
  std::size_t peak() const { return peak_; }

  /// Calls work in a block, and gather the gradients of leaves there or where they belong.
  void begin_without_tape(std::size_t block, const std::vector<MemoryUse>& leaves) {
    plan_.without_tape = true;
    add({Kind::block, "without the tape", "", Shape{}, block});
    for (const MemoryUse& leaf : leaves) {
      add(leaf);
      plan_.gradient_bytes += leaf.bytes;
    }
  }
  const std::vector<MemoryUse>& leaves() const { return leaves_; }

  MemoryPlan walk() {
    for (std::size_t i = 0; i < steps_.size(); ++i) run(i);
    for (const auto& [v, is] : is_result_) {
      if (values_[v].shown.kind == GraphValue::Kind::result)
        plan_.result_bytes += values_[v].shown.bytes();
    }
    std::stable_sort(plan_.at_peak.begin(), plan_.at_peak.end(),
                     [](const MemoryUse& a, const MemoryUse& b) { return a.bytes > b.bytes; });
    return std::move(plan_);
  }

 private:
  using Kind = MemoryUse::Kind;
  using Place = std::map<std::size_t, MemoryUse>::iterator;

  struct ValueState {
    std::size_t users = 0;  // the program, and entries that save it
    std::optional<Place> memory, gradient;
  };
  struct Entry {
    bool there = false;
    std::size_t users = 0;  // results that the program has, and entries that lead here
    std::optional<Place> kept;
  };

  // --- Memory ---

  Place add(MemoryUse use) {
    now_ += use.bytes;
    return there_.emplace(next_++, std::move(use)).first;
  }
  void remove(std::optional<Place>& place) {
    if (!place) return;
    now_ -= (*place)->second.bytes;
    there_.erase(*place);
    place.reset();
  }
  // What is there is written down by a second walk, at the look that turned out to be the peak.
  void look(const RecordedStep& s, const RecordedStep* pass) {
    ++looks_;
    if (now_ > plan_.peak_bytes) {
      plan_.peak_bytes = now_;
      peak_ = looks_;
    }
    if (looks_ != written_at_) return;
    plan_.at = (pass == nullptr ? "" : pass->name + ", at ") + place_text(s);
    for (const auto& [number, use] : there_) plan_.at_peak.push_back(use);
  }
  MemoryUse use_of(Kind kind, std::uint32_t v) const {
    const std::size_t s = made_by_[v];
    const GraphValue& shown = values_[v].shown;
    const char* const outside = shown.kind == GraphValue::Kind::argument ? "argument" : "held";
    return {kind, s == kNone ? outside : steps_[s].name, s == kNone ? "" : steps_[s].module,
            shown.shape, shown.bytes()};
  }
  static std::string place_text(const RecordedStep& s) {
    return s.name + (s.module.empty() ? "" : " in " + s.module);
  }

  // --- Values and entries ---

  std::uint32_t root(std::uint32_t v) const {
    while (values_[v].shares != kNoValue) v = values_[v].shares;
    return v;
  }
  bool needs_gradient(std::uint32_t v) const { return values_[v].shown.requires_grad; }
  void hold(std::uint32_t v) { ++values_of_[root(v)].users; }
  void drop(std::uint32_t v) {
    ValueState& s = values_of_[root(v)];
    if (--s.users == 0) remove(s.memory);
  }
  Entry* entry_of(std::uint32_t v) {
    return made_by_[v] == kNone ? nullptr : &entries_[made_by_[v]];
  }

  void make_entry(std::size_t i) {
    const RecordedStep& s = steps_[i];
    const bool records = s.recording && std::any_of(s.outputs.begin(), s.outputs.end(),
                                                    [&](auto v) { return needs_gradient(v); });
    if (!records || is_pass(s)) return;
    Entry& e = entries_[i];
    e.there = true;
    e.users = s.outputs.size();
    for (const std::uint32_t v : s.saves) hold(v);
    for (const std::uint32_t v : s.inputs) {
      Entry* const before = entry_of(v);
      if (before != nullptr && before->there && needs_gradient(v)) ++before->users;
    }
    if (s.saved_bytes != 0) e.kept = add({Kind::kept, s.name, s.module, Shape{}, s.saved_bytes});
  }

  // Adds those that nothing else leads to.
  void release(std::size_t i, std::vector<std::size_t>& open) {
    if (!std::exchange(entries_[i].there, false)) return;
    for (const std::uint32_t v : steps_[i].saves) drop(v);
    remove(entries_[i].kept);
    for (const std::uint32_t v : steps_[i].inputs) {
      if (needs_gradient(v)) let_go(v, open);
    }
  }
  void let_go(std::uint32_t v, std::vector<std::size_t>& open) {
    Entry* const e = entry_of(v);
    if (e != nullptr && e->there && --e->users == 0) open.push_back(made_by_[v]);
  }
  void release_all(std::vector<std::size_t>& open) {
    while (!open.empty()) {
      const std::size_t i = open.back();
      open.pop_back();
      release(i, open);
    }
  }

  // --- Steps ---

  static bool is_pass(const RecordedStep& s) { return s.name == "backward" || s.name == "grad"; }

  void run(std::size_t i) {
    const RecordedStep& s = steps_[i];
    if (is_pass(s)) {
      back(i);
    } else if (s.name == "zero_grad" && !s.inputs.empty()) {
      remove(values_of_[s.inputs[0]].gradient);
    }
    for (const std::uint32_t v : s.outputs) make(v);
    make_entry(i);
    look(s, nullptr);
    if (s.changes_state && !is_pass(s)) use_up(s);
    for (const std::uint32_t v : leaving_[i]) leave(v);
  }

  void make(std::uint32_t v) {
    ValueState& s = values_of_[root(v)];
    hold(v);
    const bool has_memory = s.memory || values_[root(v)].shown.kind != GraphValue::Kind::result;
    if (has_memory) return;
    s.memory = add(use_of(Kind::result, v));
  }

  // The program's own handle.
  void leave(std::uint32_t v) {
    drop(v);
    std::vector<std::size_t> open;
    let_go(v, open);
    release_all(open);
  }

  // --- Passes back ---

  template <class T>
  static const BackwardStep<T>* backward_of(const RecordedStep& s) {
    return dynamic_cast<const BackwardStep<T>*>(s.step.get());
  }
  template <class T>
  static const GradStep<T>* grad_of(const RecordedStep& s) {
    return dynamic_cast<const GradStep<T>*>(s.step.get());
  }
  struct PassBack {
    std::size_t step;
    bool collects = false, retains = false;
    bool uses_up =
        false;  // Optimizer::minimize: gradients of leaves go with what comes after the pass
    std::vector<std::uint32_t> outputs;
    std::map<std::uint32_t, std::uint32_t> results;  // of inputs whose gradients are collected
    std::vector<std::size_t> unheld;                 // entries that it came from alone
  };
  template <class T>
  void look_at(const RecordedStep& s, PassBack& p) const {
    if (const auto* b = backward_of<T>(s)) {
      p.outputs.push_back(b->output.value);
      p.retains = b->options.retain_graph || b->options.create_graph;
      p.uses_up = b->later != nullptr;
    }
    const auto* const g = grad_of<T>(s);
    if (g == nullptr) return;
    p.collects = true;
    for (const auto& o : g->outputs) p.outputs.push_back(o.value);
    p.retains = g->options.retain_graph || g->options.create_graph;
    for (std::size_t i = 0; i < g->inputs.size(); ++i) {
      if (g->results[i] != kNoValue) p.results[g->inputs[i].value] = g->results[i];
    }
  }

  void back(std::size_t step) {
    PassBack p;
    p.step = step;
    look_at<float>(steps_[step], p);
    look_at<double>(steps_[step], p);
    for (const std::uint32_t v : p.outputs) {
      if (v != kNoValue && made_by_[v] != kNone) begin_gradient(v, p);
    }
    for (std::size_t i = step; i-- > 0;) {
      if (entries_[i].there && has_gradient(i)) back_through(i, p);
    }
    release_all(p.unheld);
  }
  bool has_gradient(std::size_t i) const {
    return std::any_of(steps_[i].outputs.begin(), steps_[i].outputs.end(),
                       [&](auto v) { return values_of_[v].gradient.has_value(); });
  }
  // A leaf's stays, unless the pass collects gradients, which are results of it then.
  void begin_gradient(std::uint32_t v, const PassBack& p) {
    if (const auto result = p.results.find(v); result != p.results.end()) {
      ValueState& s = values_of_[result->second];
      if (!s.memory) s.memory = add(use_of(Kind::result, result->second));
      return;
    }
    ValueState& s = values_of_[v];
    if (s.gradient) return;
    const bool is_leaf = made_by_[v] == kNone || !entries_[made_by_[v]].there;
    if (is_leaf && p.collects) return;
    s.gradient = add(use_of(is_leaf ? Kind::leaf : Kind::gradient, v));
    if (is_leaf && p.uses_up) used_up_.push_back(v);
    if (!is_leaf || p.uses_up || !with_gradient_.insert(v).second) return;
    plan_.gradient_bytes += values_[v].shown.bytes();
    leaves_.push_back(use_of(Kind::leaf, v));
  }
  // A weight's, which is never there as a whole.
  bool is_left(const RecordedStep& s, std::uint32_t v, const PassBack& p) const {
    return p.uses_up && (s.name == "linear" || s.name == "matmul") && s.inputs.size() > 1 &&
           s.inputs[1] == v && s.inputs[0] != v && made_by_[v] == kNone &&
           values_[v].shown.shape.rank() == 2 && !values_of_[v].gradient;
  }
  // The operands of a product that is left stay until it is used up, which takes room for the rows under way.
  void leave_product(const RecordedStep& s, std::uint32_t weight) {
    const Shape& shape = values_[weight].shown.shape;
    const GraphValue& x = values_[s.inputs[0]].shown;
    const std::size_t k = x.shape.elements() / std::max<std::size_t>(x.shape.back(), 1);
    room_ = std::max(room_, x.number_bytes == sizeof(float) ? room_for<float>(shape, k)
                                                            : room_for<double>(shape, k));
    hold(s.inputs[0]);
    operands_.push_back(s.inputs[0]);
    left_.push_back(std::exchange(values_of_[s.outputs[0]].gradient, std::nullopt));
  }
  template <class T>
  static std::size_t room_for(const Shape& shape, std::size_t k) {
    const kernels::RowPanels<T> panels(
        kernels::Product<T>{true, false, shape[0], shape[1], k, nullptr, nullptr, T(0), nullptr},
        kPanelBytes);
    const auto threads = static_cast<std::size_t>(num_threads());
    return panels.begin(1) * shape[1] * sizeof(T) * std::min(panels.count(), threads);
  }
  // What minimize() left, at the change of state that follows.
  void use_up(const RecordedStep& s) {
    std::optional<Place> room;
    if (room_ > 0) room = add({Kind::kept, s.name, s.module, Shape{}, std::exchange(room_, 0)});
    look(s, nullptr);
    remove(room);
    for (std::optional<Place>& gradient : std::exchange(left_, {})) remove(gradient);
    for (const std::uint32_t v : std::exchange(operands_, {})) drop(v);
    for (const std::uint32_t v : std::exchange(used_up_, {})) remove(values_of_[v].gradient);
  }
  // A formula's gradient takes the place of the one that it is made of.
  bool takes(const RecordedStep& s, std::uint32_t v, const PassBack& p) const {
    const bool is_formula = dynamic_cast<const FormulaStep<float>*>(s.step.get()) != nullptr ||
                            dynamic_cast<const FormulaStep<double>*>(s.step.get()) != nullptr;
    return (is_formula || values_[s.outputs[0]].shares != kNoValue) &&
           values_[v].shown.bytes() == values_[s.outputs[0]].shown.bytes() &&
           made_by_[v] != kNone && !values_of_[v].gradient && p.results.count(v) == 0;
  }
  void back_through(std::size_t i, PassBack& p) {
    const RecordedStep& s = steps_[i];
    ValueState& y = values_of_[s.outputs[0]];
    bool taken = false;
    std::uint32_t left = kNoValue;
    for (const std::uint32_t v : s.inputs) {
      if (!needs_gradient(v)) continue;
      if (is_left(s, v, p)) {
        left = v;
        continue;
      }
      if (!taken && y.gradient && takes(s, v, p)) {
        taken = true;
        values_of_[v].gradient = std::exchange(y.gradient, std::nullopt);
        (*values_of_[v].gradient)->second = use_of(Kind::gradient, v);
      } else {
        begin_gradient(v, p);
      }
    }
    look(s, &steps_[p.step]);
    if (left != kNoValue) leave_product(s, left);
    for (const std::uint32_t v : s.outputs) remove(values_of_[v].gradient);
    if (!p.retains) release(i, p.unheld);
  }

  const std::vector<RecordedStep>& steps_;
  const std::vector<RecordedValue>& values_;
  std::vector<std::size_t> made_by_, last_;  // steps
  std::vector<ValueState> values_of_;
  std::vector<std::vector<std::uint32_t>> leaving_;  // after each step
  std::vector<Entry> entries_;                       // of steps
  std::map<std::uint32_t, bool> is_result_;
  std::map<std::size_t, MemoryUse> there_;
  std::size_t next_ = 0, now_ = 0, looks_ = 0, peak_ = 0, written_at_ = kNone;
  std::set<std::uint32_t> with_gradient_;  // leaves
  // Of minimize(): leaves whose gradients are used up; gradients and operands of products that are.
  std::vector<std::uint32_t> used_up_, operands_;
  std::vector<std::optional<Place>> left_;
  std::size_t room_ = 0;
  std::vector<MemoryUse> leaves_;  // gradients
  MemoryPlan plan_;
};

}  // namespace

MemoryPlan plan_memory(const std::vector<RecordedStep>& steps,
                       const std::vector<RecordedStep>& static_steps,
                       const std::vector<RecordedValue>& values,
                       const std::vector<std::uint32_t>& results, std::size_t block) {
  MemoryWalk on_tape(steps, values, results);
  on_tape.walk();
  const bool without = !static_steps.empty();
  const auto made = [&] {
    MemoryWalk w(without ? static_steps : steps, values, results);
    if (without) w.begin_without_tape(block, on_tape.leaves());
    return w;
  };
  MemoryWalk first = made(), second = made();
  first.walk();
  second.write_at(first.peak());
  return second.walk();
}

}  // namespace xgrad::detail
