// The pass back of a program without the tape: the gradients that the rules of the operations compute, by the
// same kernels in the same order.

#include <algorithm>
#include <string_view>

#include "xgrad/autograd/elementwise_loop.hpp"
#include "xgrad/compile/static_emit.hpp"

namespace xgrad::detail {

// Leaves get theirs where the user finds it, tensors that are asked for in a tensor of its own.
template <class T>
Slot StaticEmitter<T>::gradient_of(std::uint32_t v) {
  Slot& s = gradients_[v];
  if (s != kNoSlot) return s;
  const auto sink = std::find(sinks_.begin(), sinks_.end(), v);
  if (sink != sinks_.end()) {
    const std::uint32_t result = sink_results_[static_cast<std::size_t>(sink - sinks_.begin())];
    if (result == kNoValue) return s = place_at(room_for(elements_of(v)));
    return s = let_escape_now(v, result, false);
  }
  if (is_from_outside(v)) {
    StaticOutside<T>& leaf = outside_[outside_of_.at(v)];
    touched_.push_back(v);
    if (leaf.gradient != kNoSlot) return s = leaf.gradient;
    leaf.copied = copied(elements_of(v));
    return s = leaf.gradient = leaf.copied != 0 ? place_at(room_for(leaf.copied)) : new_slot();
  }
  auto& free = free_[elements_of(v)];
  if (free.empty()) free.push_back(room_for(elements_of(v)));
  gradient_begins_[v] = free.back();
  free.pop_back();
  return s = place_at(gradient_begins_[v]);
}

template <class T>
Landing StaticEmitter<T>::landing(std::uint32_t v) {
  const bool has = started_[v] || (leaves_have_ && is_from_outside(v) && !is_sink(v));
  started_[v] = true;
  return has ? Landing::add : Landing::store;
}

// The gradient of a value is complete and was used.
template <class T>
void StaticEmitter<T>::free_gradient(std::uint32_t v) {
  if (is_sink(v) || given_[v]) return;
  cluster_->let_go(gradients_[v]);
  free_[elements_of(v)].push_back(gradient_begins_[v]);
}

// Whether v may have the memory of the gradient of `from`, which is not used any more.
template <class T>
bool StaticEmitter<T>::may_take(std::uint32_t v, std::uint32_t from) const {
  return gradients_[v] == kNoSlot && !is_from_outside(v) && !is_sink(v) && !is_sink(from) &&
         !given_[from] && elements_of(v) == elements_of(from);
}

// The gradient gy of `from`, as it is, to v; for its last use.
template <class T>
void StaticEmitter<T>::give(Slot gy, std::uint32_t from, std::uint32_t v) {
  if (!may_take(v, from)) return copy(gy, gradient_of(v), landing(v), elements_of(v));
  gradients_[v] = gy;
  gradient_begins_[v] = gradient_begins_[from];
  started_[v] = given_[from] = true;
}

template <class T>
void StaticEmitter<T>::begin_pass(const std::vector<std::uint32_t>& sinks,
                                  const std::vector<std::uint32_t>& results) {
  sinks_ = sinks;
  sink_results_ = results;
  pass_ = std::make_shared<StaticPass<T>>();
  now_ = pass_.get();
}

template <class T>
void StaticEmitter<T>::begin_way(bool leaves_have_gradients) {
  leaves_have_ = leaves_have_gradients;
  write_to(leaves_have_ ? pass_->adding : pass_->instructions);
  free_.clear();
  std::fill(gradients_.begin(), gradients_.end(), kNoSlot);
  std::fill(given_.begin(), given_.end(), false);
  started_.assign(values_.size(), false);
}

template <class T>
bool StaticEmitter<T>::has_leaves() const {
  return std::any_of(outside_.begin(), outside_.end(),
                     [](const auto& o) { return o.gradient != kNoSlot; });
}

template <class T>
void StaticEmitter<T>::start(const Operand<T>& output, const Operand<T>& seed) {
  const std::uint32_t v = output.value;
  const Slot from = seed.value == kNoValue ? layout_.one : read(seed);
  copy(from, gradient_of(v), landing(v), elements_of(v));
}

template <class T>
void StaticEmitter<T>::back_through(std::size_t step, const std::vector<bool>& wanted) {
  const Made m = made_by(step);
  unsigned mask = 0;
  for (std::size_t i = 0; i < m.count() && i < 32; ++i)
    mask |= static_cast<unsigned>(wanted[m.value(i)]) << i;
  if (mask != 0 && m.arrays != nullptr) {
    back_arrays(m, mask);
  } else if (mask != 0) {
    m.formula != nullptr ? back_formula(m, mask) : back_described(m, mask);
  }
  free_gradient(m.y);
}

// As the vjp of add and subtract: the gradient itself, summed where an operand was repeated.
template <class T>
bool StaticEmitter<T>::back_shared(const Made& m, unsigned wanted) {
  const auto& rule = *m.formula->formula.rule;
  if (rule.backward == &elementwise_backward<T> || m.count() != 2) return false;
  const bool subtracts = std::string_view(rule.name) == "subtract";
  if (!subtracts && std::string_view(rule.name) != "add") return false;
  if (subtracts && (wanted & 1U) == 0) return false;
  const Slot gy = gradient_of(m.y);
  for (const Operand<T>& o : *m.operands) read(o);
  const std::uint32_t v = m.value(0);
  if (v == m.value(1)) {  // one after the other
    copy(gy, gradient_of(v), landing(v), elements_of(v));
    copy(gy, gradient_of(v), landing(v), elements_of(v), subtracts);
    return true;
  }
  if ((wanted & 2U) != 0) back_second(m, gy, subtracts, (wanted & 1U) == 0);
  if ((wanted & 1U) == 0) return true;
  const Shape &x = shape_of(v), &y = shape_of(m.y);
  x == y ? give(gy, m.y, v) : sum_into(gy, y, gradient_of(v), x, landing(v));
  return true;
}

// It comes before the first, which may take the memory.
template <class T>
void StaticEmitter<T>::back_second(const Made& m, Slot gy, bool negated, bool last) {
  const std::uint32_t v = m.value(1);
  const Shape &x = shape_of(v), &y = shape_of(m.y);
  if (x == y) {
    if (!negated && last) return give(gy, m.y, v);
    return copy(gy, gradient_of(v), landing(v), y.elements(), negated);
  }
  Slot from = gy;
  if (negated) {
    from = place_at(room_for(y.elements()));
    copy(gy, from, Landing::store, y.elements(), true);
  }
  sum_into(from, y, gradient_of(v), x, landing(v));
}

template <class T>
void StaticEmitter<T>::back_formula(const Made& m, unsigned wanted) {
  if (back_shared(m, wanted)) return;
  FormulaGradient<T> g;
  g.formula = m.formula->formula;
  const Shape* shapes[kernels::kMaxInputs];
  bool same = true;
  unsigned needed = 0;
  for (std::size_t i = 0; i < m.count(); ++i) {
    shapes[i] = &shape_of(m.value(i));
    same = same && *shapes[i] == shape_of(m.y);
    needed |= static_cast<unsigned>(needs_gradient(m.value(i))) << i;
    g.x.push_back(read((*m.operands)[i]));
  }
  same ? build_loop(g.loop, elements_of(m.y), m.count())
       : build_loop(g.loop, shape_of(m.y), shapes, m.count());
  if (escapes_[m.y]) touched_.push_back(m.y);
  g.y = slots_[m.y];
  g.gy = gradient_of(m.y);
  g.wanted = wanted;
  g.saves_y = g.formula.rule->saves(needed).output;
  bool sums = false;
  for (std::size_t i = 0; i < m.count(); ++i) {
    const bool wants = (wanted >> i & 1U) != 0, is_repeated = *shapes[i] != shape_of(m.y);
    const std::uint32_t v = m.value(i);
    g.gx.push_back(wants ? gradient_of(v) : kNoSlot);
    if (wants && landing(v) == Landing::add) g.adds |= 1U << i;
    g.elements.push_back(is_repeated ? shapes[i]->elements() : 0);
    if (!wants) continue;
    sums = sums || is_repeated;  // 0 plus the gradient, also of one number
    const Saves reads = g.formula.rule->saves(1U << i);
    g.reads_x |= reads.inputs;
    g.reads_y = g.reads_y || reads.output;
  }
  std::vector<bool> repeated;
  if (!sums && m.count() <= 2 && is_of(shape_of(m.y), m, repeated)) {
    cluster_->gradient(std::move(g), elements_of(m.y), repeated);
  } else {
    add(std::move(g));
  }
}

template <class T>
void StaticEmitter<T>::back_product(const Made& m, const ProductDescription& p, unsigned wanted) {
  const Slot a = read((*m.operands)[0]), b = read((*m.operands)[1]), gy = gradient_of(m.y);
  std::vector<typename ProductInstruction<T>::One> products;
  if ((wanted & 1U) != 0) {
    const Slot c = gradient_of(m.value(0));
    const Landing to = landing(m.value(0));
    if (p.transpose_a) {
      products.push_back({p.transpose_b, true, p.count, p.k, p.m, p.n, b, gy, c, kNoSlot, to});
    } else {
      products.push_back({false, !p.transpose_b, p.count, p.m, p.k, p.n, gy, b, c, kNoSlot, to});
    }
  }
  if ((wanted & 2U) != 0) {
    const Slot c = gradient_of(m.value(1));
    const Landing to = landing(m.value(1));
    if (p.transpose_b) {
      products.push_back({true, p.transpose_a, p.count, p.n, p.k, p.m, gy, a, c, kNoSlot, to});
    } else {
      products.push_back({!p.transpose_a, false, p.count, p.k, p.n, p.m, a, gy, c, kNoSlot, to});
    }
  }
  add_products(std::move(products));
}

// Side by side, unless both add to one gradient.
template <class T>
void StaticEmitter<T>::add_products(std::vector<typename ProductInstruction<T>::One> products) {
  if (products.size() == 2 && products[0].c == products[1].c) {
    for (const auto& p : products) add_products({p});
    return;
  }
  ProductInstruction<T> i;
  i.products = std::move(products);
  if (!i.products.empty()) add(std::move(i));
}

template <class T>
void StaticEmitter<T>::back_linear(const Made& m, const LinearDescription& l, unsigned wanted) {
  const Slot x = read((*m.operands)[0]), w = read((*m.operands)[1]), gy = gradient_of(m.y);
  std::vector<typename ProductInstruction<T>::One> products;
  if ((wanted & 1U) != 0)
    products.push_back({false, false, 1, l.m, l.k, l.n, gy, w, gradient_of(m.value(0)), kNoSlot,
                        landing(m.value(0))});
  if ((wanted & 2U) != 0)
    products.push_back({true, false, 1, l.n, l.k, l.m, gy, x, gradient_of(m.value(1)), kNoSlot,
                        landing(m.value(1))});
  add_products(std::move(products));
  if ((wanted & 4U) == 0) return;
  read((*m.operands)[2]);
  sum_into(gy, shape_of(m.y), gradient_of(m.value(2)), shape_of(m.value(2)), landing(m.value(2)));
}

template <class T>
void StaticEmitter<T>::back_described(const Made& m, unsigned wanted) {
  const Description& d = *m.description;
  if (const auto* p = std::get_if<ProductDescription>(&d)) return back_product(m, *p, wanted);
  if (const auto* l = std::get_if<LinearDescription>(&d)) return back_linear(m, *l, wanted);
  const Slot gy = gradient_of(m.y);
  const Shape& y = shape_of(m.y);
  for (std::size_t i = 0; i < m.count(); ++i) {
    if (i < 32 && (wanted >> i & 1U) == 0) continue;
    const std::uint32_t v = m.value(i);
    read((*m.operands)[i]);
    if (std::holds_alternative<ViewDescription>(d)) {
      give(gy, m.y, v);
      continue;
    }
    const Slot gx = gradient_of(v);
    const Landing to = landing(v);
    if (const auto* take = std::get_if<TakeDescription>(&d)) {
      WriteInstruction<T> w;
      w.lattice = take->lattice;
      w.x = gy;
      w.y = gx;
      w.landing = to;
      w.fills = !take->complete;
      w.elements = elements_of(v);
      add(std::move(w));
    } else if (const auto* s = std::get_if<SumDescription>(&d)) {
      SpreadInstruction<T> spread;
      spread.view = s->view;
      spread.scale = s->scale;
      spread.x = gy;
      spread.y = gx;
      spread.landing = to;
      add(std::move(spread));
    } else if (std::holds_alternative<BroadcastDescription>(d)) {
      sum_into(gy, y, gx, shape_of(v), to);
    } else if (std::holds_alternative<SumToDescription>(d)) {
      spread_to(gy, y, gx, shape_of(v), to);
    } else {
      ReadInstruction<T> r;
      const auto* join = std::get_if<JoinDescription>(&d);
      r.lattice = join != nullptr ? join->lattices[i] : std::get<PlaceDescription>(d).lattice;
      r.x = gy;
      r.y = gx;
      r.landing = to;
      add(std::move(r));
    }
  }
}

template <class T>
RecordedStep StaticEmitter<T>::end_pass() {
  std::shared_ptr<StaticPass<T>> pass = pass_;
  RecordedStep r = finished(std::move(pass));
  r.changes_state = sinks_.empty();
  return r;
}

#define XGRAD_INSTANTIATE(T)                                                           \
  template void StaticEmitter<T>::begin_pass(const std::vector<std::uint32_t>&,        \
                                             const std::vector<std::uint32_t>&);       \
  template void StaticEmitter<T>::begin_way(bool);                                     \
  template bool StaticEmitter<T>::has_leaves() const;                                  \
  template Slot StaticEmitter<T>::gradient_of(std::uint32_t);                          \
  template Landing StaticEmitter<T>::landing(std::uint32_t);                           \
  template void StaticEmitter<T>::start(const Operand<T>&, const Operand<T>&);         \
  template void StaticEmitter<T>::back_through(std::size_t, const std::vector<bool>&); \
  template RecordedStep StaticEmitter<T>::end_pass();
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
