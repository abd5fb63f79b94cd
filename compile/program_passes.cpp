#include "xgrad/compile/program_passes.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "xgrad/compile/program_memory.hpp"
#include "xgrad/compile/program_steps.hpp"
#include "xgrad/compile/static_plan.hpp"

namespace xgrad::detail {

void drop_unneeded(std::vector<RecordedStep>& steps, std::size_t values,
                   const std::vector<std::uint32_t>& results) {
  std::vector<bool> needed(values, false);
  for (const std::uint32_t v : results) needed[v] = true;
  std::vector<bool> stays(steps.size(), false);
  for (std::size_t i = steps.size(); i-- > 0;) {
    const RecordedStep& s = steps[i];
    stays[i] = s.changes_state || s.draws ||
               std::any_of(s.outputs.begin(), s.outputs.end(), [&](auto v) { return needed[v]; });
    if (!stays[i]) continue;
    for (const std::uint32_t v : s.inputs) needed[v] = true;
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (stays[i] && kept++ != i) steps[kept - 1] = std::move(steps[i]);
  }
  steps.erase(steps.begin() + static_cast<std::ptrdiff_t>(kept), steps.end());
}

namespace {

constexpr std::size_t kNone = ~std::size_t{0};

// The formulas of one type, in groups.
template <class T>
class Grouping {
 public:
  Grouping(std::vector<RecordedStep>& steps, const std::vector<RecordedValue>& values,
           const std::vector<std::uint32_t>& results, std::size_t& deferred)
      : steps_(steps),
        values_(values),
        deferred_(deferred),
        group_(steps.size(), kNone),
        users_(values.size()) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      for (const std::uint32_t v : steps[i].inputs) users_[v].push_back(i);
    }
    for (const std::uint32_t v : results) users_[v].push_back(kNone);
  }

  // From the last step on, as a formula joins those that use it.
  void run() {
    for (std::size_t i = steps_.size(); i-- > 0;) {
      if (!is_candidate(i)) continue;
      group_[i] = joins(i);
      if (group_[i] == kNone) group_[i] = i;
      members_[group_[i]].push_back(i);
    }
    for (auto& [root, members] : members_) {
      std::reverse(members.begin(), members.end());
      if (members.size() > 1 || total_of(root) != kNone) make(root, members);
    }
    std::erase_if(steps_, [](const RecordedStep& s) { return s.step == nullptr; });
  }

 private:
  const FormulaStep<T>* formula(std::size_t i) const {
    return dynamic_cast<const FormulaStep<T>*>(steps_[i].step.get());
  }
  const Shape& shape_of(std::uint32_t v) const { return values_[v].shown.shape; }
  bool needs_gradient(std::uint32_t v) const { return values_[v].shown.requires_grad; }

  bool is_candidate(std::size_t i) const {
    const FormulaStep<T>* const f = formula(i);
    if (f == nullptr || f->operands.size() > 2 || steps_[i].changes_state) return false;
    const Shape& shape = shape_of(f->result);
    return shape.elements() != 0 &&
           std::none_of(f->operands.begin(), f->operands.end(), [&](const Operand<T>& o) {
             return shape_of(o.value) != shape && needs_gradient(o.value);
           });
  }

  // Values from outside that a group reads, with those of step i.
  std::vector<std::uint32_t> inputs_with(std::size_t root, std::size_t i) const {
    std::vector<std::uint32_t> made, read;
    const auto look = [&](std::size_t m) {
      made.push_back(formula(m)->result);
      for (const Operand<T>& o : formula(m)->operands) read.push_back(o.value);
    };
    for (const std::size_t m : members_.at(root)) look(m);
    look(i);
    std::sort(read.begin(), read.end());
    read.erase(std::unique(read.begin(), read.end()), read.end());
    std::erase_if(read,
                  [&](auto v) { return std::find(made.begin(), made.end(), v) != made.end(); });
    return read;
  }

  // The group of all that use step i, when it may run as late as that.
  std::size_t joins(std::size_t i) const {
    const std::uint32_t v = formula(i)->result;
    if (users_[v].empty() || users_[v][0] == kNone) return kNone;
    const std::size_t root = group_[users_[v][0]];
    for (const std::size_t u : users_[v]) {
      if (u == kNone || group_[u] == kNone || group_[u] != root) return kNone;
    }
    if (shape_of(v) != shape_of(formula(root)->result)) return kNone;
    const auto& members = members_.at(root);
    if (members.size() >= FusionGroup<T>::kMaxMembers ||
        inputs_with(root, i).size() > FusionGroup<T>::kMaxInputs || is_between(i, root))
      return kNone;
    return root;
  }

