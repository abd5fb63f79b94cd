#include "xgrad/compile/static_cluster.hpp"

#include <algorithm>
#include <array>

#include "xgrad/kernels/formulas/arithmetic.hpp"

namespace xgrad::detail {
namespace {

template <class V>
void append(std::string& key, const V& v) {
  key.append(reinterpret_cast<const char*>(&v), sizeof(V));
}

template <class T>
TracedFormula<T> negative() {
  using F = primitives::Negative;
  static const ElementwiseRule<T> rule =
      make_elementwise_rule<F, T, 1>(F::name, kernels::elementwise_kernels_here<F, T>());
  return {&rule, nullptr, 0, nullptr};
}

}  // namespace

template <class T>
void FusedInstructionCall<T>::run(StaticFrame<T>& f) const {
  f.arrays.resize(slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) f.arrays[i] = f.at[slots[i]];
  program->run_here(f.arrays.data());
}

// What may be read by one more operation fits.
template <class T>
void StaticCluster<T>::make_room(std::size_t elements, std::size_t inputs) {
  if (elements != elements_ || inputs_.size() + inputs > kMaxArrays ||
      operations_.size() >= kMaxOperations)
    flush();
  elements_ = elements;
}

template <class T>
auto StaticCluster<T>::value_of(Slot s, bool repeated) -> Value {
  if (const auto it = now_.find(s); it != now_.end()) return it->second;
  const auto v = static_cast<Value>(inputs_.size());
  inputs_.push_back(s);
  repeated_.push_back(repeated);
  now_[s] = v;
  return v;
}

template <class T>
auto StaticCluster<T>::add(Operation o) -> Value {
  operations_.push_back(std::move(o));
  return kOperation | static_cast<Value>(operations_.size() - 1);
}

template <class T>
void StaticCluster<T>::land(Slot s, Value v, bool adds) {
  if (adds) v = add({Operation::Kind::sum, {}, {value_of(s, false), v}});
  now_[s] = v;
  if (std::find(written_.begin(), written_.end(), s) == written_.end()) written_.push_back(s);
}

template <class T>
void StaticCluster<T>::forward(FormulaInstruction<T> f, std::size_t elements,
                               const std::vector<bool>& repeated) {
  make_room(elements, f.x.size());
  Operation o{Operation::Kind::forward, f.formula, {}};
  for (std::size_t i = 0; i < f.x.size(); ++i) o.x.push_back(value_of(f.x[i], repeated[i]));
  land(f.y, add(std::move(o)), false);
  ++formulas_;
  originals_.push_back(std::make_unique<FormulaInstruction<T>>(std::move(f)));
}

template <class T>
void StaticCluster<T>::gradient(FormulaGradient<T> g, std::size_t elements,
                                const std::vector<bool>& repeated) {
  make_room(elements, 2 * g.x.size() + 2);
  const Value gy = value_of(g.gy, false);
  std::vector<Value> x;
  for (std::size_t i = 0; i < g.x.size(); ++i) {
    const bool reads = (g.reads_x >> i & 1U) != 0;
    x.push_back(reads ? value_of(g.x[i], repeated[i]) : gy);
  }
  const Value y = g.reads_y ? value_of(g.y, false) : gy;
  for (std::size_t i = 0; i < g.gx.size(); ++i) {
    if (g.gx[i] == kNoSlot) continue;
    const Value d = add({Operation::Kind::gradient, g.formula, x, y, gy, i, g.wanted});
    land(g.gx[i], d, (g.adds >> i & 1U) != 0);
  }
  ++formulas_;
  originals_.push_back(std::make_unique<FormulaGradient<T>>(std::move(g)));
}

template <class T>
void StaticCluster<T>::copy(CopyInstruction<T> c) {
  make_room(c.elements, 2);
  Value v = value_of(c.x, false);
  if (c.negated) {
    v = add({Operation::Kind::forward, negative<T>(), {v}});
    ++formulas_;
    // In this order the sum of two NaN has the sign that it has on the tape.
    if (c.landing == Landing::add) v = add({Operation::Kind::sum, {}, {v, value_of(c.y, false)}});
  }
  land(c.y, v, c.landing == Landing::add && !c.negated);
  originals_.push_back(std::make_unique<CopyInstruction<T>>(std::move(c)));
}

// What was written and somebody reads.
template <class T>
std::vector<Slot> StaticCluster<T>::outputs() const {
  std::vector<Slot> r = written_;
  std::erase_if(r, [&](Slot s) { return std::find(gone_.begin(), gone_.end(), s) != gone_.end(); });
  return r;
}

template <class T>
std::string StaticCluster<T>::key(const std::vector<Slot>& outputs) const {
  std::string k;
  append(k, elements_);
  append(k, inputs_.size());
  for (const bool r : repeated_) append(k, r);
  for (const Operation& o : operations_) {
    append(k, o.kind);
    append(k, o.formula.rule);
    append(k, o.formula.functor.get());
    for (const Value v : o.x) append(k, v);
    append(k, o.y);
    append(k, o.gy);
    append(k, o.wanted);
    append(k, o.needed);
  }
  for (const Slot s : outputs) append(k, now_.at(s));
  return k;
}

template <class T>
std::shared_ptr<const Fused<T>> StaticCluster<T>::make(const std::vector<Slot>& outputs) const {
  auto f = std::make_shared<Fused<T>>(room_of<T>(elements_), repeated_);
  const auto at = [&](Value v) {
    return (v & kOperation) != 0 ? static_cast<Value>(inputs_.size()) + (v & ~kOperation) : v;
  };
  for (const Operation& o : operations_) {
    std::vector<Value> x;
    for (const Value v : o.x) x.push_back(at(v));
    if (o.kind == Operation::Kind::sum) {
      f->sum(x[0], x[1]);
    } else if (o.kind == Operation::Kind::forward) {
      f->forward(*o.formula.rule, functor_of(o.formula), x);
    } else {
      f->gradient(*o.formula.rule, functor_of(o.formula), x, at(o.y), at(o.gy), o.wanted, o.needed);
    }
  }
  for (const Slot s : outputs) f->output(at(now_.at(s)));
  f->finish();
  return f;
}

template <class T>
void StaticCluster<T>::flush() {
  const std::vector<Slot> written = outputs();
  std::shared_ptr<const Fused<T>> program;
  if (formulas_ > 1 && !inputs_.empty() && !written.empty()) {
    auto& known = programs_[key(written)];
    if (known == nullptr) known = make(written);
    program = known;
  }
  if (program != nullptr && program->has_code()) {
    auto call = std::make_unique<FusedInstructionCall<T>>();
    call->program = std::move(program);
    for (const Operation& o : operations_) call->formulas.push_back(o.formula);
    call->slots = inputs_;
    call->slots.insert(call->slots.end(), written.begin(), written.end());
    to_.push_back(std::move(call));
  } else {
    for (auto& i : originals_) to_.push_back(std::move(i));
  }
  clear();
}

template <class T>
void StaticCluster<T>::clear() {
  originals_.clear();
  formulas_ = 0;
  inputs_.clear();
  written_.clear();
  gone_.clear();
  repeated_.clear();
  operations_.clear();
  now_.clear();
}

template class StaticCluster<float>;
template class StaticCluster<double>;
template struct FusedInstructionCall<float>;
template struct FusedInstructionCall<double>;

}  // namespace xgrad::detail
