#include "xgrad/ops/function.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

template <class T>
struct Custom {
  std::string name;
  BackwardFunction<T> backward;
};

template <class T>
using Shared = std::shared_ptr<const Custom<T>>;

template <class T>
void check_gradient(const Custom<T>& f, std::size_t i, const Shape& gradient, const Shape& input) {
  try {
    if (broadcast_shapes("", gradient, input) == gradient) return;
  } catch (const std::invalid_argument&) {  // reported below with the operation's name
  }
  detail::fail<std::logic_error>(f.name, "backward returned shape ", gradient, " for input ", i,
                                 " ", input);
}

template <class T>
void custom_backward(const void* attributes, Backward<T>& b) {
  const Shared<T> f = *static_cast<const Shared<T>*>(attributes);
  std::vector<Tensor<T>> inputs;
  for (std::size_t i = 0; i < b.input_count(); ++i) inputs.push_back(b.input(i));
  std::vector<Tensor<T>> g = f->backward(inputs, b.output(), b.gradient());
  if (g.size() != inputs.size()) {
    detail::fail<std::logic_error>(f->name, "backward returned ", g.size(), " gradients for ",
                                   inputs.size(), " inputs");
  }
  for (std::size_t i = 0; i < g.size(); ++i) {
    if (g[i].defined()) check_gradient(*f, i, g[i].shape(), inputs[i].shape());
  }
  for (std::size_t i = 0; i < g.size(); ++i) {
    if (g[i].defined()) b.add(i, std::move(g[i]));
  }
}

}  // namespace

namespace {
// Entries outlive what they captured, so there is one rule per name, for good.
template <class T>
const detail::Rule<T>& rule_named(const std::string& name) {
  static std::mutex mutex;
  static auto* const rules = new std::map<std::string, detail::Rule<T>>;
  const std::lock_guard lock(mutex);
  const auto [it, added] = rules->try_emplace(name);
  if (added)
    it->second = {it->first.c_str(), &custom_backward<T>, &detail::destroy_attributes<Shared<T>>};
  return it->second;
}

template <class T>
Tensor<T> apply_custom(const detail::Rule<T>& rule, const Shared<T>& f,
                       const std::vector<Tensor<T>>& inputs, const ForwardFunction<T>& forward) {
  Tensor<T> y;
  {
    const NoGrad guard;
    const detail::Untraced untraced;
    y = forward(inputs)
            .detach();  // another tensor than the inputs, even if forward returned one of them
  }
  std::vector<const Tensor<T>*> pointers;
  for (const Tensor<T>& x : inputs) pointers.push_back(&x);
  record(y, rule, std::span<const Tensor<T>* const>(pointers), {.inputs = ~0U, .output = true}, f);
  if (detail::is_logged<T>()) {
    detail::log_again(
        y, [&rule, f, forward](const auto& x) { return apply_custom(rule, f, x, forward); });
  }
  return y;
}

}  // namespace

template <class T>
Tensor<T> custom_function(std::string name, const std::vector<Tensor<T>>& inputs,
                          ForwardFunction<T> forward, BackwardFunction<T> backward) {
  if (inputs.size() > 32) detail::fail(name, "more than 32 inputs");
  const detail::Rule<T>& rule = rule_named<T>(name);
  const Shared<T> f =
      std::make_shared<const Custom<T>>(Custom<T>{std::move(name), std::move(backward)});
  return apply_custom(rule, f, inputs, forward);
}

template Tensor<float> custom_function(std::string, const std::vector<Tensor<float>>&,
                                       ForwardFunction<float>, BackwardFunction<float>);
template Tensor<double> custom_function(std::string, const std::vector<Tensor<double>>&,
                                        ForwardFunction<double>, BackwardFunction<double>);

}  // namespace xgrad
