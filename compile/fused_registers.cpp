#include "xgrad/compile/fused_registers.hpp"

#include <algorithm>
#include <utility>

namespace xgrad::detail {

template <class T>
FusedRegisters<T>::FusedRegisters(const FusedSteps<T>& steps, int parts, int registers,
                                  Move to_frame, Move fetch)
    : steps_(steps),
      parts_(parts),
      to_frame_(std::move(to_frame)),
      fetch_(std::move(fetch)),
      uses_(steps.values.size()),
      places_(steps.values.size() * static_cast<std::size_t>(parts)),
      owners_(static_cast<std::size_t>(registers), kNobody) {
  find_uses();
}

template <class T>
void FusedRegisters<T>::find_uses() {
  const std::size_t end = steps_.steps.size();
  for (std::size_t i = 0; i < end; ++i) {
    const FusedStep<T>& step = steps_.steps[i];
    if (step.kind != FusedStep<T>::Kind::call) {
      uses_[step.a].push_back(i);
      if (step.b != step.a) uses_[step.b].push_back(i);
    }
    for (const Value v : step.arguments) uses_[v].push_back(i);
  }
  for (std::size_t o = 0; o < steps_.outputs.size(); ++o) {
    if (steps_.checked[o]) uses_[steps_.outputs[o]].push_back(end);
    uses_[steps_.outputs[o]].push_back(end + 1);
  }
  for (auto& uses : uses_) std::sort(uses.begin(), uses.end());
}

template <class T>
std::size_t FusedRegisters<T>::use_from(Value v, std::size_t step) const {
  const auto next = std::lower_bound(uses_[v].begin(), uses_[v].end(), step);
  return next == uses_[v].end() ? kNever : *next;
}

template <class T>
bool FusedRegisters<T>::is_locked(std::size_t number) const {
  return std::find(locked_.begin(), locked_.end(), static_cast<int>(number)) != locked_.end();
}

template <class T>
std::size_t FusedRegisters<T>::free_or_furthest() const {
  std::size_t best = 0, furthest = 0;
  for (std::size_t r = 0; r < owners_.size(); ++r) {
    if (owners_[r] == kNobody) return r;
    if (is_locked(r)) continue;
    const std::size_t next = use_from(value_of(owners_[r]), now_);
    if (next < furthest) continue;
    best = r;
    furthest = next;
  }
  return best;
}

// What is not read any more is lost; what was not computed can be fetched again.
template <class T>
void FusedRegisters<T>::vacate(std::size_t number) {
  const std::size_t owner = owners_[number];
  if (owner == kNobody) return;
  const Value v = value_of(owner);
  Place& p = places_[owner];
  if (use_from(v, now_) != kNever && !p.in_frame &&
      steps_.values[v].kind == FusedStepValue<T>::Kind::computed) {
    to_frame_(v, part_of(owner), p.number);
    p.in_frame = true;
  }
  release(v, part_of(owner));
}

template <class T>
int FusedRegisters<T>::assign(Value v, int part) {
  const std::size_t number = free_or_furthest();
  vacate(number);
  owners_[number] = index(v, part);
  return places_[index(v, part)].number = static_cast<int>(number);
}

template <class T>
int FusedRegisters<T>::load(Value v, int part) {
  if (!holds(v, part)) fetch_(v, part, assign(v, part));
  locked_.push_back(places_[index(v, part)].number);
  return locked_.back();
}

template <class T>
void FusedRegisters<T>::release(Value v, int part) {
  int& number = places_[index(v, part)].number;
  if (number != kNone) owners_[static_cast<std::size_t>(number)] = kNobody;
  number = kNone;
}

template <class T>
void FusedRegisters<T>::empty() {
  for (std::size_t r = 0; r < owners_.size(); ++r) vacate(r);
}

template <class T>
void FusedRegisters<T>::set_in_frame(Value v) {
  for (int part = 0; part < parts_; ++part) places_[index(v, part)].in_frame = true;
}

template class FusedRegisters<float>;
template class FusedRegisters<double>;

}  // namespace xgrad::detail
