#include "xgrad/compile/static_emit.hpp"

#include <algorithm>
#include <string_view>

#include "xgrad/autograd/elementwise_loop.hpp"
#include "xgrad/compile/static_axes.hpp"

namespace xgrad::detail {

template <class T>
StaticEmitter<T>::StaticEmitter(const std::vector<RecordedStep>& steps,
                                const std::vector<RecordedValue>& values)
    : steps_(steps),
      values_(values),
      here_(values.size(), false),
      escapes_(values.size(), false),
      slots_(values.size(), kNoSlot),
      gradients_(values.size(), kNoSlot),
      gradient_begins_(values.size()),
      given_(values.size(), false) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (can_do(i)) here_[steps[i].outputs[0]] = true;
  }
  layout_.one = place_at(room_for(1));
}

// --- What can be done ---

template <class T>
auto StaticEmitter<T>::made_by(std::size_t step) const -> Made {
  const RecordedStep& s = steps_[step];
  if (const auto* f = dynamic_cast<const FormulaStep<T>*>(s.step.get()))
    return {f, nullptr, nullptr, &f->operands, f->result};
  if (const auto* a = dynamic_cast<const AgainStep<T>*>(s.step.get())) {
    const auto* const arrays = std::get_if<std::shared_ptr<const ArrayOperation<T>>>(&s.arrays);
    return {nullptr, &s.description, arrays != nullptr ? *arrays : nullptr, &a->operands,
            a->result};
  }
  return {};
}

template <class T>
bool StaticEmitter<T>::can_do(std::size_t step) const {
  const RecordedStep& s = steps_[step];
  if (s.changes_state || s.draws || s.untold) return false;
  const Made m = made_by(step);
  if (m.operands == nullptr || m.count() == 0) return false;
  const std::size_t n = elements_of(m.y);
  if (n == 0 || n > kStaticNumbers) return false;
  for (const Operand<T>& o : *m.operands) {
    if (o.value == kNoValue || elements_of(o.value) == 0) return false;
  }
  if (m.arrays != nullptr) return can_do_arrays(m);
  return m.formula != nullptr ? can_do_formula(m) : can_do_described(m);
}

template <class T>
bool StaticEmitter<T>::may_need_tape(std::size_t step) const {
  const ArrayOperation<T>* const a = arrays_in<T>(steps_[step].arrays);
  return a != nullptr && a->may_need_tape;
}

// One operand is a leaf of more numbers than the other, and so gets its gradient in another way.
template <class T>
bool StaticEmitter<T>::is_wide_leaf(const Made& m) const {
  const std::uint32_t a = m.value(0), b = m.value(1);
  if (elements_of(a) == elements_of(b) || !needs_gradient(a) || !needs_gradient(b)) return false;
  return is_from_outside(elements_of(a) > elements_of(b) ? a : b);
}

template <class T>
bool StaticEmitter<T>::can_do_formula(const Made& m) const {
  if (m.count() > kernels::kMaxInputs) return false;
  const Shape& y = shape_of(m.y);
  const Shape* shapes[kernels::kMaxInputs];
  bool same = true;
  for (std::size_t i = 0; i < m.count(); ++i) {
    shapes[i] = &shape_of(m.value(i));
    same = same && *shapes[i] == y;
  }
  if (same || !needs_gradient(m.y)) return true;
  const auto& rule = *m.formula->formula.rule;
  if (rule.backward != &elementwise_backward<T>) {  // gradients that are given on as they are
    const std::string_view name = rule.name;
    if ((name != "add" && name != "subtract") || m.count() != 2 || is_wide_leaf(m)) return false;
    return has_one_sum(y, *shapes[0]) && has_one_sum(y, *shapes[1]);
  }
  kernels::Loop loop;
  build_loop(loop, y, shapes, m.count());
  for (std::size_t axis = 0; axis < loop.rank; ++axis) {
    if (pieces_by_length(loop, axis) > 1) return false;
  }
  return true;
}

