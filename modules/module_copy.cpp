// Module::copy_state: the state of one module into another of the same structure.

#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "xgrad/base/errors.hpp"
#include "xgrad/modules/module.hpp"

namespace xgrad {

template <class T>
struct Module<T>::Copy {
  std::vector<std::pair<Slot*, const Slot*>> slots;
  std::vector<std::pair<Module*, bool>> modes;
};

template <class T>
void Module<T>::plan_copy(const Module& other, Copy& copy) {
  const auto differ = [&](const std::string& here, const std::string& there) {
    detail::fail("copy_state", "the structures differ: ", here, " here, ", there, " there",
                 place());
  };
  const auto counts = [](const Module& m) {
    return detail::text(m.children_.size()) + " modules and " + detail::text(m.slots_.size()) +
           " tensors";
  };
  const auto text = [](const Slot& s) {
    const Tensor<T>& t = s.place.kept();
    return s.place.name() + " " + (t.defined() ? to_string(t.shape()) : "undefined");
  };
  if (counts(*this) != counts(other)) differ(counts(*this), counts(other));
  copy.modes.emplace_back(this, other.training_);
  auto theirs = other.slots_.begin();
  for (Slot& mine : slots_) {
    if (mine.kind != Kind::derived && text(mine) != text(*theirs))
      differ(text(mine), text(*theirs));
    copy.slots.emplace_back(&mine, &*theirs++);
  }
  for (std::size_t i = 0; i < children_.size(); ++i) {
    children_[i]->plan_copy(*other.children_[i], copy);
  }
}

template <class T>
void Module<T>::copy_state(const Module& other) {
  Copy copy;
  plan_copy(other, copy);
  std::unordered_map<const void*, Tensor<T>> copied;  // by the tensor it is copied from
  std::unordered_set<const void*> taken;
  for (const auto& [mine, theirs] : copy.slots) {
    const Tensor<T>& from = theirs->place.kept();
    if (!from.defined() || theirs->kind == Kind::derived) continue;
    auto [it, first] = copied.try_emplace(from.node(), mine->place.kept());
    if (first) {
      if (!taken.insert(it->second.node()).second) it->second = from.clone();
      it->second.set_value(from.value());
      it->second.requires_grad_(from.requires_grad());
    }
    mine->place.rebind(it->second);
  }
  for (const auto& [module, training] : copy.modes) module->set_training(training);
}

#define XGRAD_INSTANTIATE(T)                                           \
  template void Module<T>::plan_copy(const Module&, Module<T>::Copy&); \
  template void Module<T>::copy_state(const Module&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