  // Whether something between a step and its group's last one must come after the step: a change of
  // state, or what adds to a gradient of the same tensor, as gradients are added up in order.
  bool is_between(std::size_t i, std::size_t root) const {
    const auto& mine = formula(i)->operands;
    for (std::size_t k = i + 1; k < root; ++k) {
      if (steps_[k].changes_state) return true;
      if (group_[k] == root) continue;
      for (const std::uint32_t v : steps_[k].inputs) {
        if (needs_gradient(v) && std::any_of(mine.begin(), mine.end(),
                                             [v](const Operand<T>& o) { return o.value == v; }))
          return true;
      }
    }
    return false;
  }

  void make(std::size_t root, const std::vector<std::size_t>& members) {
    std::vector<Operand<T>> inputs;
    std::map<std::uint32_t, std::uint32_t> place;  // of values
    for (const std::size_t m : members) {
      for (const Operand<T>& o : formula(m)->operands) {
        if (is_made_by(members, o.value) || place.count(o.value) != 0) continue;
        place[o.value] = static_cast<std::uint32_t>(inputs.size());
        inputs.push_back(o);
      }
    }
    std::vector<Shape> shapes;
    for (const Operand<T>& o : inputs) shapes.push_back(shape_of(o.value));
    std::vector<FusionMember<T>> formulas;
    for (const std::size_t m : members) {
      FusionMember<T> f{formula(m)->formula, {}};
      for (const Operand<T>& o : formula(m)->operands) f.operands.push_back(place.at(o.value));
      place[formula(m)->result] = static_cast<std::uint32_t>(inputs.size() + formulas.size());
      formulas.push_back(std::move(f));
    }
    std::optional<Shape> total;
    const std::size_t sum = total_of(root);
    if (sum != kNone) total = shape_of(steps_[sum].outputs[0]);
    auto group = std::make_shared<FusionGroup<T>>(
        shape_of(formula(root)->result), std::move(shapes), std::move(formulas), std::move(total));
    if (group->pays()) replace(root, members, std::move(group), std::move(inputs));
  }

  // The step that sums all numbers of a group's result, which nobody else uses.
  std::size_t total_of(std::size_t root) const {
    const std::uint32_t v = formula(root)->result;
    if (users_[v].size() != 1 || users_[v][0] == kNone) return kNone;
    const RecordedStep& s = steps_[users_[v][0]];
    const bool sums = s.name == "sum" && s.outputs.size() == 1 &&
                      dynamic_cast<const AgainStep<T>*>(s.step.get()) != nullptr &&
                      shape_of(s.outputs[0]).elements() == 1 && shape_of(v).elements() > 1;
    return sums ? users_[v][0] : kNone;
  }

  // The pass back that is the first to use a value, as where it begins, before anything changes; it
  // may compute the value's numbers as well.
  std::size_t pass_of(std::size_t root, std::uint32_t v) const {
    if (!needs_gradient(v) || users_[v].empty() || users_[v][0] == kNone) return kNone;
    const std::size_t pass = users_[v][0];
    for (std::size_t k = root + 1; k < pass; ++k) {
      if (steps_[k].changes_state && steps_[k].name != "zero_grad") return kNone;
    }
    const auto begins_at = [v](const Operand<T>& o) { return o.value == v; };
    if (const auto* b = dynamic_cast<const BackwardStep<T>*>(steps_[pass].step.get()))
      return begins_at(b->output) && !begins_at(b->seed) ? pass : kNone;
    const auto* g = dynamic_cast<const GradStep<T>*>(steps_[pass].step.get());
    const auto among = [&](const auto& list) {
      return std::any_of(list.begin(), list.end(), begins_at);
    };
    return g != nullptr && among(g->outputs) && !among(g->inputs) && !among(g->seeds) ? pass
                                                                                      : kNone;
  }

  bool is_made_by(const std::vector<std::size_t>& members, std::uint32_t v) const {
    return std::any_of(members.begin(), members.end(),
                       [&](std::size_t m) { return formula(m)->result == v; });
  }

  void replace(std::size_t root, const std::vector<std::size_t>& members,
               std::shared_ptr<const FusionGroup<T>> group, std::vector<Operand<T>> inputs) {
    auto step = std::make_unique<GroupStep<T>>();
    step->group = std::move(group);
    step->result = formula(root)->result;
    RecordedStep& last = steps_[root];
    last.inputs.clear();
    for (const Operand<T>& o : inputs) last.inputs.push_back(o.value);
    step->operands = std::move(inputs);
    for (const std::size_t m : members) last.parts.push_back(steps_[m].name);
    if (const std::size_t sum = total_of(root); sum != kNone) {
      last.parts.push_back(steps_[sum].name);
      step->result = steps_[sum].outputs[0];
      last.outputs = {step->result};
      steps_[sum].step = nullptr;
    }
    for (const std::size_t m : members) {
      if (m != root) steps_[m].step = nullptr;
    }
    const std::size_t pass = pass_of(root, step->result);
    last.saves = last.inputs;
    last.saved_bytes = pass == kNone ? step->group->kept_bytes() : 0;
    if (pass != kNone) {
      step->deferred = deferred_++;
      auto settled = std::make_unique<SettleStep<T>>();
      settled->group = step.get();
      steps_[pass].step->then.push_back(std::move(settled));
      for (const Operand<T>& o : step->operands) steps_[pass].keeps.push_back(o.value);
    }
    last.name = "fused";
    last.step = std::move(step);
  }