template <class T>
bool StaticEmitter<T>::can_do_described(const Made& m) const {
  const Description& d = *m.description;
  const Shape &x = shape_of(m.value(0)), &y = shape_of(m.y);
  if (std::holds_alternative<BroadcastDescription>(d)) return has_one_sum(y, x);
  if (std::holds_alternative<SumToDescription>(d)) return has_one_sum(x, y);
  if (const auto* j = std::get_if<JoinDescription>(&d)) return j->lattices.size() == m.count();
  // The gradients of a product of vectors are no products of matrices.
  if (std::holds_alternative<ProductDescription>(d)) return x.rank() >= 2 || !needs_gradient(m.y);
  return std::holds_alternative<ViewDescription>(d) || std::holds_alternative<TakeDescription>(d) ||
         std::holds_alternative<PlaceDescription>(d) || std::holds_alternative<SumDescription>(d) ||
         std::holds_alternative<LinearDescription>(d);
}

template <class T>
bool StaticEmitter<T>::is_view(std::size_t step) const {
  return std::holds_alternative<ViewDescription>(steps_[step].description);
}

template <class T>
void StaticEmitter<T>::leave(std::size_t step) {
  here_[steps_[step].outputs[0]] = false;
}

// --- Where numbers are ---

template <class T>
std::size_t StaticEmitter<T>::room_for(std::size_t elements) {
  const std::size_t room = room_of<T>(elements), step = std::min(room, kLine<T>);
  const std::size_t begin = (layout_.numbers + step - 1) / step * step;
  layout_.numbers = begin + room;
  return begin;
}

// Numbers that are copied to have room behind them.
template <class T>
std::size_t StaticEmitter<T>::copied(std::size_t elements) {
  return elements > kStaticNumbers || elements == room_of<T>(elements) ? 0 : elements;
}

template <class T>
Slot StaticEmitter<T>::place_at(std::size_t begin) {
  const Slot s = new_slot();
  layout_.begins.push_back({s, begin});
  return s;
}

// Of a tensor from outside, or a value that was made before.
template <class T>
Slot StaticEmitter<T>::slot_of(const Operand<T>& o) {
  Slot& s = slots_[o.value];
  if (s != kNoSlot) return s;
  const std::size_t n = copied(elements_of(o.value));
  s = n != 0 ? place_at(room_for(n)) : new_slot();
  now_->reads.push_back({s, o, n});
  read_.push_back(o.value);
  if (values_[o.value].shown.kind != GraphValue::Kind::result && outside_of_.count(o.value) == 0) {
    outside_of_[o.value] = outside_.size();
    outside_.push_back({o, shape_of(o.value), needs_gradient(o.value)});
  }
  return s;
}

// What is changed now is read anew, also by those who share its memory.
template <class T>
void StaticEmitter<T>::forget_outside() {
  for (const std::uint32_t v : std::exchange(read_, {})) slots_[v] = kNoSlot;
}

template <class T>
Slot StaticEmitter<T>::read(const Operand<T>& o) {
  if (is_from_outside(o.value) || escapes_[o.value]) touched_.push_back(o.value);
  return slot_of(o);
}

// A tensor for the value `result`, with the elements of v.
template <class T>
Slot StaticEmitter<T>::let_escape_now(std::uint32_t v, std::uint32_t result, bool released) {
  const std::size_t n = copied(elements_of(v));
  const Slot s = n != 0 ? place_at(room_for(n)) : new_slot();
  now_->escapes.push_back({s, result, shape_of(v), n, released});
  return s;
}

template <class T>
Slot StaticEmitter<T>::make(std::uint32_t v) {
  Slot& s = slots_[v];
  if (!escapes_[v]) return s = place_at(room_for(elements_of(v)));
  return s = let_escape_now(v, v, needs_gradient(v));
}

// --- There ---

template <class T>
RecordedStep StaticEmitter<T>::finished(std::shared_ptr<StaticStep<T>> step) {
  RecordedStep r;
  r.name = "static";
  r.inputs = std::exchange(touched_, {});
  std::sort(r.inputs.begin(), r.inputs.end());
  r.inputs.erase(std::unique(r.inputs.begin(), r.inputs.end()), r.inputs.end());
  for (const auto& e : step->escapes) r.outputs.push_back(e.value);
  r.step = std::move(step);
  return r;
}

