#include "xgrad/compile/static_plan.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "xgrad/autograd/cast.hpp"
#include "xgrad/compile/program_steps.hpp"
#include "xgrad/compile/static_emit.hpp"

namespace xgrad::detail {
namespace {

// One type's part of a program.
template <class T>
class StaticPlanner {
 public:
  StaticPlanner(const std::vector<RecordedStep>& steps, const std::vector<RecordedValue>& values,
                const std::vector<std::uint32_t>& results)
      : steps_(steps), values_(values), results_(results), emit_(steps, values) {}

  StaticPlan plan() {
    if (!find_pass() || !find_members()) return {};
    mark_wanted();
    if (!is_closed()) return {};
    find_escapes();
    write();
    return {std::move(written_), emit_.ground()};
  }

 private:
  bool needs_gradient(std::uint32_t v) const { return values_[v].shown.requires_grad; }

  // At most one, of which everything is known.
  bool find_pass() {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const ProgramStep* const s = steps_[i].step.get();
      if (dynamic_cast<const BackwardStep<OtherType<T>>*>(s) != nullptr ||
          dynamic_cast<const GradStep<OtherType<T>>*>(s) != nullptr)
        return false;
      const auto* const b = dynamic_cast<const BackwardStep<T>*>(s);
      const auto* const g = dynamic_cast<const GradStep<T>*>(s);
      if (b == nullptr && g == nullptr) continue;
      if (pass_ != kNoStep || !(b != nullptr ? take(*b) : take(*g))) return false;
      pass_ = i;
    }
    return true;
  }
  bool take(const BackwardStep<T>& b) {
    if (b.options.retain_graph || b.options.create_graph) return false;
    starts_.push_back({b.output, b.seed});
    return is_plain(b.seed);
  }
  bool take(const GradStep<T>& g) {
    if (g.options.retain_graph || g.options.create_graph) return false;
    for (std::size_t i = 0; i < g.outputs.size(); ++i)
      starts_.push_back({g.outputs[i], i < g.seeds.size() ? g.seeds[i] : Operand<T>{}});
    for (std::size_t i = 0; i < g.inputs.size(); ++i) {
      const std::uint32_t v = g.inputs[i].value;
      if (g.results[i] == kNoValue) continue;  // nothing leads to it
      if (std::find(sinks_.begin(), sinks_.end(), v) != sinks_.end()) return false;
      sinks_.push_back(v);
      sink_results_.push_back(g.results[i]);
    }
    if (sinks_.empty()) return false;
    return std::all_of(g.seeds.begin(), g.seeds.end(), [&](const auto& s) { return is_plain(s); });
  }
  bool is_plain(const Operand<T>& seed) const {
    return seed.value == kNoValue || !needs_gradient(seed.value);
  }

  bool find_members() {
    member_.assign(steps_.size(), false);
    std::size_t n = 0;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      member_[i] = emit_.can_do(i);
      n += member_[i];
    }
    leave_shared_views();
    return n >= 2 && may_begin_again();
  }

