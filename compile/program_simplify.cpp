#include "xgrad/compile/program_simplify.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/compile/program_steps.hpp"

namespace xgrad::detail {
namespace {

using Values = std::vector<std::uint32_t>;

class Simplifier {
 public:
  Simplifier(std::vector<RecordedStep>& steps, std::vector<RecordedValue>& values,
             const Values& results, HeldTensors& held)
      : steps_(steps), values_(values), results_(results), held_(held), instead_(values.size()) {
    for (std::uint32_t v = 0; v < instead_.size(); ++v) instead_[v] = v;
    merge_numbers<float>();
    merge_numbers<double>();
  }

  void run() {
    std::vector<bool> goes(steps_.size(), false);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      RecordedStep& s = steps_[i];
      reread(s);
      if (s.changes_state)
        known_.clear();  // tensors that the function holds may have other numbers now
      goes[i] = fold<float>(s) || fold<double>(s) || repeats<float>(s) || repeats<double>(s);
    }
    std::size_t i = 0;
    std::erase_if(steps_, [&](const RecordedStep&) { return goes[i++]; });
  }

 private:
  // Constants of one number, such as the 2 of each 2 * x.
  template <class T>
  void merge_numbers() {
    std::map<std::pair<std::size_t, std::uint64_t>, std::uint32_t> first;  // by rank and bits
    for (std::uint32_t v = 0; v < values_.size(); ++v) {
      if (!is_constant(v) || values_[v].is_double != (sizeof(T) == 8)) continue;
      const auto& t = *static_cast<const Tensor<T>*>(values_[v].held);
      if (t.size() != 1) continue;
      std::uint64_t bits = 0;
      std::memcpy(&bits, t.data(), sizeof(T));
      const auto [it, is_new] = first.try_emplace({t.rank(), bits}, v);
      if (is_new) continue;
      instead_[v] = it->second;
      moved_ = true;
    }
  }

  // The formula of a step whose value may be another's.
  template <class T>
  const FormulaStep<T>* free_formula(const RecordedStep& s) const {
    const auto* const f = dynamic_cast<const FormulaStep<T>*>(s.step.get());
    if (f == nullptr || f->formula.bytes != 0 || s.changes_state || s.draws) return nullptr;
    const bool is_result = std::find(results_.begin(), results_.end(), f->result) != results_.end();
    return is_result || values_[f->result].shown.requires_grad ? nullptr : f;
  }

  bool is_constant(std::uint32_t v) const {
    return values_[v].shown.kind == GraphValue::Kind::constant && values_[v].held != nullptr;
  }

  // Of numbers that stay the same.
  template <class T>
  bool fold(const RecordedStep& s) {
    const FormulaStep<T>* const f = free_formula<T>(s);
    if (f == nullptr || !std::all_of(f->operands.begin(), f->operands.end(), [&](const auto& o) {
          return o.value != kNoValue && is_constant(o.value);
        }))
      return false;
    const NoGrad guard;
    const Untraced untraced;
    ProgramValues now;
    now.of<T>().resize(f->result + std::size_t{1});
    f->run(now);
    values_[f->result].held = held_.hold(now.of<T>()[f->result]);
    values_[f->result].shown.kind = GraphValue::Kind::constant;
    moved_ = true;
    return true;
  }

  // The same formula of the same values.
  template <class T>
  bool repeats(const RecordedStep& s) {
    const FormulaStep<T>* const f = free_formula<T>(s);
    if (f == nullptr) return false;
    Values operands;
    for (const auto& o : f->operands) operands.push_back(o.value);
    const auto [it, is_new] = known_.try_emplace({f->formula.rule, operands}, f->result);
    if (is_new) return false;
    instead_[f->result] = it->second;
    moved_ = true;
    return true;
  }

  void reread(RecordedStep& s) {
    if (!moved_) return;
    for (auto* list : {&s.inputs, &s.keeps}) {
      for (std::uint32_t& v : *list) {
        s.step->reread(v, instead_[v], values_[instead_[v]].held);
        v = instead_[v];
      }
    }
  }

  std::vector<RecordedStep>& steps_;
  std::vector<RecordedValue>& values_;
  const Values& results_;
  HeldTensors& held_;
  Values instead_;
  bool moved_ = false;
  std::map<std::pair<const void*, Values>, std::uint32_t> known_;  // formulas, and their values
};

}  // namespace

void simplify(std::vector<RecordedStep>& steps, std::vector<RecordedValue>& values,
              const std::vector<std::uint32_t>& results, HeldTensors& held) {
  Simplifier(steps, values, results, held).run();
}

}  // namespace xgrad::detail