template <class T>
RecordedStep StaticEmitter<T>::forward(std::size_t begin, std::size_t end) {
  auto step = std::make_shared<StaticStep<T>>();
  now_ = step.get();
  write_to(step->instructions);
  for (std::size_t i = begin; i < end; ++i) {
    const Made m = made_by(i);
    if (m.arrays != nullptr) {
      emit_arrays(m);
    } else {
      m.formula != nullptr ? emit_formula(m) : emit(m);
    }
  }
  cluster_->flush();
  return finished(std::move(step));
}

template <class T>
void StaticEmitter<T>::write_to(StaticInstructions<T>& to) {
  to_ = &to;
  cluster_.emplace(to, programs_);
}

// All operands have as many elements as y, or one.
template <class T>
bool StaticEmitter<T>::is_of(const Shape& y, const Made& m, std::vector<bool>& repeated) const {
  for (std::size_t i = 0; i < m.count(); ++i) {
    const std::size_t n = elements_of(m.value(i));
    if (n != 1 && n != y.elements()) return false;
    repeated.push_back(n != y.elements());
  }
  return true;
}

template <class T>
void StaticEmitter<T>::emit_formula(const Made& m) {
  FormulaInstruction<T> f;
  f.formula = m.formula->formula;
  const Shape* shapes[kernels::kMaxInputs];
  bool same = true;
  for (std::size_t i = 0; i < m.count(); ++i) {
    f.x.push_back(read((*m.operands)[i]));
    shapes[i] = &shape_of(m.value(i));
    same = same && *shapes[i] == *shapes[0];
  }
  same ? build_loop(f.loop, elements_of(m.y), m.count())
       : build_loop(f.loop, shape_of(m.y), shapes, m.count());
  f.y = make(m.y);
  std::vector<bool> repeated;
  if (m.count() <= 2 && is_of(shape_of(m.y), m, repeated)) {
    cluster_->forward(std::move(f), elements_of(m.y), repeated);
  } else {
    add(std::move(f));
  }
}

template <class T>
void StaticEmitter<T>::copy(Slot from, Slot to, Landing landing, std::size_t elements,
                            bool negated) {
  CopyInstruction<T> c;
  c.x = from;
  c.y = to;
  c.landing = landing;
  c.elements = elements;
  c.negated = negated;
  cluster_->copy(std::move(c));
}

template <class T>
void StaticEmitter<T>::spread_to(Slot from, const Shape& narrow, Slot to, const Shape& wide,
                                 Landing landing) {
  ReadInstruction<T> r;
  r.lattice = repeated_lattice(narrow, wide);
  r.x = from;
  r.y = to;
  r.landing = landing;
  add(std::move(r));
}

template <class T>
void StaticEmitter<T>::sum_into(Slot from, const Shape& wide, Slot to, const Shape& narrow,
                                Landing landing) {
  const auto groups = summed_axes(wide, narrow);
  if (groups.empty()) return copy(from, to, landing, narrow.elements());
  const bool direct = landing == Landing::store;
  SumInstruction<T> s;
  s.view = groups[0];
  s.scale = 1;
  s.x = from;
  s.y = direct ? to : place_at(room_for(narrow.elements()));
  const Slot sum = s.y;
  add(std::move(s));
  if (!direct) copy(sum, to, landing, narrow.elements());
}