  // What may find that it needs the tape comes before anything that is not to be done twice.
  bool may_begin_again() const {
    bool changed = false;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (member_[i] && changed && emit_.may_need_tape(i)) return false;
      changed = changed || i == pass_ || steps_[i].draws ||
                (steps_[i].changes_state && steps_[i].name != "zero_grad");
    }
    return true;
  }

  void leave(std::size_t step) {
    member_[step] = false;
    emit_.leave(step);
  }

  // A view of a tensor from outside, that may be written, and one that somebody sees share memory: they stay
  // tensors.
  void leave_shared_views() {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (member_[i] && emit_.is_view(i) && !needs_gradient(steps_[i].outputs[0]) &&
          emit_.is_from_outside(steps_[i].inputs[0]))
        leave(i);
    }
    std::vector<bool> seen(values_.size(), false);
    for (const std::uint32_t v : results_) seen[v] = true;
    for (std::size_t i = steps_.size(); i-- > 0;) {
      if (member_[i] && emit_.is_view(i) && seen[steps_[i].outputs[0]]) leave(i);
      if (member_[i] || i == pass_) continue;
      for (const std::uint32_t v : steps_[i].inputs) seen[v] = true;
    }
  }

  // Values whose gradient the pass needs.
  void mark_wanted() {
    wanted_.assign(values_.size(), false);
    std::vector<bool> reached(values_.size(), false), useful(values_.size(), sinks_.empty());
    for (const std::uint32_t v : sinks_) useful[v] = true;
    for (std::size_t i = 0; i < std::min(pass_, steps_.size()) && !sinks_.empty(); ++i) {
      for (const std::uint32_t v : steps_[i].inputs) {
        if (!useful[v] || !needs_gradient(v)) continue;
        for (const std::uint32_t y : steps_[i].outputs) useful[y] = needs_gradient(y);
      }
    }
    for (const auto& [output, seed] : starts_) reached[output.value] = true;
    for (std::size_t i = std::min(pass_, steps_.size()); i-- > 0;) {
      const auto& made = steps_[i].outputs;
      if (std::none_of(made.begin(), made.end(), [&](auto v) { return reached[v]; })) continue;
      for (const std::uint32_t v : steps_[i].inputs) reached[v] = reached[v] || needs_gradient(v);
    }
    for (std::size_t v = 0; v < values_.size(); ++v)
      wanted_[v] = reached[v] && useful[v] && needs_gradient(static_cast<std::uint32_t>(v));
  }

  // Whether nothing that needs a gradient is outside of what is done here, and nothing is changed
  // between the way there and the way back.
  bool is_closed() const {
    std::size_t first = kNoStep;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      for (const std::uint32_t v : steps_[i].outputs) {
        if (i == pass_ || !needs_gradient(v)) continue;
        if (!member_[i] || i > pass_ || !is_reached(v)) return false;
        first = std::min(first, i);
      }
      const bool changes = steps_[i].changes_state && steps_[i].name != "zero_grad";
      if (changes && first < i && i < pass_) return false;
    }
    if (pass_ == kNoStep) return true;
    const auto is_wanted = [&](std::uint32_t v) { return wanted_[v]; };
    return std::all_of(sinks_.begin(), sinks_.end(), is_wanted) &&
           std::all_of(starts_.begin(), starts_.end(), [&](const auto& s) {
             return wanted_[s.first.value] && made_here(s.first.value);
           });
  }
  bool made_here(std::uint32_t v) const {
    return values_[v].shown.kind == GraphValue::Kind::result;
  }
  // A value that needs a gradient which the pass does not go through keeps its graph.
  bool is_reached(std::uint32_t v) const {
    return pass_ != kNoStep && (wanted_[v] || !sinks_.empty()) &&
           (wanted_[v] || std::find(results_.begin(), results_.end(), v) == results_.end());
  }

  void find_escapes() {
    for (const std::uint32_t v : results_) emit_.let_escape(v);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (member_[i] || i == pass_) continue;
      for (const std::uint32_t v : steps_[i].inputs) emit_.let_escape(v);
      for (const std::uint32_t v : steps_[i].keeps) emit_.let_escape(v);
    }
  }

  void write() {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (i == pass_) {
        written_.push_back(write_pass(i));
        emit_.forget_outside();
      } else if (!member_[i]) {
        written_.push_back(steps_[i]);
        if (steps_[i].changes_state) emit_.forget_outside();
      } else {
        std::size_t end = i;
        while (end < steps_.size() && end != pass_ && member_[end]) ++end;
        written_.push_back(emit_.forward(i, end));
        i = end - 1;
      }
    }
  }

  RecordedStep write_pass(std::size_t pass) {
    emit_.begin_pass(sinks_, sink_results_);
    write_way(pass, false);
    if (emit_.has_leaves()) write_way(pass, true);
    return emit_.end_pass();
  }

  void write_way(std::size_t pass, bool leaves_have_gradients) {
    emit_.begin_way(leaves_have_gradients);
    for (const auto& [output, seed] : starts_) emit_.start(output, seed);
    for (std::size_t i = pass; i-- > 0;) {
      if (member_[i] && wanted_[steps_[i].outputs[0]]) emit_.back_through(i, wanted_);
    }
    emit_.end_way();
  }

  static constexpr std::size_t kNoStep = ~std::size_t{0};

  const std::vector<RecordedStep>& steps_;
  const std::vector<RecordedValue>& values_;
  const std::vector<std::uint32_t>& results_;
  StaticEmitter<T> emit_;
  std::size_t pass_ = kNoStep;
  std::vector<std::pair<Operand<T>, Operand<T>>> starts_;  // outputs and seeds
  std::vector<std::uint32_t> sinks_, sink_results_;        // of grad()
  std::vector<bool> member_, wanted_;
  std::vector<RecordedStep> written_;
};

}  // namespace

StaticPlan plan_static(const std::vector<RecordedStep>& steps,
                       const std::vector<RecordedValue>& values,
                       const std::vector<std::uint32_t>& results) {
  StaticPlan plan = StaticPlanner<float>(steps, values, results).plan();
  if (plan.ground == nullptr) plan = StaticPlanner<double>(steps, values, results).plan();
  return plan;
}

}  // namespace xgrad::detail
