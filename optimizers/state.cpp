#include "xgrad/optimizers/state.hpp"

#include "xgrad/base/errors.hpp"

namespace xgrad::detail {
namespace {

// Names of one map that the other does not have.
template <class A, class B>
void add_absent(const A& names, const B& in, std::vector<std::string>& absent) {
  for (const auto& entry : names) {
    if (!in.contains(entry.first)) absent.push_back(entry.first);
  }
}

std::vector<std::string> misshapen(const StateShapes& shapes, const StateShapes& given) {
  std::vector<std::string> r;
  for (const auto& [name, shape] : given) {
    const auto it = shapes.find(name);
    if (it == shapes.end() || it->second == shape) continue;
    r.push_back(name + " " + to_string(it->second) + " given " + to_string(shape));
  }
  return r;
}

}  // namespace

StateNumbers own_numbers(const StateNumbers& all, const std::string& type_name) {
  const std::string prefix = type_name + "/";
  StateNumbers r;
  for (const auto& [name, value] : all) {
    if (name.starts_with(prefix)) r.emplace(name.substr(prefix.size()), value);
  }
  return r;
}

template <class T>
StateTensors<T> own_tensors(const NamedTensors<T>& all, const std::string& type_name) {
  const std::string prefix = type_name + "/";
  StateTensors<T> r;
  for (const NamedTensor<T>& t : all) {
    if (t.name.starts_with(prefix)) r.emplace(t.name.substr(prefix.size()), t.tensor);
  }
  return r;
}

StateNumbers with_prefix(const StateNumbers& numbers, const std::string& type_name) {
  StateNumbers r;
  for (const auto& [name, value] : numbers) r.emplace(type_name + "/" + name, value);
  return r;
}

void check_state(const std::string& type_name, const StateNumbers& known,
                 const StateNumbers& numbers, const StateShapes& shapes, const StateShapes& given) {
  std::vector<std::string> missing, unexpected;
  add_absent(known, numbers, missing);
  add_absent(shapes, given, missing);
  add_absent(numbers, known, unexpected);
  add_absent(given, shapes, unexpected);
  const std::vector<std::string> wrong_shape = misshapen(shapes, given);
  std::string wrong;
  if (!missing.empty()) wrong += "; missing: " + join(missing);
  if (!unexpected.empty()) wrong += "; unexpected: " + join(unexpected);
  if (!wrong_shape.empty()) wrong += "; wrong shape: " + join(wrong_shape);
  if (wrong.empty()) return;
  detail::fail("load_state_dict", type_name, ": ", wrong.substr(2));
}

template <class T>
void check_state(const std::string& type_name, const StateNumbers& known,
                 const StateNumbers& numbers, const StateShapes& shapes,
                 const StateTensors<T>& tensors) {
  StateShapes given;
  for (const auto& [name, tensor] : tensors) given.emplace(name, tensor.shape());
  check_state(type_name, known, numbers, shapes, given);
}

void check_state(const std::string& type_name, const StateNumbers& known,
                 const StateNumbers& numbers) {
  check_state(type_name, known, numbers, StateShapes(), StateShapes());
}

#define XGRAD_INSTANTIATE(T)                                                              \
  template StateTensors<T> own_tensors(const NamedTensors<T>&, const std::string&);       \
  template void check_state(const std::string&, const StateNumbers&, const StateNumbers&, \
                            const StateShapes&, const StateTensors<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