template <class T>
void StaticEmitter<T>::emit(const Made& m) {
  const Operand<T>& first = (*m.operands)[0];
  const Slot x = read(first);
  const Shape &from = shape_of(first.value), &to = shape_of(m.y);
  const Description& d = *m.description;
  if (std::holds_alternative<ViewDescription>(d)) {
    slots_[m.y] = x;
  } else if (const auto* take = std::get_if<TakeDescription>(&d)) {
    ReadInstruction<T> r;
    r.lattice = take->lattice;
    r.x = x;
    r.y = make(m.y);
    r.landing = Landing::store;
    add(std::move(r));
  } else if (const auto* place = std::get_if<PlaceDescription>(&d)) {
    WriteInstruction<T> w;
    w.lattice = place->lattice;
    w.x = x;
    w.y = make(m.y);
    w.landing = Landing::store;
    w.fills = !place->complete;
    w.fill = static_cast<T>(place->fill);
    w.elements = elements_of(m.y);
    add(std::move(w));
  } else if (const auto* join = std::get_if<JoinDescription>(&d)) {
    const Slot y = make(m.y);
    for (std::size_t i = 0; i < m.count(); ++i) {
      WriteInstruction<T> w;
      w.lattice = join->lattices[i];
      w.x = read((*m.operands)[i]);
      w.y = y;
      w.landing = Landing::store;
      w.fills = false;
      add(std::move(w));
    }
  } else if (const auto* sum = std::get_if<SumDescription>(&d)) {
    SumInstruction<T> s;
    s.view = sum->view;
    s.scale = sum->scale;
    s.x = x;
    s.y = make(m.y);
    add(std::move(s));
  } else if (std::holds_alternative<BroadcastDescription>(d)) {
    spread_to(x, from, make(m.y), to, Landing::store);
  } else if (std::holds_alternative<SumToDescription>(d)) {
    sum_into(x, from, make(m.y), to, Landing::store);
  } else if (const auto* p = std::get_if<ProductDescription>(&d)) {
    const Slot b = read((*m.operands)[1]);
    ProductInstruction<T> product;
    product.products.push_back({p->transpose_a, p->transpose_b, p->count, p->m, p->n, p->k, x, b,
                                make(m.y), kNoSlot, Landing::store});
    add(std::move(product));
  } else if (const auto* l = std::get_if<LinearDescription>(&d)) {
    const Slot w = read((*m.operands)[1]);
    const Slot bias = m.count() > 2 ? read((*m.operands)[2]) : kNoSlot;
    ProductInstruction<T> product;
    product.products.push_back(
        {false, true, 1, l->m, l->n, l->k, x, w, make(m.y), bias, Landing::store});
    add(std::move(product));
  }
}

template <class T>
std::shared_ptr<const StaticGround> StaticEmitter<T>::ground() {
  auto region = std::make_shared<StaticRegion<T>>(
      std::move(outside_), std::make_unique<StaticFrames<T>>(std::move(layout_)));
  if (pass_ != nullptr) pass_->region = region.get();
  return region;
}

#define XGRAD_INSTANTIATE(T)                                                                  \
  template StaticEmitter<T>::StaticEmitter(const std::vector<RecordedStep>&,                  \
                                           const std::vector<RecordedValue>&);                \
  template bool StaticEmitter<T>::can_do(std::size_t) const;                                  \
  template bool StaticEmitter<T>::may_need_tape(std::size_t) const;                           \
  template bool StaticEmitter<T>::is_view(std::size_t) const;                                 \
  template void StaticEmitter<T>::leave(std::size_t);                                         \
  template void StaticEmitter<T>::forget_outside();                                           \
  template RecordedStep StaticEmitter<T>::forward(std::size_t, std::size_t);                  \
  template std::shared_ptr<const StaticGround> StaticEmitter<T>::ground();                    \
  template Slot StaticEmitter<T>::place_at(std::size_t);                                      \
  template std::size_t StaticEmitter<T>::room_for(std::size_t);                               \
  template std::size_t StaticEmitter<T>::copied(std::size_t);                                 \
  template Slot StaticEmitter<T>::read(const Operand<T>&);                                    \
  template Slot StaticEmitter<T>::let_escape_now(std::uint32_t, std::uint32_t, bool);         \
  template void StaticEmitter<T>::write_to(StaticInstructions<T>&);                           \
  template bool StaticEmitter<T>::is_of(const Shape&, const Made&, std::vector<bool>&) const; \
  template void StaticEmitter<T>::copy(Slot, Slot, Landing, std::size_t, bool);               \
  template void StaticEmitter<T>::spread_to(Slot, const Shape&, Slot, const Shape&, Landing); \
  template void StaticEmitter<T>::sum_into(Slot, const Shape&, Slot, const Shape&, Landing);  \
  template Slot StaticEmitter<T>::make(std::uint32_t);                                        \
  template auto StaticEmitter<T>::made_by(std::size_t) const->Made;                           \
  template RecordedStep StaticEmitter<T>::finished(std::shared_ptr<StaticStep<T>>);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
