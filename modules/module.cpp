#include "xgrad/modules/module.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <unordered_map>
#include <unordered_set>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/modules/observe.hpp"

namespace xgrad {
namespace {

template <class T>
const Module<T>*& running() {
  thread_local const Module<T>* innermost = nullptr;
  return innermost;
}

// Marks an exception whose text has its path already.
struct HasPath {
  virtual ~HasPath() = default;
};
template <class E>
struct WithPath : E, HasPath {
  explicit WithPath(const std::string& text) : E(text) {}
};

// Another tensor for the same value, with an entry of its own on the tape.
template <class T>
Tensor<T> alias(const Tensor<T>& x) {
  const Shape other = x.rank() == 1 ? Shape{x.size(), 1} : Shape{x.size()};
  return detail::view(detail::view(x, other), x.shape());
}

}  // namespace

// --- Calling ---

template <class T>
Module<T>::Running::Running(const Module& module) : before_(running<T>()) {
  if (before_ != nullptr) module.check_registered(*before_);
  running<T>() = &module;
  for (auto* o = detail::call_observers; o != nullptr; o = o->next) o->enter(module.path());
}

template <class T>
Module<T>::Running::~Running() {
  for (auto* o = detail::call_observers; o != nullptr; o = o->next) o->leave();
  running<T>() = before_;
}

template <class T>
const Module<T>& Module<T>::root() const {
  const Module* m = this;
  while (m->parent_ != nullptr) m = m->parent_;
  return *m;
}

template <class T>
void Module<T>::check_registered(const Module& caller) const {
  const Module& top = root();
  if (&top == &caller.root() || !is_recording()) return;
  const NamedTensors<T> learned = top.parameters();
  if (std::none_of(learned.begin(), learned.end(),
                   [](const NamedTensor<T>& p) { return p.tensor.requires_grad(); })) {
    return;
  }
  detail::fail<std::logic_error>(
      "forward", caller.type_name(), " calls a ", top.type_name(),
      " that is not registered in it, so its parameters are not learned: make it with add; call "
      "its forward() or freeze it if this is meant");
}

template <class T>
std::string Module<T>::path() const {
  if (parent_ == nullptr) return {};
  const std::string above = parent_->path();
  return above.empty() ? name_ : above + "." + name_;
}

// ", in Net / encoder / fc2 (Linear)"
template <class T>
std::string Module<T>::place() const {
  if (parent_ == nullptr) return ", in " + type_name();
  std::string names = name_;
  for (const Module* m = parent_; m != nullptr; m = m->parent_) {
    names = (m->parent_ == nullptr ? m->type_name() : m->name_) + " / " + names;
  }
  return ", in " + names + " (" + type_name() + ")";
}

template <class T>
void Module<T>::rethrow_with_path(const std::logic_error& e) const {
  if (dynamic_cast<const HasPath*>(&e) != nullptr) throw;
  const std::string text = e.what() + place();
  if (typeid(e) == typeid(std::invalid_argument)) throw WithPath<std::invalid_argument>(text);
  if (typeid(e) == typeid(std::out_of_range)) throw WithPath<std::out_of_range>(text);
  if (typeid(e) == typeid(std::logic_error)) throw WithPath<std::logic_error>(text);
  throw;
}

template <class T>
Tensor<T> Module<T>::forward(const Tensor<T>&) {
  detail::fail<std::logic_error>("forward", "a ", type_name(), " does not take a single tensor");
}

template <class T>
Tensor<T> Module<T>::operator()(const Tensor<T>& x) {
  return inside([&] { return hooked(x, forward(x)); });
}

template <class T>
TensorList<T> Module<T>::forward_list(const TensorList<T>& x) {
  detail::require(x.size() == 1, "forward", "a ", type_name(), " takes one tensor: ", x.size(),
                  " given");
  return {forward(x[0])};
}

template <class T>
TensorList<T> Module<T>::operator()(const TensorList<T>& x) {
  return inside([&] { return hooked(x, forward_list(x)); });
}

template <class T>
TensorList<T> Module<T>::hooked(const TensorList<T>& x, TensorList<T> y) {
  const Tensor<T> input = x.size() == 1 ? x[0] : Tensor<T>();
  if (!hooks_.empty()) {
    for (Tensor<T>& output : y) output = hooked(input, std::move(output));
  }
  return y;
}

template <class T>
Tensor<T> Module<T>::hooked(const Tensor<T>& x, Tensor<T> y) {
  if (hooks_.empty()) return y;
  const auto hooks = hooks_;  // a hook may remove itself
  for (const Hook& h : hooks) {
    if (!h.forward) continue;
    Tensor<T> replaced = h.forward(*this, x, y);
    if (replaced.defined()) y = std::move(replaced);
  }
  for (const Hook& h : hooks) {
    if (!h.backward || !y.requires_grad()) continue;
    if (y.is_same(x) || y.is_leaf()) y = alias(y);  // not somebody else's gradient
    y.register_hook([this, call = h.backward](const Tensor<T>& g) { return call(*this, g); });
  }
  return y;
}

template <class T>
void Module<T>::train(bool on) {
  training_ = on;
  for (const auto& child : children_) child->train(on);
}

// --- Parameters and state ---

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
  factory_ = std::move(other.factory_);
  for (const auto& child : children_) child->parent_ = this;
}

// --- Hooks ---

template <class T>
std::size_t Module<T>::register_forward_hook(ForwardHook hook) {
  hooks_.push_back({next_hook_, std::move(hook), nullptr});
  return next_hook_++;
}

template <class T>
std::size_t Module<T>::register_backward_hook(BackwardHook hook) {
  hooks_.push_back({next_hook_, nullptr, std::move(hook)});
  return next_hook_++;
}

template <class T>
void Module<T>::remove_hook(std::size_t id) {
  std::erase_if(hooks_, [id](const Hook& h) { return h.id == id; });
}

void detail::fail_clone(const std::string& type_name) {
  detail::fail<std::logic_error>(
      "clone", "how a ", type_name,
      " or a module in it is constructed is not known: give clone the constructor's arguments, "
      "make it with add, or override structure()");
}

template class Module<float>;
template class Module<double>;
template LoadReport Module<float>::load_state_dict(const NamedTensors<float>&, LoadOptions);
template LoadReport Module<float>::load_state_dict(const NamedTensors<double>&, LoadOptions);
template LoadReport Module<double>::load_state_dict(const NamedTensors<float>&, LoadOptions);
template LoadReport Module<double>::load_state_dict(const NamedTensors<double>&, LoadOptions);

}  // namespace xgrad
