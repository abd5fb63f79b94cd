#include "xgrad/optimizers/optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "xgrad/autograd/later_products.hpp"
#include "xgrad/autograd/place.hpp"
#include "xgrad/autograd/trace.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/gemm.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad {
namespace {

// "(1, 2)" for the second row, third column: the index of number i of an array.
std::string index_text(const Shape& shape, std::size_t i) {
  Shape index = shape;
  for (std::size_t axis = shape.rank(); axis-- > 0; i /= shape[axis]) index[axis] = i % shape[axis];
  return detail::text(index);
}

template <class T>
std::string not_finite(const std::string& name, const Tensor<T>& g) {
  const T* p = g.data();
  const auto bad = [](T v) { return !std::isfinite(v); };
  const auto first = static_cast<std::size_t>(std::find_if(p, p + g.size(), bad) - p);
  return name + " " + to_string(g.shape()) + " (" +
         detail::text(std::count_if(p, p + g.size(), bad)) + " of " + detail::text(g.size()) +
         " numbers, first " + detail::text(p[first]) + " at " + index_text(g.shape(), first) + ")";
}

}  // namespace

template <class T>
void Optimizer<T>::check_parameter(const NamedTensor<T>& p) const {
  const auto refuse = [&](const auto&... what) {
    detail::fail(type_name_, "parameter ", detail::quote(p.name), " ", what...);
  };
  if (!p.tensor.defined()) refuse("is undefined");
  if (!p.tensor.is_leaf()) {
    refuse("is a result of the recorded operation ", detail::quote(p.tensor.operation()),
           "; only leaves can be optimized");
  }
  for (const Slot& s : slots_) {
    const bool same = s.tensor.is_same(p.tensor);
    if (same && s.group != groups_.size()) {
      refuse("is in group ", s.group, " already, as ", detail::quote(s.name));
    }
    if (!same && s.name == p.name) refuse("has the name of another parameter");
  }
}

template <class T>
auto Optimizer<T>::find(const Tensor<T>& t) const -> const Slot* {
  const auto same = [&](const Slot& s) { return s.tensor.is_same(t); };
  const auto it = std::find_if(slots_.begin(), slots_.end(), same);
  return it == slots_.end() ? nullptr : &*it;
}

template <class T>
std::size_t Optimizer<T>::group_of(const Tensor<T>& parameter) const {
  const Slot* slot = find(parameter);
  detail::require<std::out_of_range>(slot != nullptr, type_name_, "the parameter is in no group");
  return slot->group;
}

template <class T>
double Optimizer<T>::weight_decay(const Tensor<T>& parameter) const {
  const Slot* slot = find(parameter);
  return slot != nullptr && slot->decays ? groups_[slot->group].weight_decay : 0;
}

template <class T>
bool Optimizer<T>::decouples_decay(const Tensor<T>& parameter) const {
  const Slot* slot = find(parameter);
  return slot != nullptr && groups_[slot->group].decay.decoupled;
}

template <class T>
void Optimizer<T>::add_slots(const NamedTensors<T>& parameters, Group group) {
  if (parameters.empty()) detail::fail(type_name_, "no parameters");
  const std::size_t before = slots_.size();
  try {
    for (const NamedTensor<T>& p : parameters) {
      check_parameter(p);
      if (find(p.tensor) != nullptr) continue;
      const ParameterFilter& only = group.decay.only;
      const bool decays = !only || only(p.name, p.tensor.shape());
      slots_.push_back({p.name, p.tensor, groups_.size(), decays, 0, {}});
    }
    groups_.push_back(std::move(group));
  } catch (...) {
    slots_.resize(before);
    throw;
  }
}

template <class T>
NamedTensors<T> Optimizer<T>::numbered(const std::vector<Tensor<T>>& parameters) const {
  NamedTensors<T> r;
  for (const Tensor<T>& t : parameters) {
    r.push_back({detail::text(slots_.size() + r.size()), t});
  }
  return r;
}

