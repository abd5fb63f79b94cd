#include "xgrad/modules/functional.hpp"

#include <algorithm>

#include "xgrad/autograd/derivatives.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad {

namespace {
constexpr const char* kName = "functional_call";
}

template <class T>
void ParameterScope<T>::collect(Module<T>& module, const std::string& prefix,
                                std::vector<Found>& found) {
  using Kind = typename Module<T>::Kind;
  for (auto& slot : module.slots_) {
    if (slot.kind == Kind::derived || !slot.place.kept().defined()) continue;
    found.push_back({prefix + slot.place.name(), &slot});
  }
  for (const auto& child : module.children_) collect(*child, prefix + child->name_ + ".", found);
}

// All places of the tensor of that name.
template <class T>
void ParameterScope<T>::plan(const std::vector<Found>& all, const NamedTensor<T>& given) {
  const auto own =
      std::find_if(all.begin(), all.end(), [&](const Found& f) { return f.name == given.name; });
  detail::require(own != all.end(), kName, "there is no parameter or buffer ",
                  detail::quote(given.name));
  const Tensor<T>& kept = own->slot->place.kept();
  detail::require(given.tensor.defined(), kName, "the tensor for ", detail::quote(given.name),
                  " is undefined");
  detail::require(given.tensor.shape() == kept.shape(), kName, "shapes differ: ", given.name, " ",
                  kept.shape(), ", given ", given.tensor.shape());
  for (const Found& f : all) {
    if (!f.slot->place.kept().is_same(kept)) continue;
    detail::Place<T>* const place = &f.slot->place;
    const bool twice = std::any_of(covered_.begin(), covered_.end(),
                                   [&](const Covered& c) { return c.place == place; });
    detail::require(!twice, kName, "a tensor is given twice: ", given.name);
    covered_.push_back({place, given.tensor, {}});
  }
}

template <class T>
ParameterScope<T>::ParameterScope(Module<T>& module, const NamedTensors<T>& tensors,
                                  FunctionalOptions options) {
  std::vector<Found> all;
  collect(module, "", all);
  for (const NamedTensor<T>& given : tensors) plan(all, given);
  std::vector<std::string> missing;
  for (const Found& f : all) {
    const bool is_given = std::any_of(covered_.begin(), covered_.end(),
                                      [&](auto& c) { return c.place == &f.slot->place; });
    if (f.slot->kind == Module<T>::Kind::parameter && !is_given) missing.push_back(f.name);
  }
  detail::require(options.partial || missing.empty(), kName,
                  "parameters are missing: ", detail::join(missing));
  for (Covered& c : covered_) c.before = c.place->cover(c.value);
}

template <class T>
ParameterScope<T>::~ParameterScope() {
  for (Covered& c : covered_) c.place->uncover(c.value, c.before);
}

template <class T>
Tensor<T> functional_call(Module<T>& net, const NamedTensors<T>& tensors,
                          const std::type_identity_t<Tensor<T>>& x, FunctionalOptions options) {
  const ParameterScope<T> scope(net, tensors, options);
  return net(x);
}

template <class T>
TensorList<T> functional_call(Module<T>& net, const NamedTensors<T>& tensors,
                              const std::type_identity_t<TensorList<T>>& x,
                              FunctionalOptions options) {
  const ParameterScope<T> scope(net, tensors, options);
  return net(x);
}

template <class T>
TensorList<T> tensors_of(const NamedTensors<T>& named) {
  TensorList<T> r;
  for (const NamedTensor<T>& t : named) r.push_back(t.tensor);
  return r;
}

template <class T>
NamedTensors<T> named_like(const Module<T>& net, const TensorList<T>& tensors) {
  NamedTensors<T> r = net.parameters();
  detail::require(tensors.size() == r.size(), "named_like", tensors.size(), " tensors for ",
                  r.size(), " parameters");
  for (std::size_t i = 0; i < r.size(); ++i) r[i].tensor = tensors[i];
  return r;
}

