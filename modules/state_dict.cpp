#include "xgrad/modules/state_dict.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "xgrad/base/errors.hpp"

namespace xgrad::detail {
namespace {

std::string join(const std::vector<std::string>& names) {
  std::string s;
  for (const std::string& n : names) s += (s.empty() ? "" : ", ") + n;
  return s;
}

template <class T, class U>
struct Loading {
  std::vector<std::pair<Tensor<T>, const Tensor<U>*>> writes;
  LoadReport report;
  std::vector<std::string> misshapen;
};

// `own` has shared tensors under every name.
template <class T, class U>
Loading<T, U> plan_loading(const NamedTensors<T>& own, const NamedTensors<U>& state) {
  std::unordered_map<std::string, const Tensor<U>*> given;
  for (const NamedTensor<U>& s : state) given.emplace(s.name, &s.tensor);
  Loading<T, U> plan;
  std::unordered_set<const void*> found;
  std::unordered_set<std::string> known;
  for (const NamedTensor<T>& t : own) {
    known.insert(t.name);
    const auto it = given.find(t.name);
    if (it == given.end()) continue;
    found.insert(t.tensor.node());
    plan.writes.emplace_back(t.tensor, it->second);
    if (it->second->shape() == t.tensor.shape()) continue;
    plan.misshapen.push_back(t.name + " " + to_string(t.tensor.shape()) + " given " +
                             to_string(it->second->shape()));
  }
  for (const NamedTensor<T>& t : own) {
    if (found.insert(t.tensor.node()).second) plan.report.missing.push_back(t.name);
  }
  for (const NamedTensor<U>& s : state) {
    if (!known.contains(s.name)) plan.report.unexpected.push_back(s.name);
  }
  return plan;
}

template <class T, class U>
void write(Tensor<T> to, const Tensor<U>& from) {
  const U* const x = from.data();
  std::transform(x, x + from.size(), to.mutable_data(), [](U v) { return static_cast<T>(v); });
}

}  // namespace

template <class T, class U>
LoadReport load_state(const std::string& type_name, const NamedTensors<T>& own,
                      const NamedTensors<U>& state, LoadOptions options) {
  const Loading<T, U> plan = plan_loading<T, U>(own, state);
  const LoadReport& report = plan.report;
  std::string wrong;
  if (options.strict && !report.missing.empty()) wrong += "; missing: " + join(report.missing);
  if (options.strict && !report.unexpected.empty()) {
    wrong += "; unexpected: " + join(report.unexpected);
  }
  if (!plan.misshapen.empty()) wrong += "; wrong shape: " + join(plan.misshapen);
  if (!wrong.empty()) {
    detail::fail("load_state_dict", type_name, ": ", wrong.substr(2));
  }
  for (const auto& [to, from] : plan.writes) write(to, *from);
  return report;
}

#define XGRAD_INSTANTIATE(T, U)                                              \
  template LoadReport load_state(const std::string&, const NamedTensors<T>&, \
                                 const NamedTensors<U>&, LoadOptions);
XGRAD_INSTANTIATE(float, float)
XGRAD_INSTANTIATE(float, double)
XGRAD_INSTANTIATE(double, float)
XGRAD_INSTANTIATE(double, double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
