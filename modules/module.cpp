#include "xgrad/modules/module.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "xgrad/base/errors.hpp"

namespace xgrad {
// --- Parameters and state ---

template <class T>
void Module<T>::train(bool on) {
  set_training(on);
  for (const auto& child : children_) child->train(on);
}

template <class T>
void Module<T>::set_training(bool on) {
  training_ = on;
  if (mode_ != nullptr) *mode_ = on;
}

template <class T>
std::shared_ptr<const bool> Module<T>::mode() const {
  static std::mutex mutex;  // several threads may record functions of one module
  const std::lock_guard lock(mutex);
  if (mode_ == nullptr) mode_ = std::make_shared<bool>(training_);
  return mode_;
}

template <class T>
NamedTensors<T> Module<T>::own(Kind kind) const {
  NamedTensors<T> found;
  for (const Slot& s : slots_) {
    const Tensor<T>& t = s.place.kept();
    if (s.kind == kind && t.defined()) found.push_back({s.place.name(), t});
  }
  return found;
}

template <class T>
void Module<T>::collect(const std::string& prefix, Kind kind, NamedTensors<T>& found) const {
  for (const NamedTensor<T>& t : own(kind)) found.push_back({prefix + t.name, t.tensor});
  for (const auto& child : children_) child->collect(prefix + child->name_ + ".", kind, found);
}

namespace {
template <class T>
NamedTensors<T> each_once(NamedTensors<T> all) {
  std::unordered_set<const void*> seen;
  std::erase_if(all, [&](const NamedTensor<T>& t) { return !seen.insert(t.tensor.node()).second; });
  return all;
}
}  // namespace

template <class T>
NamedTensors<T> Module<T>::parameters() const {
  NamedTensors<T> found;
  collect("", Kind::parameter, found);
  return each_once(std::move(found));
}

template <class T>
NamedTensors<T> Module<T>::buffers() const {
  NamedTensors<T> found;
  collect("", Kind::buffer, found);
  return each_once(std::move(found));
}

template <class T>
NamedTensors<T> Module<T>::state_dict() const {
  NamedTensors<T> found;
  collect("", Kind::parameter, found);
  collect("", Kind::buffer, found);
  return each_once(std::move(found));
}

template <class T>
Tensor<T> Module<T>::at(const std::string& path) const {
  if (const Slot* s = find(path)) return s->place.kept();
  detail::fail<std::out_of_range>(type_name(), "there is no parameter or buffer ",
                                  detail::quote(path));
}

template <class T>
auto Module<T>::find(const std::string& path) const -> const Slot* {
  const std::size_t dot = path.find('.');
  if (dot != std::string::npos) {
    const auto is_it = [&](const auto& c) { return path.compare(0, dot, c->name_) == 0; };
    const auto it = std::find_if(children_.begin(), children_.end(), is_it);
    return it == children_.end() ? nullptr : (*it)->find(path.substr(dot + 1));
  }
  for (const Slot& s : slots_) {
    if (s.place.name() == path && s.kind != Kind::derived && s.place.defined()) return &s;
  }
  return nullptr;
}

template <class T>
std::vector<std::vector<std::string>> Module<T>::tied() const {
  NamedTensors<T> all;
  collect("", Kind::parameter, all);
  collect("", Kind::buffer, all);
  std::vector<std::vector<std::string>> groups;
  std::unordered_map<const void*, std::size_t> group_of;
  for (const NamedTensor<T>& t : all) {
    const std::size_t i = group_of.try_emplace(t.tensor.node(), groups.size()).first->second;
    if (i == groups.size()) groups.emplace_back();
    groups[i].push_back(t.name);
  }
  std::erase_if(groups, [](const auto& names) { return names.size() == 1; });
  return groups;
}

template <class T>
void Module<T>::tie(const std::vector<std::string>& names) {
  std::vector<Slot*> slots;
  for (const std::string& name : names) {
    at(name);
    slots.push_back(const_cast<Slot*>(find(name)));
    const Tensor<T>&first = slots[0]->place.kept(), &t = slots.back()->place.kept();
    if (t.shape() == first.shape() && slots[0]->kind == slots.back()->kind) continue;
    detail::fail("tie", "not alike: ", names[0], " ", first.shape(), ", ", name, " ", t.shape());
  }
  for (std::size_t i = 1; i < slots.size(); ++i) slots[i]->place.rebind(slots[0]->place.kept());
}

template <class T>
std::size_t Module<T>::parameter_count() const {
  std::size_t n = 0;
  for (const NamedTensor<T>& p : parameters()) n += p.tensor.size();
  return n;
}

template <class T>
void Module<T>::requires_grad_(bool on) {
  for (NamedTensor<T>& p : parameters()) p.tensor.requires_grad_(on);
}

template <class T>
void Module<T>::zero_grad() {
  for (NamedTensor<T>& p : parameters()) p.tensor.zero_grad();
}

template <class T>
template <class U>
LoadReport Module<T>::load_state_dict(const NamedTensors<U>& state, LoadOptions options) {
  NamedTensors<T> own;
  collect("", Kind::parameter, own);
  collect("", Kind::buffer, own);
  return detail::load_state(type_name(), own, state, options);
}

// --- The tree ---

template <class T>
std::string Module<T>::type_name() const {
  int status = 0;
  char* text = abi::__cxa_demangle(typeid(*this).name(), nullptr, nullptr, &status);
  std::string name = status == 0 ? text : typeid(*this).name();
  std::free(text);
  if (const auto bracket = name.find('<'); bracket != std::string::npos) name.resize(bracket);
  if (const auto colon = name.rfind(':'); colon != std::string::npos) name.erase(0, colon + 1);
  return name;
}

template <class T>
template <class M, class F>
void Module<T>::visit(M& module, const std::string& path, const F& f) {
  f(path, module);
  for (const auto& child : module.children_) {
    visit<M, F>(*child, path.empty() ? child->name_ : path + "." + child->name_, f);
  }
}

template <class T>
void Module<T>::apply(const std::function<void(const std::string&, Module&)>& f) {
  visit(*this, "", f);
}

template <class T>
void Module<T>::apply(const std::function<void(const std::string&, const Module&)>& f) const {
  visit(*this, "", f);
}

template <class T>
void Module<T>::check_name(const std::string& name) const {
  if (name.empty() || name.find('.') != std::string::npos) {
    detail::fail(type_name(), detail::quote(name), " is no name: empty or with a dot");
  }
  const bool taken =
      std::any_of(slots_.begin(), slots_.end(),
                  [&](const Slot& s) { return s.place.name() == name; }) ||
      std::any_of(children_.begin(), children_.end(), [&](auto& c) { return c->name_ == name; });
  if (taken) detail::fail(type_name(), "the name ", detail::quote(name), " is taken");
}

template <class T>
Module<T>& Module<T>::add_module(const std::string& name, std::unique_ptr<Module> child) {
  check_name(name);
  child->name_ = name;
  child->parent_ = this;
  children_.push_back(std::move(child));
  return *children_.back();
}

template <class T>
Tensor<T>& Module<T>::add_slot(const std::string& name, const Tensor<T>& value, Kind kind) {
  check_name(name);
  return slots_.emplace_back(name, value, kind).place;
}

template <class T>
Tensor<T>& Module<T>::add_parameter(const std::string& name, const Tensor<T>& value) {
  Tensor<T>& t = add_slot(name, value, Kind::parameter);
  if (t.defined()) t.requires_grad_(true);
  return t;
}

template <class T>
Tensor<T>& Module<T>::add_buffer(const std::string& name, const Tensor<T>& value) {
  return add_slot(name, value, Kind::buffer);
}

template <class T>
Tensor<T>& Module<T>::derive_parameter(Module& child, const std::string& name) {
  for (Slot& s : child.slots_) {
    if (s.place.name() != name || s.kind != Kind::parameter || !s.place.defined()) continue;
    s.kind = Kind::derived;
    s.place.unbind();
    return s.place;
  }
  detail::fail(child.type_name(), "there is no own parameter ", detail::quote(name));
}

template <class T>
void Module<T>::take(Module& other) noexcept {
  slots_ = std::move(other.slots_);
  children_ = std::move(other.children_);
  hooks_ = std::move(other.hooks_);
  next_hook_ = other.next_hook_;
  training_ = other.training_;
  mode_ = std::move(other.mode_);
  factory_ = std::move(other.factory_);
  for (const auto& child : children_) child->parent_ = this;
}

void detail::fail_clone(const std::string& type_name) {
  detail::fail<std::logic_error>(
      "clone", "how a ", type_name,
      " or a module in it is constructed is not known: give clone the constructor's arguments, "
      "make it with add, or override structure()");
}

// So that the instantiation here compiles; nothing calls it.
template <>
void detail::CopiedByClone<float>::refuse() {}
template <>
void detail::CopiedByClone<double>::refuse() {}

template class Module<float>;
template class Module<double>;
template LoadReport Module<float>::load_state_dict(const NamedTensors<float>&, LoadOptions);
template LoadReport Module<float>::load_state_dict(const NamedTensors<double>&, LoadOptions);
template LoadReport Module<double>::load_state_dict(const NamedTensors<float>&, LoadOptions);
template LoadReport Module<double>::load_state_dict(const NamedTensors<double>&, LoadOptions);

}  // namespace xgrad