template <class T>
void Optimizer<T>::zero_grad() {
  detail::effect("zero_grad", [this] {
    for (Slot& s : slots_) s.tensor.zero_grad();
  });
}

template <class T>
void Optimizer<T>::check_gradients(StepChecks checks) const {
  detail::require_kept(type_name_, slots_);
  std::vector<std::string> wrong;
  if (checks.missing && !(wrong = without_gradient()).empty()) {
    detail::fail<std::logic_error>(type_name_,
                                   "parameters without a gradient: ", detail::join(wrong),
                                   "; call backward() before step(), or freeze them");
  }
  if (!checks.nan) return;
  for (const Slot& s : slots_) {
    if (!is_ready(s)) continue;
    const Tensor<T> g = s.tensor.gradient();
    if (!kernels::all_finite(g.data(), g.size())) wrong.push_back(not_finite(s.name, g));
  }
  if (!wrong.empty()) {
    detail::fail(type_name_, "gradient not finite: ", detail::join(wrong));
  }
}

template <class T>
void Optimizer<T>::prepare(Slot& slot) {
  if (slot.steps != 0 || !slot.state.empty()) return;
  const T first = static_cast<T>(initial_state(slot.group));
  std::vector<Tensor<T>> state;
  for (std::size_t i = 0; i < state_names(slot.group).size(); ++i) {
    state.push_back(Tensor<T>::filled(slot.tensor.shape(), first));
  }
  slot.state = std::move(state);
}

template <class T>
void Optimizer<T>::step() {
  detail::effect(type_name_.c_str(), [this] { step_now(); });
}

template <class T>
void Optimizer<T>::step_now() {
  check_gradients(checks_);
  for (Slot& s : slots_) {
    if (is_ready(s)) prepare(s);
  }
  begin_step();
  for (Slot& s : slots_) {
    if (!is_ready(s)) continue;
    s.steps += 1;
    update(s);
  }
}

template <class T>
double Optimizer<T>::step(const LossFunction& loss) {
  zero_grad();
  const Tensor<T> value = loss();
  value.backward();
  step();
  return static_cast<double>(value.item());
}

template <class T>
const detail::LaterProduct<T>* Optimizer<T>::product_of(const Slot& slot) const {
  return products_ == nullptr ? nullptr : products_->find(slot.tensor.node());
}

template <class T>
void Optimizer<T>::minimize(const Tensor<T>& loss) {
  zero_grad();
  if (only_applies()) {
    if (products_ == nullptr) products_ = std::make_shared<detail::LaterProducts<T>>();
    std::vector<const detail::Node<T>*> nodes;
    for (const Slot& s : slots_) nodes.push_back(s.tensor.node());
    products_->begin(std::move(nodes));
  }
  {
    const detail::LaterScope<T> scope(only_applies() ? products_.get() : nullptr);
    loss.backward();
  }
  detail::effect(type_name_.c_str(), [this] { use_up_gradients(); });
}

template <class T>
void Optimizer<T>::use_up_gradients() {
  const struct Guard {
    Optimizer& self;
    ~Guard() { self.drop_gradients(); }
  } guard{*this};
  compute_checked_gradients();
  step();
}

template <class T>
void Optimizer<T>::drop_gradients() {
  if (products_ != nullptr) products_->clear();
  for (Slot& s : slots_) s.tensor.zero_grad();
}

// Those of which there is another part, and all where NaN is looked for.
template <class T>
void Optimizer<T>::compute_checked_gradients() {
  for (Slot& s : slots_) {
    const detail::LaterProduct<T>* const p = product_of(s);
    const bool has_part = s.tensor.has_grad();
    if (p == nullptr || !(has_part || checks_.nan)) continue;
    if (!has_part) s.tensor.set_gradient(Tensor<T>::uninitialized(s.tensor.shape()));
    kernels::gemm<T>({true, false, p->a.shape()[1], p->b.shape()[1], p->a.shape()[0], p->a.data(),
                      p->b.data(), has_part ? T(1) : T(0), s.tensor.gradient().mutable_data()});
    products_->forget(s.tensor.node());
  }
}

