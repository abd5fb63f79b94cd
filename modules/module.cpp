#include "xgrad/modules/module.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <typeinfo>
#include <unordered_map>

namespace xgrad {
namespace {

// The modules whose forward is running in this thread, outermost first, as texts for error messages.
template <class T>
struct Running {
  std::vector<const Module<T>*> stack;
  bool described = false;  // the exception under way has its path already
};
template <class T>
Running<T>& running() {
  thread_local Running<T> r;
  return r;
}

template <class T>
std::string path_of(const std::vector<const Module<T>*>& stack) {
  std::string path = ", in ";
  for (const Module<T>* m : stack) {
    if (m != stack.front()) path += " / ";
    path += m->name().empty() ? m->type_name() : m->name();
  }
  const Module<T>* last = stack.back();
  return last->name().empty() ? path : path + " (" + last->type_name() + ")";
}

template <class T>
class Entered {
 public:
  explicit Entered(const Module<T>& m) { running<T>().stack.push_back(&m); }
  ~Entered() {
    running<T>().stack.pop_back();
    if (running<T>().stack.empty()) running<T>().described = false;
  }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;
};

// Throws the exception again with the path of modules, unless it has one.
template <class E, class T>
[[noreturn]] void describe(const E& e) {
  Running<T>& r = running<T>();
  if (r.described) throw;
  r.described = true;
  throw E(e.what() + path_of(r.stack));
}

std::string join(const std::vector<std::string>& names) {
  std::string s;
  for (const std::string& n : names) s += (s.empty() ? "" : ", ") + n;
  return s;
}

}  // namespace

template <class T>
Tensor<T> Module<T>::forward(const Tensor<T>&) {
  throw std::logic_error("forward: a " + type_name() + " does not take a single tensor");
}

template <class T>
Tensor<T> Module<T>::operator()(const Tensor<T>& x) {
  const Entered<T> entered(*this);
  try {
    return run(x);
  } catch (const std::invalid_argument& e) {
    describe<std::invalid_argument, T>(e);
  } catch (const std::out_of_range& e) {
    describe<std::out_of_range, T>(e);
  }
}

template <class T>
Tensor<T> Module<T>::run(const Tensor<T>& x) {
  Tensor<T> y = forward(x);
  if (hooks_.empty()) return y;
  const auto hooks = hooks_;  // a hook may remove itself
  for (const Hook& h : hooks) {
    if (!h.forward) continue;
    Tensor<T> replaced = h.forward(*this, x, y);
    if (replaced.defined()) y = std::move(replaced);
  }
  for (const Hook& h : hooks) {
    if (!h.backward || !y.requires_grad()) continue;
    if (y.is_same(x)) y = y.detach();  // not the input's own gradient
    y.register_hook([this, call = h.backward](const Tensor<T>& g) { return call(*this, g); });
  }
  return y;
}

template <class T>
void Module<T>::train(bool on) {
  training_ = on;
  for (const auto& child : children_) child->train(on);
}

template <class T>
void Module<T>::collect(const std::string& prefix, NamedTensors<T> Module::*list, NamedTensors<T>& found) const {
  for (const NamedTensor<T>& p : this->*list) found.push_back({prefix + p.name, p.tensor});
  for (const auto& child : children_) child->collect(prefix + child->name_ + ".", list, found);
}

template <class T>
NamedTensors<T> Module<T>::parameters() const {
  NamedTensors<T> found;
  collect("", &Module::parameters_, found);
  return found;
}

template <class T>
NamedTensors<T> Module<T>::buffers() const {
  NamedTensors<T> found;
  collect("", &Module::buffers_, found);
  return found;
}

template <class T>
NamedTensors<T> Module<T>::state_dict() const {
  NamedTensors<T> found = parameters();
  collect("", &Module::buffers_, found);
  return found;
}

template <class T>
Tensor<T> Module<T>::at(const std::string& path) const {
  for (const NamedTensor<T>& t : state_dict()) {
    if (t.name == path) return t.tensor;
  }
  throw std::out_of_range(type_name() + ": there is no parameter or buffer '" + path + "'");
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
  std::unordered_map<std::string, const Tensor<U>*> given;
  for (const NamedTensor<U>& s : state) given.emplace(s.name, &s.tensor);
  LoadReport report;
  std::vector<std::string> misshapen;
  NamedTensors<T> own = state_dict();
  for (const NamedTensor<T>& t : own) {
    const auto it = given.find(t.name);
    if (it == given.end()) {
      report.missing.push_back(t.name);
    } else if (it->second->shape() != t.tensor.shape()) {
      misshapen.push_back(t.name + " " + to_string(t.tensor.shape()) + " given " + to_string(it->second->shape()));
    }
  }
  for (const NamedTensor<U>& s : state) {
    const bool known = std::any_of(own.begin(), own.end(), [&](const NamedTensor<T>& t) { return t.name == s.name; });
    if (!known) report.unexpected.push_back(s.name);
  }
  std::string wrong;
  if (options.strict && !report.missing.empty()) wrong += "; missing: " + join(report.missing);
  if (options.strict && !report.unexpected.empty()) wrong += "; unexpected: " + join(report.unexpected);
  if (!misshapen.empty()) wrong += "; wrong shape: " + join(misshapen);
  if (!wrong.empty()) throw std::invalid_argument("load_state_dict: " + type_name() + ": " + wrong.substr(2));
  for (NamedTensor<T>& t : own) {
    const auto it = given.find(t.name);
    if (it == given.end()) continue;
    const U* from = it->second->data();
    std::transform(from, from + t.tensor.size(), t.tensor.mutable_data(), [](U v) { return static_cast<T>(v); });
  }
  return report;
}

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
void Module<T>::visit(const std::string& path, const std::function<void(const std::string&, Module&)>& f) {
  f(path, *this);
  for (const auto& child : children_) child->visit(path.empty() ? child->name_ : path + "." + child->name_, f);
}

template <class T>
void Module<T>::apply(const std::function<void(const std::string&, Module&)>& f) {
  visit("", f);
}

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

template <class T>
void Module<T>::copy_flags(const Module& other) {
  training_ = other.training_;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    parameters_[i].tensor.requires_grad_(other.parameters_[i].tensor.requires_grad());
  }
  for (std::size_t i = 0; i < children_.size(); ++i) children_[i]->copy_flags(*other.children_[i]);
}

