// Saving and restoring an optimizer.

#include "xgrad/base/text.hpp"
#include "xgrad/optimizers/optimizer.hpp"

namespace xgrad {

template <class T>
void Optimizer<T>::visit_numbers(const Visitor& visit) {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    visit("group " + detail::text(i) + "/learning_rate", groups_[i].learning_rate);
  }
  for (Slot& s : slots_) visit(s.name + "/steps", s.steps);
}

template <class T>
NamedTensors<T> Optimizer<T>::state_tensors() const {
  NamedTensors<T> r;
  for (const Slot& s : slots_) {
    if (s.steps == 0) continue;
    const std::vector<std::string> names = state_names(s.group);
    for (std::size_t i = 0; i < names.size(); ++i)
      r.push_back({s.name + "/" + names[i], s.state[i]});
  }
  return r;
}

template <class T>
detail::StateShapes Optimizer<T>::expected_tensors(const StateNumbers& numbers) const {
  detail::StateShapes r;
  for (const Slot& s : slots_) {
    const auto steps = numbers.find(s.name + "/steps");
    if (steps == numbers.end() || steps->second == 0) continue;
    for (const std::string& name : state_names(s.group)) {
      r.emplace(s.name + "/" + name, s.tensor.shape());
    }
  }
  return r;
}

template <class T>
void Optimizer<T>::restore_tensors(const detail::StateTensors<T>& tensors) {
  for (Slot& s : slots_) {
    s.state.clear();
    if (s.steps == 0) continue;
    for (const std::string& name : state_names(s.group)) {
      s.state.push_back(tensors.at(s.name + "/" + name));
    }
  }
}

template <class T>
StateNumbers Optimizer<T>::numbers() const {
  StateNumbers r;
  const_cast<Optimizer*>(this)->visit_numbers(  // the visitor only reads
      [&](const std::string& name, double& number) { r.emplace(name, number); });
  return r;
}

template <class T>
OptimizerState<T> Optimizer<T>::state_dict() const {
  OptimizerState<T> r;
  NamedTensors<T> tensors = state_tensors();
  for (NamedTensor<T>& t : tensors) {
    r.tensors.push_back({type_name_ + "/" + t.name, t.tensor.clone()});
    t.tensor = Tensor<T>();  // one that was made for this is there no longer than it has to be
  }
  r.numbers = detail::with_prefix(numbers(), type_name_);
  return r;
}

template <class T>
void Optimizer<T>::load_state_dict(const OptimizerState<T>& state) {
  auto tensors = detail::own_tensors(state.tensors, type_name_);
  const StateNumbers given = detail::own_numbers(state.numbers, type_name_);
  detail::check_state(type_name_, numbers(), given, expected_tensors(given), tensors);
  for (auto& [name, tensor] : tensors) tensor = tensor.clone();
  visit_numbers([&](const std::string& name, double& number) { number = given.at(name); });
  restore_tensors(tensors);
}

#define XGRAD_INSTANTIATE(T)                                                              \
  template void Optimizer<T>::visit_numbers(const Visitor&);                              \
  template NamedTensors<T> Optimizer<T>::state_tensors() const;                           \
  template detail::StateShapes Optimizer<T>::expected_tensors(const StateNumbers&) const; \
  template void Optimizer<T>::restore_tensors(const detail::StateTensors<T>&);            \
  template StateNumbers Optimizer<T>::numbers() const;                                    \
  template OptimizerState<T> Optimizer<T>::state_dict() const;                            \
  template void Optimizer<T>::load_state_dict(const OptimizerState<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