template <class T>
void Optimizer<T>::in_panels(Slot& slot, const PanelUpdate& update) const {
  const detail::LaterProduct<T>& p = *product_of(slot);
  const kernels::UpdateArguments<T> all = arguments(slot);
  const std::size_t m = p.a.shape()[1], n = p.b.shape()[1];
  const kernels::RowPanels<T> panels(
      kernels::Product<T>{true, false, m, n, p.a.shape()[0], p.a.data(), p.b.data(), T(0), nullptr},
      detail::kPanelBytes);
  kernels::parallel_for(panels.count(), [&](std::size_t i) {
    const std::size_t first = panels.begin(i) * n;
    kernels::UpdateArguments<T> panel = all;
    panel.n = panels.begin(i + 1) * n - first;
    kernels::Scratch<T> gradient(panel.n);
    panels.run(i, gradient.data());
    panel.g = gradient.data();
    panel.w += first;
    for (T*& state : panel.state) {
      if (state != nullptr) state += first;
    }
    update(panel);
  });
}

template <class T>
double Optimizer<T>::learning_rate(std::size_t group) const {
  if (group >= groups_.size()) {
    detail::fail<std::out_of_range>("learning_rate", type_name_, " has ", groups_.size(),
                                    " groups, not a group ", group);
  }
  return groups_[group].learning_rate;
}

template <class T>
void Optimizer<T>::set_learning_rate(double rate) {
  detail::require_in("set_learning_rate", "rate", rate, "[0, inf)");
  for (Group& g : groups_) g.learning_rate = rate;
}

template <class T>
void Optimizer<T>::set_learning_rate(double rate, std::size_t group) {
  detail::require_in("set_learning_rate", "rate", rate, "[0, inf)");
  learning_rate(group);
  groups_[group].learning_rate = rate;
}

template <class T>
NamedTensors<T> Optimizer<T>::parameters() const {
  NamedTensors<T> r;
  for (const Slot& s : slots_) r.push_back({s.name, s.tensor});
  return r;
}

template <class T>
std::vector<std::string> Optimizer<T>::without_gradient() const {
  std::vector<std::string> r;
  for (const Slot& s : slots_) {
    if (s.tensor.requires_grad() && !is_ready(s)) r.push_back(s.name);
  }
  return r;
}

template <class T>
kernels::DecayFactors<T> Optimizer<T>::decay_factors(const Slot& slot) const {
  kernels::DecayFactors<T> f;
  if (!slot.decays) return f;
  const Group& g = groups_[slot.group];
  const double rate = g.learning_rate;
  f.general = g.decay.l1 != 0 || g.decay.lp != 0;
  f.exponent = static_cast<T>(g.decay.power - 1);
  if (g.decay.decoupled) {
    f.keep = static_cast<T>(1 - rate * g.weight_decay);
    f.lp_direct = static_cast<T>(rate * g.decay.lp);
    f.shrink = static_cast<T>(rate * g.decay.l1);
  } else {
    f.l2 = static_cast<T>(g.weight_decay);
    f.lp = static_cast<T>(g.decay.lp);
    f.l1 = static_cast<T>(g.decay.l1);
  }
  return f;
}

template <class T>
kernels::UpdateArguments<T> Optimizer<T>::arguments(Slot& slot) const {
  kernels::UpdateArguments<T> a{};
  a.g = slot.tensor.has_grad() ? slot.tensor.node()->grad->data : nullptr;
  a.w = slot.tensor.mutable_data();
  a.n = slot.tensor.size();
  for (std::size_t i = 0; i < slot.state.size(); ++i) a.state[i] = slot.state[i].mutable_data();
  a.decay = decay_factors(slot);
  return a;
}

template class Optimizer<float>;
template class Optimizer<double>;

}  // namespace xgrad