template <class T>
NamedTensors<T> stack_parameters(const std::vector<const Module<T>*>& modules) {
  detail::require(!modules.empty(), "stack_parameters", "there are no modules");
  NamedTensors<T> r = modules[0]->parameters();
  std::vector<TensorList<T>> parts(r.size());
  for (const Module<T>* m : modules) {
    const NamedTensors<T> p = m->parameters();
    detail::require(p.size() == r.size(), "stack_parameters", "modules differ: ", r.size(),
                    " parameters, ", p.size());
    for (std::size_t i = 0; i < p.size(); ++i) {
      detail::require(p[i].name == r[i].name && p[i].tensor.shape() == r[i].tensor.shape(),
                      "stack_parameters", "modules differ: ", r[i].name, " ", r[i].tensor.shape(),
                      ", ", p[i].name, " ", p[i].tensor.shape());
      parts[i].push_back(p[i].tensor);
    }
  }
  for (std::size_t i = 0; i < r.size(); ++i) r[i].tensor = stack(parts[i]);
  return r;
}

template <class T>
Tensor<T> ensemble_call(Module<T>& net, const NamedTensors<T>& stacked,
                        const std::type_identity_t<Tensor<T>>& x, FunctionalOptions options) {
  detail::require(!stacked.empty(), "ensemble_call", "there are no tensors");
  for (const NamedTensor<T>& t : stacked) {
    const Tensor<T>& first = stacked[0].tensor;
    detail::require(t.tensor.rank() > 0 && t.tensor.size(0) == first.size(0), "ensemble_call",
                    "the first axes differ: ", stacked[0].name, " ", first.shape(), ", ", t.name,
                    " ", t.tensor.shape());
  }
  TensorList<T> y;
  for (std::size_t k = 0; k < stacked[0].tensor.size(0); ++k) {
    NamedTensors<T> one = stacked;
    for (NamedTensor<T>& t : one) t.tensor = select(t.tensor, 0, static_cast<std::ptrdiff_t>(k));
    y.push_back(functional_call(net, one, x, options));
  }
  return stack(y);
}

namespace {

template <class T>
NamedTensors<T> learned(const Module<T>& net) {
  NamedTensors<T> p = net.parameters();
  std::erase_if(p, [](const NamedTensor<T>& t) { return !t.tensor.requires_grad(); });
  return p;
}

}  // namespace

Indices detail::sample_of(const Indices& labels, std::size_t i) {
  Indices::shape_type shape(labels.shape().begin(), labels.shape().end());
  const std::size_t each = labels.size() / shape[0];
  shape[0] = 1;
  Indices one(shape);
  std::copy_n(labels.data() + i * each, each, one.data());
  return one;
}

template <class T>
NamedTensors<T> parameter_jacobian(Module<T>& net, const std::type_identity_t<Tensor<T>>& x) {
  NamedTensors<T> p = learned(net);
  const auto f = [&](const TensorList<T>& tensors) {
    NamedTensors<T> given = p;
    for (std::size_t i = 0; i < p.size(); ++i) given[i].tensor = tensors[i];
    return functional_call(net, given, x, {.partial = true});
  };
  const TensorList<T> j = jacobian(f, tensors_of(p));
  for (std::size_t i = 0; i < p.size(); ++i) p[i].tensor = j[i];
  return p;
}

#define XGRAD_INSTANTIATE(T)                                                                       \
  template class ParameterScope<T>;                                                                \
  template Tensor<T> functional_call(Module<T>&, const NamedTensors<T>&, const Tensor<T>&,         \
                                     FunctionalOptions);                                           \
  template TensorList<T> functional_call(Module<T>&, const NamedTensors<T>&, const TensorList<T>&, \
                                         FunctionalOptions);                                       \
  template TensorList<T> tensors_of(const NamedTensors<T>&);                                       \
  template NamedTensors<T> named_like(const Module<T>&, const TensorList<T>&);                     \
  template NamedTensors<T> stack_parameters(const std::vector<const Module<T>*>&);                 \
  template Tensor<T> ensemble_call(Module<T>&, const NamedTensors<T>&, const Tensor<T>&,           \
                                   FunctionalOptions);                                             \
  template NamedTensors<T> parameter_jacobian(Module<T>&, const Tensor<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