  std::vector<RecordedStep>& steps_;
  const std::vector<RecordedValue>& values_;
  std::size_t& deferred_;           // how many results are left to passes back
  std::vector<std::size_t> group_;  // of steps: the last one of the group
  std::vector<std::vector<std::size_t>> users_;
  std::map<std::size_t, std::vector<std::size_t>> members_;
};

// The steps, and what they read last.
std::vector<PlacedStep> placed(const std::vector<RecordedStep>& steps,
                               const std::vector<RecordedValue>& values,
                               const std::vector<std::uint32_t>& results) {
  std::vector<PlacedStep> r(steps.size());
  std::vector<bool> used(values.size(), false);
  for (const std::uint32_t v : results) used[v] = true;
  for (std::size_t i = steps.size(); i-- > 0;) {
    const RecordedStep& s = steps[i];
    r[i].step = s.step;
    for (const auto* list : {&s.outputs, &s.inputs, &s.keeps}) {
      for (const std::uint32_t v : *list) {
        if (used[v] || values[v].held != nullptr) continue;
        used[v] = true;
        (values[v].is_double ? r[i].last_double : r[i].last_float).push_back(v);
      }
    }
  }
  return r;
}

bool is_product(const std::string& name) {
  return name == "matmul" || name == "linear" || name == "dot";
}

double cost_of(const GraphOperation& o, const Graph& g) {
  if (o.outputs.empty() || o.inputs.empty()) return 0;
  const auto size = [&](std::size_t v) {
    return static_cast<double>(g.values[v].shape.elements());
  };
  if (is_product(o.name) && o.inputs.size() >= 2) {
    const Shape& x = g.values[o.inputs[0]].shape;
    return 2 * size(o.outputs[0]) * static_cast<double>(x.rank() == 0 ? 1 : x[x.rank() - 1]);
  }
  return size(o.outputs[0]) * static_cast<double>(std::max<std::size_t>(o.parts.size(), 1));
}

Graph graph_of(const std::vector<RecordedStep>& steps, const std::vector<RecordedValue>& values,
               const std::vector<std::uint32_t>& results) {
  Graph g;
  for (const RecordedValue& v : values) g.values.push_back(v.shown);
  for (std::size_t v = 0; v < values.size(); ++v) {
    if (values[v].shown.kind == GraphValue::Kind::argument) g.arguments.push_back(v);
  }
  g.results.assign(results.begin(), results.end());
  for (const RecordedStep& s : steps) {
    GraphOperation o{s.name,
                     {s.inputs.begin(), s.inputs.end()},
                     {s.outputs.begin(), s.outputs.end()},
                     s.module,
                     s.parts,
                     s.changes_state};
    for (const auto* list : {&o.inputs, &o.outputs}) {
      for (const std::size_t v : *list) o.bytes += g.values[v].bytes();
    }
    o.operations = cost_of(o, g);
    g.operations.push_back(std::move(o));
  }
  return g;
}

}  // namespace

std::size_t fuse_formulas(std::vector<RecordedStep>& steps,
                          const std::vector<RecordedValue>& values,
                          const std::vector<std::uint32_t>& results) {
  std::size_t deferred = 0;
  Grouping<float>(steps, values, results, deferred).run();
  Grouping<double>(steps, values, results, deferred).run();
  return deferred;
}

void make_program(Program& program, std::vector<RecordedStep> steps,
                  const std::vector<RecordedValue>& values,
                  const std::vector<std::uint32_t>& results) {
  StaticPlan plan;
  if (!FuseAlways::on) plan = plan_static(steps, values, results);
  program.static_steps = placed(plan.steps, values, results);
  program.ground = plan.ground;
  program.deferred = fuse_formulas(steps, values, results);
  program.memory = plan_memory(steps, plan.steps, values, results,
                               plan.ground == nullptr ? 0 : plan.ground->bytes());
  program.steps = placed(steps, values, results);
  program.graph = graph_of(steps, values, results);
  program.values = values.size();
  program.has_doubles =
      std::any_of(values.begin(), values.end(), [](const auto& v) { return v.is_double; });
}

}  // namespace xgrad::detail
