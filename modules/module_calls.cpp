// What happens when a module is called: the forward, hooks, and messages that say where.

#include <algorithm>
#include <stdexcept>
#include <typeinfo>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/modules/module.hpp"
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

template <class T>
Module<T>::Running::Running(const Module& module) : before_(running<T>()) {
  if (before_ != nullptr) module.check_registered(*before_);
  running<T>() = &module;
  for (auto* o = detail::call_observers; o != nullptr; o = o->next) o->enter(module.path());
  if (detail::tracer != nullptr) detail::tracer->enter(module.path());
}

template <class T>
Module<T>::Running::~Running() {
  for (auto* o = detail::call_observers; o != nullptr; o = o->next) o->leave();
  if (detail::tracer != nullptr) detail::tracer->leave();
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

// To a function that is compiled the hooks are one operation, which is called each time.
template <class T>
Tensor<T> Module<T>::hooked(const Tensor<T>& x, Tensor<T> y) {
  detail::Tracer* const told = detail::tracer;
  if (told != nullptr) told->mode(mode());
  if (hooks_.empty()) return y;
  if (told == nullptr) return run_hooks(x, std::move(y));
  const detail::Untraced untraced;
  const Tensor<T> result = run_hooks(x, y);
  static_cast<detail::TypedTracer<T>*>(told)->operation(
      {"hooks",
       result,
       {x, y},
       {},
       [this](const std::vector<Tensor<T>>& again) { return run_hooks(again[0], again[1]); },
       true});
  return result;
}

template <class T>
Tensor<T> Module<T>::run_hooks(const Tensor<T>& x, Tensor<T> y) {
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

// --- Hooks ---

// What was compiled without them, or with others, is of no use any more.
template <class T>
void Module<T>::hooks_change() {
  if (mode_ != nullptr) *mode_ = !training_;
  mode_ = nullptr;
}

template <class T>
std::size_t Module<T>::register_forward_hook(ForwardHook hook) {
  hooks_change();
  hooks_.push_back({next_hook_, std::move(hook), nullptr});
  return next_hook_++;
}

template <class T>
std::size_t Module<T>::register_backward_hook(BackwardHook hook) {
  hooks_change();
  hooks_.push_back({next_hook_, nullptr, std::move(hook)});
  return next_hook_++;
}

template <class T>
void Module<T>::remove_hook(std::size_t id) {
  hooks_change();
  std::erase_if(hooks_, [id](const Hook& h) { return h.id == id; });
}

#define XGRAD_INSTANTIATE(T)                                                     \
  template class Module<T>::Running;                                             \
  template const Module<T>& Module<T>::root() const;                             \
  template void Module<T>::check_registered(const Module<T>&) const;             \
  template std::string Module<T>::path() const;                                  \
  template std::string Module<T>::place() const;                                 \
  template void Module<T>::rethrow_with_path(const std::logic_error&) const;     \
  template Tensor<T> Module<T>::forward(const Tensor<T>&);                       \
  template Tensor<T> Module<T>::operator()(const Tensor<T>&);                    \
  template TensorList<T> Module<T>::forward_list(const TensorList<T>&);          \
  template TensorList<T> Module<T>::operator()(const TensorList<T>&);            \
  template Tensor<T> Module<T>::hooked(const Tensor<T>&, Tensor<T>);             \
  template Tensor<T> Module<T>::run_hooks(const Tensor<T>&, Tensor<T>);          \
  template void Module<T>::hooks_change();                                       \
  template TensorList<T> Module<T>::hooked(const TensorList<T>&, TensorList<T>); \
  template std::size_t Module<T>::register_forward_hook(ForwardHook);            \
  template std::size_t Module<T>::register_backward_hook(BackwardHook);          \
  template void Module<T>::remove_hook(std::size_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
