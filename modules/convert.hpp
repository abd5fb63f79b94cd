#pragma once

// A model in another type of number: train in float, prove in double.
//
//   auto exact = convert<Net<double>>(net);           // a template of your own: Net<double>()
//   auto exact = convert<Net<double>>(net, 784, 10);  // Net<double>(784, 10)
//   auto exact = convert<double>(sequential);         // built of the library's modules only

#include <concepts>
#include <memory>
#include <stdexcept>
#include <string>

#include "xgrad/kernels/random.hpp"
#include "xgrad/modules/module.hpp"
#include "xgrad/modules/registry.hpp"

namespace xgrad {

namespace detail {
/// Takes over numbers, shared parameters, modes and freezing by name.
template <class U, class T>
void convert_state(Module<U>& to, const Module<T>& from);
}  // namespace detail

/// A copy of `module` whose numbers are U, made from its description: parameters, buffers, modes
/// and freezing; no hooks. The default generator is left as it is. Throws std::invalid_argument for
/// a module of a type that is not registered (registry.hpp).
template <std::floating_point U, class T>
std::unique_ptr<Module<U>> convert(const Module<T>& module) {
  Generator scratch;
  const GeneratorScope scope(scratch);  // initial numbers, which are overwritten
  std::unique_ptr<Module<U>> copy = make_module<U>(describe(module));
  detail::convert_state(*copy, module);
  return copy;
}

/// The same for a module of your own: To(args...) with the numbers of `module`.
/// Throws std::invalid_argument when the names or shapes of the two differ.
template <class To, class T, class... Args>
requires(std::derived_from<To, Module<typename To::value_type>>) std::unique_ptr<To> convert(
    const Module<T>& module, const Args&... args) {
  Generator scratch;
  const GeneratorScope scope(scratch);
  auto copy = std::make_unique<To>(args...);
  detail::convert_state(*copy, module);
  return copy;
}

}  // namespace xgrad
