#include "xgrad/autograd/tensor.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "xgrad/autograd/engine.hpp"
#include "xgrad/autograd/place.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

template <class T>
void require_writable(const detail::Node<T>& n, const char* what) {
  if (n.rule != nullptr) {
    detail::fail<std::logic_error>(what, "the tensor is a result of the recorded operation ",
                                   detail::quote(n.rule->name),
                                   "; only leaves and constants can be changed");
  }
}

template <class T>
void require_differentiable(const char* operation, const Tensor<T>& output) {
  if (!output.defined()) detail::fail<std::logic_error>(operation, "the output is undefined");
  if (!output.requires_grad()) {
    detail::fail<std::logic_error>(operation, "the output ", output.shape(),
                                   " does not depend on anything that requires a gradient");
  }
}

// The seed to start from: the given one, or 1 for a single element.
template <class T>
Tensor<T> checked_seed(const char* operation, const Tensor<T>& output, const Tensor<T>& seed) {
  if (!seed.defined()) {
    if (output.size() != 1) {
      detail::fail(operation, "the output has shape ", output.shape(),
                   "; only a single element can be differentiated without a seed");
    }
    return Tensor<T>::filled(output.shape(), T(1));
  }
  if (seed.shape() != output.shape()) {
    detail::fail(operation, "the seed has shape ", seed.shape(), ", the output ", output.shape());
  }
  return seed;
}

}  // namespace

template <class T>
void Tensor<T>::fail_undefined() {
  detail::fail<std::logic_error>("tensor",
                                 "this tensor is undefined (default-constructed or moved from)");
}

template <class T>
Tensor<T>::Tensor(Array<T>&& array) : Tensor(detail::make_node<T>()) {
  node()->shape = Shape(array.shape());
  node()->elements = detail::checked_elements(node()->shape, sizeof(T));
  auto* face = new Array<T>(std::move(array));
  node()->data = face->data();
  node()->face.store(face, std::memory_order_release);
}

template <class T>
Tensor<T> Tensor<T>::uninitialized(const Shape& shape) {
  detail::Node<T>* n = detail::make_value<T>(shape);
  n->strong.store(1, std::memory_order_relaxed);  // the handle, before anybody else sees the node
  n->weak.store(1, std::memory_order_relaxed);
  return adopt(n);
}

template <class T>
Tensor<T> Tensor<T>::filled(const Shape& shape, T value) {
  Tensor t = uninitialized(shape);
  std::fill_n(t.node()->data, t.node()->elements, value);
  return t;
}

namespace {
template <class T, class Values>
Tensor<T> from_values(const Shape& shape, const Values& values) {
  if (values.size() != shape.elements()) {
    detail::fail("tensor", values.size(), " values for shape ", shape);
  }
  Tensor<T> t = Tensor<T>::uninitialized(shape);
  std::copy(values.begin(), values.end(), t.node()->data);
  return t;
}
}  // namespace

template <class T>
Tensor<T> Tensor<T>::from(const Shape& shape, std::initializer_list<T> values) {
  return from_values<T>(shape, values);
}
template <class T>
Tensor<T> Tensor<T>::from(const Shape& shape, const std::vector<T>& values) {
  return from_values<T>(shape, values);
}

template <class T>
const Array<T>& Tensor<T>::value() const& {
  return detail::face_of(checked());
}

template <class T>
std::size_t Tensor<T>::size(std::ptrdiff_t axis) const {
  return shape()[normalize_axis("size", axis, rank())];
}

template <class T>
T Tensor<T>::item() const {
  if (size() != 1) {
    detail::fail("item", "the tensor has shape ", shape(), ", not one element");
  }
  return data()[0];
}

template <class T>
void Tensor<T>::set_value(const Array<T>& array) {
  if (Shape(array.shape()) != shape()) {
    detail::fail("set_value", "the value has shape ", Shape(array.shape()), ", the tensor ",
                 shape());
  }
  std::copy_n(array.data(), size(), mutable_data());
}

template <class T>
T* Tensor<T>::mutable_data() {
  detail::Node<T>& n = checked();
  require_writable(n, "mutable_value");
  n.version().fetch_add(1, std::memory_order_relaxed);
  return n.data;
}

template <class T>
ArrayView<T> Tensor<T>::mutable_value() {
  T* p = mutable_data();
  return ArrayView<T>(xt::xbuffer_adaptor<T*, xt::no_ownership>(p, size()),
                      typename ArrayView<T>::shape_type(shape().begin(), shape().end()));
}

template <class T>
Tensor<T>& Tensor<T>::requires_grad_(bool on) & {
  detail::Node<T>& n = checked();
  require_writable(n, "requires_grad_");
  n.requires_grad = on;
  return *this;
}

template <class T>
const char* Tensor<T>::operation() const {
  return is_leaf() ? "leaf" : node()->rule->name;
}

template <class T>
const Array<T>& Tensor<T>::grad() const& {
  if (checked().grad == nullptr) {
    detail::fail<std::logic_error>(
        "grad", "the tensor ", shape(),
        (is_leaf() ? " has no gradient: no backward pass reached it since the last zero_grad()"
                   : " is not a leaf; call retain_grad() on it before backward()"));
  }
  return detail::face_of(*node()->grad);
}

template <class T>
Tensor<T> Tensor<T>::gradient() const {
  return Tensor(checked().grad);
}

