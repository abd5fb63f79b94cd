// Saving and restoring an optimizer.

#include <algorithm>
#include <stdexcept>

#include "xgrad/optimizers/optimizer.hpp"
#include "xgrad/optimizers/text.hpp"

namespace xgrad {
namespace {

// The entries of `all` whose names begin with the prefix, without it.
template <class T>
std::map<std::string, Tensor<T>> own_tensors(const NamedTensors<T>& all,
                                             const std::string& prefix) {
  std::map<std::string, Tensor<T>> r;
  for (const NamedTensor<T>& t : all) {
    if (t.name.starts_with(prefix)) r.emplace(t.name.substr(prefix.size()), t.tensor);
  }
  return r;
}

std::map<std::string, double> own_numbers(const std::map<std::string, double>& all,
                                          const std::string& prefix) {
  std::map<std::string, double> r;
  for (const auto& [name, value] : all) {
    if (name.starts_with(prefix)) r.emplace(name.substr(prefix.size()), value);
  }
  return r;
}

struct Difference {
  std::vector<std::string> missing, unexpected, misshapen;

  void require_none(const std::string& type_name) const {
    std::string wrong;
    if (!missing.empty()) wrong += "; missing: " + detail::join(missing);
    if (!unexpected.empty()) wrong += "; unexpected: " + detail::join(unexpected);
    if (!misshapen.empty()) wrong += "; wrong shape: " + detail::join(misshapen);
    if (wrong.empty()) return;
    throw std::invalid_argument("load_state_dict: " + type_name + ": " + wrong.substr(2));
  }
};

// Names of one map that the other does not have.
template <class A, class B>
void add_absent(const A& names, const B& in, std::vector<std::string>& absent) {
  for (const auto& entry : names) {
    if (!in.contains(entry.first)) absent.push_back(entry.first);
  }
}

}  // namespace

template <class T>
void Optimizer<T>::visit_numbers(const Visitor& visit) {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    visit("group " + std::to_string(i) + "/learning_rate", groups_[i].learning_rate);
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
auto Optimizer<T>::expected_tensors(const Numbers& numbers) const
    -> std::vector<std::pair<std::string, Shape>> {
  std::vector<std::pair<std::string, Shape>> r;
  for (const Slot& s : slots_) {
    const auto steps = numbers.find(s.name + "/steps");
    if (steps == numbers.end() || steps->second == 0) continue;
    for (const std::string& name : state_names(s.group)) {
      r.emplace_back(s.name + "/" + name, s.tensor.shape());
    }
  }
  return r;
}

template <class T>
void Optimizer<T>::restore_tensors(const std::map<std::string, Tensor<T>>& tensors) {
  for (Slot& s : slots_) {
    s.state.clear();
    if (s.steps == 0) continue;
    for (const std::string& name : state_names(s.group)) {
      s.state.push_back(tensors.at(s.name + "/" + name));
    }
  }
}

template <class T>
OptimizerState<T> Optimizer<T>::state_dict() const {
  OptimizerState<T> r;
  for (const NamedTensor<T>& t : state_tensors()) {
    r.tensors.push_back({type_name_ + "/" + t.name, t.tensor.clone()});
  }
  const Visitor keep = [&](const std::string& name, double& number) {
    r.numbers.emplace(type_name_ + "/" + name, number);
  };
  const_cast<Optimizer*>(this)->visit_numbers(keep);  // which only reads
  return r;
}

template <class T>
void Optimizer<T>::load_state_dict(const OptimizerState<T>& state) {
  auto tensors = own_tensors(state.tensors, type_name_ + "/");
  const Numbers numbers = own_numbers(state.numbers, type_name_ + "/");
  Numbers known;
  visit_numbers([&](const std::string& name, double& number) { known.emplace(name, number); });
  std::map<std::string, Shape> shapes;
  for (auto& [name, shape] : expected_tensors(numbers)) shapes.emplace(name, shape);

  Difference d;
  add_absent(known, numbers, d.missing);
  add_absent(shapes, tensors, d.missing);
  add_absent(numbers, known, d.unexpected);
  add_absent(tensors, shapes, d.unexpected);
  for (auto& [name, tensor] : tensors) {
    const auto it = shapes.find(name);
    if (it != shapes.end() && it->second != tensor.shape()) {
      d.misshapen.push_back(name + " " + to_string(it->second) + " given " +
                            to_string(tensor.shape()));
    }
  }
  d.require_none(type_name_);
  for (auto& [name, tensor] : tensors) tensor = tensor.clone();
  visit_numbers([&](const std::string& name, double& number) { number = numbers.at(name); });
  restore_tensors(tensors);
}

#define XGRAD_INSTANTIATE(T)                                                            \
  template void Optimizer<T>::visit_numbers(const Visitor&);                            \
  template NamedTensors<T> Optimizer<T>::state_tensors() const;                         \
  template std::vector<std::pair<std::string, Shape>> Optimizer<T>::expected_tensors(   \
      const Numbers&) const;                                                            \
  template void Optimizer<T>::restore_tensors(const std::map<std::string, Tensor<T>>&); \
  template OptimizerState<T> Optimizer<T>::state_dict() const;                          \
  template void Optimizer<T>::load_state_dict(const OptimizerState<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
