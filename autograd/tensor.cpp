#include "xgrad/autograd/tensor.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "xgrad/autograd/axis.hpp"
#include "xgrad/autograd/cast.hpp"
#include "xgrad/autograd/engine.hpp"
#include "xgrad/autograd/later_products.hpp"
#include "xgrad/autograd/observe.hpp"
#include "xgrad/autograd/place.hpp"
#include "xgrad/autograd/trace.hpp"
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
const char* why_not(const detail::Node<T>& n) {
  switch (n.apart) {
    case detail::Apart::unrecorded:
      return "it was computed while recording was off: inside NoGrad, or by a backward pass "
             "without {.create_graph = true}";
    case detail::Apart::derivative:
      return "it is a derivative that was taken without {.create_graph = true}";
    case detail::Apart::detached:
      return "it was detached; go on with the tensor before detach()";
    case detail::Apart::no:
      break;
  }
  return "what it was computed from are constants, detached or frozen; parameter(x) or "
         "x.requires_grad_() before the computation makes x count";
}

template <class T>
void require_differentiable(const char* operation, const Tensor<T>& output) {
  if (!output.defined()) detail::fail<std::logic_error>(operation, "the output is undefined");
  if (!output.requires_grad()) {
    detail::fail<std::logic_error>(
        operation, "the output ", output.shape(),
        " does not depend on anything that requires a gradient: ", why_not(*output.node()));
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
  if (detail::tracer != nullptr) detail::traced<T>().constant(node());
}

template <class T>
Tensor<T> Tensor<T>::uninitialized(const Shape& shape) {
  detail::Node<T>* n = detail::make_value<T>(shape);
  n->strong.store(1, std::memory_order_relaxed);  // the handle, before anybody else sees the node
  n->weak.store(1, std::memory_order_relaxed);
  return adopt(n);
}

template <class T>
Tensor<T> Tensor<T>::place_for(const Shape& shape) {
  Tensor t = uninitialized(shape);
  if (detail::tracer != nullptr) detail::traced<T>().constant(t.node());
  return t;
}

template <class T>
Tensor<T> Tensor<T>::filled(const Shape& shape, T value) {
  Tensor t = place_for(shape);
  std::fill_n(t.node()->data, t.node()->elements, value);
  return t;
}

template <class T>
Tensor<T> Tensor<T>::from(const Shape& shape, std::initializer_list<T> values) {
  return from<std::initializer_list<T>>(shape, values);
}

template <class T>
Tensor<T> Tensor<T>::from(std::initializer_list<detail::NumberList<T>> lists) {
  const detail::NumberList<T> all(lists);
  return from(all.shape(), all.values());
}

template <class T>
const Array<T>& Tensor<T>::value() const& {
  if (detail::tracer != nullptr) detail::traced<T>().read(&checked(), "value()");
  return detail::face_of(checked());
}

template <class T>
std::size_t Tensor<T>::size(std::ptrdiff_t axis) const {
  return shape()[normalize_axis("size", axis, shape())];
}

template <class T>
T Tensor<T>::item() const {
  if (size() != 1) {
    detail::fail("item", "the tensor has shape ", shape(),
                 ", not one element; x.item(i, j, ...) is ", "one of several");
  }
  detail::read_on_host(*this, "item()");
  return data()[0];
}

template <class T>
T Tensor<T>::element(const std::vector<std::ptrdiff_t>& index) const {
  detail::require(index.size() == rank(), "item", "an index for each axis is needed: x ", shape(),
                  ", index ", index);
  std::size_t at = 0;
  for (std::size_t axis = 0; axis < rank(); ++axis) {
    const auto n = static_cast<std::ptrdiff_t>(shape()[axis]);
    const std::ptrdiff_t i = index[axis] < 0 ? index[axis] + n : index[axis];
    detail::require<std::out_of_range>(0 <= i && i < n, "item", "index out of range: x ", shape(),
                                       ", index ", index);
    at = at * shape()[axis] + static_cast<std::size_t>(i);
  }
  detail::read_on_host(*this, "item()");
  return data()[at];
}

template <class T>
template <class U>
Tensor<U> Tensor<T>::to() const {
  if constexpr (std::is_same_v<T, U>) {
    return Tensor(&checked());
  } else {
    const Tensor<U> y = Tensor<U>::uninitialized(shape());
    std::transform(data(), data() + size(), y.node()->data, [](T v) { return static_cast<U>(v); });
    if (detail::tracer != nullptr) detail::tracer->cast(*this, y);
    if (!is_recording() || !requires_grad()) return y;
    const detail::CastSource<T> source(node());
    detail::last_sequence(node()->sequence);
    detail::record_needed<U>(y, detail::cast_rule<U>, {}, {}, &source, sizeof source,
                             &detail::copy_attributes<detail::CastSource<T>>);
    return y;
  }
}

template <class T>
void Tensor<T>::set_value(const Array<T>& array) {
  if (Shape(array.shape()) != shape()) {
    detail::fail("set_value", "the value has shape ", Shape(array.shape()), ", the tensor ",
                 shape());
  }
  require_writable(checked(), "set_value");
  std::copy_n(array.data(), size(), mutable_data());
}

template <class T>
T* Tensor<T>::mutable_data() {
  detail::Node<T>& n = checked();
  require_writable(n, "mutable_value");
  if (detail::tracer != nullptr) detail::traced<T>().write(&n, "mutable_value()");
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
  if (detail::tracer != nullptr)
    detail::traced<T>().write(&n, on ? "requires_grad_()" : "requires_grad_(false)");
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
  if (detail::tracer != nullptr) detail::traced<T>().read(node()->grad, "grad()");
  return detail::face_of(*node()->grad);
}

template <class T>
Tensor<T> Tensor<T>::gradient() const {
  if (detail::tracer != nullptr) return detail::traced<T>().gradient(*this);
  return Tensor(checked().grad);
}

template <class T>
void Tensor<T>::set_gradient(const Tensor& gradient) {
  detail::Node<T>& n = checked();
  if (gradient.defined() && gradient.shape() != n.shape) {
    detail::fail("set_gradient", "the gradient has shape ", gradient.shape(), ", the tensor ",
                 n.shape);
  }
  if (detail::tracer != nullptr) {
    if (!gradient.defined()) return detail::traced<T>().zero_grad(*this);
    detail::tracer->refuse("set_gradient()");
  }
  if (gradient.defined()) detail::hold(gradient.node());
  detail::Node<T>* old = std::exchange(n.grad, gradient.node());
  if (old != nullptr) detail::drop(old);
}

template <class T>
void Tensor<T>::retain_grad() {
  if (detail::tracer != nullptr) detail::tracer->refuse("retain_grad()");
  checked().retains_grad = true;
}

template <class T>
std::size_t Tensor<T>::register_hook(std::function<Tensor(const Tensor&)> hook) {
  detail::Node<T>& n = checked();
  if (detail::tracer != nullptr) detail::tracer->refuse("register_hook()");
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
  detail::LaterProducts<T>* const later = std::exchange(detail::later_products<T>, nullptr);
  detail::Engine<T> engine({.retain = options.retain_graph || options.create_graph,
                            .create_graph = options.create_graph,
                            .later = later});
  detail::Tracer* const told = detail::tracer;
  const detail::Untraced untraced;
  engine.run(*this, start);
  detail::later_products<T> = later;
  if (told != nullptr) static_cast<detail::TypedTracer<T>*>(told)->backward(*this, seed, options);
}

namespace {
template <class T, class F>
void trace_copy(const char* name, const Tensor<T>& x, const Tensor<T>& y, const F& again) {
  if (detail::tracer != nullptr) detail::traced<T>().operation({name, y, {x}, {}, again});
}
}  // namespace

template <class T>
Tensor<T> Tensor<T>::detach() const {
  Tensor t(detail::share_value(detail::storage_of(&checked()), shape()));
  t.node()->apart = detail::Apart::detached;
  trace_copy("detach", *this, t, [](const auto& x) { return x[0].detach(); });
  return t;
}

template <class T>
Tensor<T> Tensor<T>::clone() const {
  Tensor t = uninitialized(shape());
  std::memcpy(t.node()->data, data(), size() * sizeof(T));
  trace_copy("clone", *this, t, [](const auto& x) { return x[0].clone(); });
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
[[noreturn]] void fail_constant(std::size_t i, const Tensor<T>& input) {
  detail::require<std::logic_error>(input.defined(), "grad", "input ", i, " is undefined");
  detail::fail<std::logic_error>("grad", "input ", i, " ", input.shape(),
                                 " does not require a gradient: it takes parameter(x) or "
                                 "x.requires_grad_() before the computation");
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
    if (!g.defined()) continue;
    if (!detail::is_exclusive(g.node())) g = g.clone();
    g.node()->apart = detail::Apart::derivative;
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
      fail_constant(i, inputs[i]);
    }
  }
  detail::Tracer* const told = detail::tracer;
  const detail::Untraced untraced;
  std::vector<Tensor<T>> result = collect_gradients(outputs, inputs, options, starts);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!result[i].defined() && !options.allow_unused) result[i] = zeros_like(inputs[i]);
  }
  options.create_graph ? keep_differentiable(result) : make_separate(result);
  if (told != nullptr)
    static_cast<detail::TypedTracer<T>*>(told)->grad(outputs, inputs, options, seeds, result);
  return result;
}

template class Tensor<float>;
template class Tensor<double>;
template Tensor<float> Tensor<float>::to() const;
template Tensor<double> Tensor<float>::to() const;
template Tensor<float> Tensor<double>::to() const;
template Tensor<double> Tensor<double>::to() const;
template std::vector<Tensor<float>> grad(const std::vector<Tensor<float>>&,
                                         const std::vector<Tensor<float>>&, GradOptions,
                                         const std::vector<Tensor<float>>&);
template std::vector<Tensor<double>> grad(const std::vector<Tensor<double>>&,
                                          const std::vector<Tensor<double>>&, GradOptions,
                                          const std::vector<Tensor<double>>&);

}  // namespace xgrad
