// Operations that say what they do on arrays (autograd/array_operation.hpp).

#include "xgrad/compile/static_emit.hpp"

namespace xgrad::detail {

// Each operand that has a gradient is another tensor: what is gathered for one of them is gathered in order.
template <class T>
bool StaticEmitter<T>::can_do_arrays(const Made& m) const {
  if (m.count() > kMaxArrays) return false;
  for (std::size_t i = 0; i < m.count(); ++i) {
    const std::uint32_t v = m.value(i);
    if (!needs_gradient(m.y) || !needs_gradient(v)) continue;
    if ((m.arrays->gradients >> i & 1U) == 0) return false;
    for (std::size_t k = 0; k < i; ++k) {
      if (m.value(k) == v) return false;
    }
  }
  return true;
}

template <class T>
void StaticEmitter<T>::emit_arrays(const Made& m) {
  ArrayInstruction<T> a;
  a.operation = m.arrays;
  for (const Operand<T>& o : *m.operands) a.x.push_back(read(o));
  if (m.arrays->kept != 0) a.kept = kept_[m.y] = place_at(room_for(m.arrays->kept));
  a.y = make(m.y);
  add(std::move(a));
}

template <class T>
void StaticEmitter<T>::back_arrays(const Made& m, unsigned wanted) {
  ArrayGradient<T> g;
  g.operation = m.arrays;
  for (const Operand<T>& o : *m.operands) g.x.push_back(read(o));
  if (escapes_[m.y]) touched_.push_back(m.y);
  g.y = slots_[m.y];
  g.gy = gradient_of(m.y);
  if (m.arrays->kept != 0) g.kept = kept_.at(m.y);
  for (std::size_t i = 0; i < m.count(); ++i) {
    auto& target = g.targets.emplace_back();
    if ((wanted >> i & 1U) == 0) continue;
    const std::uint32_t v = m.value(i);
    target = {gradient_of(v), kNoSlot, elements_of(v)};
    if (landing(v) == Landing::store) continue;
    if ((m.arrays->apart >> i & 1U) == 0) {
      g.adds |= 1U << i;
    } else {
      target.apart = place_at(room_for(elements_of(v)));
    }
  }
  add(std::move(g));
}

#define XGRAD_INSTANTIATE(T)                                        \
  template bool StaticEmitter<T>::can_do_arrays(const Made&) const; \
  template void StaticEmitter<T>::emit_arrays(const Made&);         \
  template void StaticEmitter<T>::back_arrays(const Made&, unsigned);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