template <class T>
void Tensor<T>::set_gradient(const Tensor& gradient) {
  detail::Node<T>& n = checked();
  if (gradient.defined() && gradient.shape() != n.shape) {
    detail::fail("set_gradient", "the gradient has shape ", gradient.shape(), ", the tensor ",
                 n.shape);
  }
  if (gradient.defined()) detail::hold(gradient.node());
  detail::Node<T>* old = std::exchange(n.grad, gradient.node());
  if (old != nullptr) detail::drop(old);
}

template <class T>
void Tensor<T>::retain_grad() {
  checked().retains_grad = true;
}

template <class T>
std::size_t Tensor<T>::register_hook(std::function<Tensor(const Tensor&)> hook) {
  detail::Node<T>& n = checked();
  if (n.hooks == nullptr) n.hooks = new detail::Hooks<T>;
  n.hooks->entries.push_back({n.hooks->next_id, std::move(hook)});
  return n.hooks->next_id++;
}

template <class T>
void Tensor<T>::remove_hook(std::size_t id) {
  detail::Node<T>& n = checked();
  if (n.hooks == nullptr) return;
  std::erase_if(n.hooks->entries, [&](const auto& e) { return e.id == id; });
}

template <class T>
void Tensor<T>::backward(const Tensor& seed, BackwardOptions options) const {
  require_differentiable("backward", *this);
  const Tensor start = checked_seed("backward", *this, seed);
  detail::Engine<T> engine({.retain = options.retain_graph || options.create_graph,
                            .create_graph = options.create_graph});
  engine.run(*this, start);
}

template <class T>
Tensor<T> Tensor<T>::detach() const {
  return Tensor(detail::share_value(detail::storage_of(&checked()), shape()));
}

template <class T>
Tensor<T> Tensor<T>::clone() const {
  Tensor t = uninitialized(shape());
  std::memcpy(t.node()->data, data(), size() * sizeof(T));
  return t;
}

template <class T>
void Tensor<T>::leave_in_place() noexcept {
  bits_ &= ~kPlace;
  if (defined()) detail::hold(node());
}

template <class T>
Tensor<T>& Tensor<T>::assign_place(const Tensor& value, bool moved) {
  static_cast<detail::Place<T>&>(*this).assign(value, moved);
  return *this;
}

namespace {

template <class T>
Tensor<T> zeros_like(const Tensor<T>& x) {
  return Tensor<T>::filled(x.shape(), T(0));
}

template <class T>
[[noreturn]] void fail_unused(std::size_t i, const Tensor<T>& input) {
  detail::fail<std::logic_error>(
      "grad", "input ", i, " ", input.shape(),
      " does not reach the outputs; give {.allow_unused = true} to get an undefined tensor");
}

template <class T>
std::vector<Tensor<T>> collect_gradients(const std::vector<Tensor<T>>& outputs,
                                         const std::vector<Tensor<T>>& inputs, GradOptions options,
                                         const std::vector<Tensor<T>>& starts) {
  detail::Engine<T> engine({.retain = options.retain_graph || options.create_graph,
                            .create_graph = options.create_graph});
  engine.collect(inputs);
  engine.inspect(outputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (options.allow_unused || engine.reached(inputs[i]) || engine.met_derivative()) continue;
    fail_unused(i, inputs[i]);
  }
  engine.walk(outputs, starts);
  std::vector<Tensor<T>> result;
  for (const Tensor<T>& x : inputs) result.push_back(engine.collected(x));
  return result;
}

// So that a derivative can be differentiated again whatever it is.
template <class T>
void keep_differentiable(std::vector<Tensor<T>>& gradients) {
  for (Tensor<T>& g : gradients) {
    if (!g.defined() || g.requires_grad()) continue;
    g = Tensor<T>(detail::share_value(g.node(), g.shape()));
    detail::record_constant(g);
  }
}

// Gradients may share memory with each other and with seeds; what the caller gets may be
// written to.
template <class T>
void make_separate(std::vector<Tensor<T>>& gradients) {
  for (Tensor<T>& g : gradients) {
    if (g.defined() && !detail::is_exclusive(g.node())) g = g.clone();
  }
}

}  // namespace

template <class T>
std::vector<Tensor<T>> grad(const std::vector<Tensor<T>>& outputs,
                            const std::vector<Tensor<T>>& inputs, GradOptions options,
                            const std::vector<Tensor<T>>& seeds) {
  if (!seeds.empty() && seeds.size() != outputs.size()) {
    detail::fail("grad", outputs.size(), " outputs, ", seeds.size(), " seeds");
  }
  std::vector<Tensor<T>> starts;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    require_differentiable("grad", outputs[i]);
    starts.push_back(checked_seed("grad", outputs[i], seeds.empty() ? Tensor<T>() : seeds[i]));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].requires_grad()) {
      detail::fail<std::logic_error>("grad", "input ", i, " does not require a gradient");
    }
  }
  std::vector<Tensor<T>> result = collect_gradients(outputs, inputs, options, starts);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!result[i].defined() && !options.allow_unused) result[i] = zeros_like(inputs[i]);
  }
  options.create_graph ? keep_differentiable(result) : make_separate(result);
  return result;
}

template class Tensor<float>;
template class Tensor<double>;
template std::vector<Tensor<float>> grad(const std::vector<Tensor<float>>&,
                                         const std::vector<Tensor<float>>&, GradOptions,
                                         const std::vector<Tensor<float>>&);
template std::vector<Tensor<double>> grad(const std::vector<Tensor<double>>&,
                                          const std::vector<Tensor<double>>&, GradOptions,
                                          const std::vector<Tensor<double>>&);

}  // namespace xgrad