template <class T>
void Module<T>::copy_state(const Module& other) {
  load_state_dict(other.state_dict());
  copy_flags(other);
}

template <class T>
void Module<T>::check_name(const std::string& name) const {
  const auto same = [&](const auto& list) {
    return std::any_of(list.begin(), list.end(), [&](const auto& t) { return t.name == name; });
  };
  const bool child =
      std::any_of(children_.begin(), children_.end(), [&](const auto& c) { return c->name_ == name; });
  if (name.empty() || name.find('.') != std::string::npos) {
    throw std::invalid_argument(type_name() + ": '" + name + "' is no name: empty or with a dot");
  }
  if (child || same(parameters_) || same(buffers_)) {
    throw std::invalid_argument(type_name() + ": the name '" + name + "' is taken");
  }
}

template <class T>
Module<T>& Module<T>::add_module(const std::string& name, std::unique_ptr<Module> child) {
  check_name(name);
  child->name_ = name;
  children_.push_back(std::move(child));
  return *children_.back();
}

template <class T>
Tensor<T> Module<T>::add_parameter(const std::string& name, const Tensor<T>& value) {
  check_name(name);
  Tensor<T> t = value;
  t.requires_grad_(true);
  parameters_.push_back({name, t});
  return t;
}

template <class T>
Tensor<T> Module<T>::add_buffer(const std::string& name, const Tensor<T>& value) {
  check_name(name);
  buffers_.push_back({name, value});
  return value;
}

template class Module<float>;
template class Module<double>;
template LoadReport Module<float>::load_state_dict(const NamedTensors<float>&, LoadOptions);
template LoadReport Module<float>::load_state_dict(const NamedTensors<double>&, LoadOptions);
template LoadReport Module<double>::load_state_dict(const NamedTensors<float>&, LoadOptions);
template LoadReport Module<double>::load_state_dict(const NamedTensors<double>&, LoadOptions);

}  // namespace xgrad
