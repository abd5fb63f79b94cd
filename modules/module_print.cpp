// Modules as text.

#include <ostream>

#include "xgrad/modules/module.hpp"

namespace xgrad {
namespace {

template <class T>
std::string arguments(const Module<T>& module) {
  const std::string options = to_string(module.options());
  if (!options.empty()) return options;
  std::string list;
  for (const NamedTensor<T>& p : module.own_parameters()) {
    list += (list.empty() ? "" : ", ") + p.name + " " + to_string(p.tensor.shape());
  }
  return list.empty() ? "" : "(" + list + ")";
}

template <class T>
void write(const Module<T>& module, const std::string& indent, std::string& text) {
  text += module.type_name() + arguments(module);
  if (module.children().empty()) return;
  text += " {\n";
  for (const auto& child : module.children()) {
    text += indent + "  " + child->name() + ": ";
    write(*child, indent + "  ", text);
    text += "\n";
  }
  text += indent + "}";
}

}  // namespace

template <class T>
std::string to_string(const Module<T>& module) {
  std::string text;
  write(module, "", text);
  return text;
}

template <class T>
std::ostream& operator<<(std::ostream& out, const Module<T>& module) {
  return out << to_string(module);
}

#define XGRAD_INSTANTIATE(T)                        \
  template std::string to_string(const Module<T>&); \
  template std::ostream& operator<<(std::ostream&, const Module<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
