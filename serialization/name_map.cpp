#include "xgrad/serialization/name_map.hpp"

#include <algorithm>
#include <map>
#include <string_view>

#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

// What each * of the pattern stands for, the first ones as little as possible; false when the
// pattern does not fit.
bool match(std::string_view pattern, std::string_view name, std::vector<std::string>& parts) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (name.substr(0, star) != pattern.substr(0, star)) return false;
  const std::string_view rest = name.substr(star), after = pattern.substr(star + 1);
  const std::size_t kept = parts.size();
  for (std::size_t n = after.empty() ? rest.size() : 0; n <= rest.size(); ++n) {
    parts.emplace_back(rest.substr(0, n));
    if (match(after, rest.substr(n), parts)) return true;
    parts.resize(kept);
  }
  return false;
}

std::string fill(const std::string& pattern, const std::vector<std::string>& parts) {
  std::string r;
  std::size_t i = 0;
  for (const char c : pattern) r += c == '*' ? parts[i++] : std::string(1, c);
  return r;
}

template <class T>
Tensor<T> transposed(const std::string& name, const Tensor<T>& t) {
  if (t.rank() != 2) {
    detail::fail("NameMap", detail::quote(name), " cannot be transposed: shape ", t.shape());
  }
  const std::size_t m = t.shape()[0], n = t.shape()[1];
  Tensor<T> r = Tensor<T>::uninitialized({n, m});
  T* const out = r.mutable_data();
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) out[j * m + i] = t.data()[i * n + j];
  }
  return r;
}

}  // namespace

NameMap::NameMap(std::vector<NameRule> rules) : rules_(std::move(rules)) {
  for (const NameRule& r : rules_) {
    if (std::count(r.to.begin(), r.to.end(), '*') <= std::count(r.from.begin(), r.from.end(), '*'))
      continue;
    detail::fail("NameMap", detail::quote(r.to), " has more * than ", detail::quote(r.from));
  }
}

std::pair<const NameRule*, std::string> NameMap::find(const std::string& name) const {
  for (const NameRule& r : rules_) {
    std::vector<std::string> parts;
    if (match(r.from, name, parts)) return {&r, fill(r.to, parts)};
  }
  return {nullptr, name};
}

std::string NameMap::rename(const std::string& name) const { return find(name).second; }

template <class T>
NamedTensors<T> NameMap::apply(const NamedTensors<T>& tensors) const {
  NamedTensors<T> r;
  std::map<std::string, std::string> taken;
  for (const auto& t : tensors) {
    const auto [rule, name] = find(t.name);
    if (name.empty()) continue;
    if (const auto [it, is_new] = taken.emplace(name, t.name); !is_new) {
      detail::fail("NameMap", detail::quote(it->second), " and ", detail::quote(t.name),
                   " both become ", detail::quote(name));
    }
    const bool turn = rule != nullptr && rule->options.transpose;
    r.push_back({name, turn ? transposed(t.name, t.tensor) : t.tensor});
  }
  return r;
}

template NamedTensors<float> NameMap::apply(const NamedTensors<float>&) const;
template NamedTensors<double> NameMap::apply(const NamedTensors<double>&) const;

}  // namespace xgrad
