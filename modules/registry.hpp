#pragma once

// Modules from descriptions: what a file must hold to rebuild a model without its source.
//
//   ModuleDescription plan = describe(net);             // types, options, names of the children
//   std::unique_ptr<Module<float>> again = make_module<float>(plan);
//   again->load_state_dict(net.state_dict());
//
// The library's modules can be rebuilt; a module of your own after register_module.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "xgrad/modules/module.hpp"
#include "xgrad/modules/options.hpp"

namespace xgrad {

/// A module without its numbers.
struct ModuleDescription {
  std::string name;  ///< in the parent; empty for a root
  std::string type;  ///< Module::type_name
  ModuleOptions options;
  std::vector<ModuleDescription> children;
  bool operator==(const ModuleDescription&) const = default;
};

template <class T>
ModuleDescription describe(const Module<T>& module);

/// Makes a module from its description; containers call make_module for their children.
template <class T>
using ModuleMaker = std::function<std::unique_ptr<Module<T>>(const ModuleDescription&)>;

/// A module of that description, with initial numbers.
/// **Throws** std::invalid_argument for a type that is not registered, and for options or children
/// that are missing, out of their range, or not those of the type.
template <class T>
std::unique_ptr<Module<T>> make_module(const ModuleDescription& description);

/// Makes a type known, for all threads and for good:
///   register_module<float>("Net", [](const ModuleDescription& d) {
///     return std::make_unique<Net<float>>(d.options.size("width"));
///   });
/// Throws std::invalid_argument for a name that is taken by the library.
template <class T>
void register_module(const std::string& type, ModuleMaker<T> maker);

/// True when make_module knows the type.
template <class T>
bool is_registered(const std::string& type);

}  // namespace xgrad
