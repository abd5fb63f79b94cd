#pragma once

// ModuleOptions: what a module's constructor was given, as text and numbers that can be written to
// a file. A module made from options is in xgrad/modules/registry.hpp.

#include <cstddef>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "xgrad/autograd/shape.hpp"

namespace xgrad {

/// A number or a text. Truth values are 1 and 0, shapes are texts such as "28 28".
using OptionValue = std::variant<double, std::string>;

/// One option of a constructor.
struct ModuleOption {
  std::string key;    ///< as in the options' structure: "bias"
  OptionValue value;  ///< truth values are 1 and 0
  bool operator==(const ModuleOption&) const = default;
};

/// Keys with values, in the order of the constructor.
class ModuleOptions {
 public:
  ModuleOptions() = default;
  /// From pairs, such as {{"in", 3}, {"bias", 1}}.
  ModuleOptions(std::initializer_list<ModuleOption> list) : list_(list) {}
  /// The same of a vector.
  explicit ModuleOptions(std::vector<ModuleOption> list) : list_(std::move(list)) {}

  /// Whether there is such a key.
  bool has(const std::string& key) const { return find(key) != nullptr; }

  // Each throws std::invalid_argument when the key is missing or its value of another kind; those
  // with a fallback return it when the key is missing.
  double number(const std::string& key) const;
  double number(const std::string& key, double fallback) const;
  std::size_t size(const std::string& key) const;
  bool flag(const std::string& key, bool fallback) const;
  std::ptrdiff_t axis(const std::string& key) const;
  const std::string& text(const std::string& key) const&;
  std::string text(const std::string& key) const&& { return text(key); }
  Shape shape(const std::string& key) const;
  /// The one of these that gives a V.
  template <class V>
  V get(const std::string& key) const {
    if constexpr (std::is_same_v<V, std::size_t>) return size(key);
    if constexpr (std::is_same_v<V, std::ptrdiff_t>) return axis(key);
    if constexpr (std::is_same_v<V, double>) return number(key);
    if constexpr (std::is_same_v<V, Shape>) return shape(key);
  }

  /// Of a value, for writing.
  static OptionValue of(double v) { return v; }
  static OptionValue of(std::size_t n) { return static_cast<double>(n); }
  static OptionValue of(std::ptrdiff_t axis) { return static_cast<double>(axis); }
  static OptionValue of(bool on) { return on ? 1.0 : 0.0; }
  static OptionValue of(const Shape& shape);

  bool empty() const { return list_.empty(); }
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }
  bool operator==(const ModuleOptions&) const = default;

 private:
  const OptionValue* find(const std::string& key) const;
  const OptionValue& at(const std::string& key) const&;
  OptionValue at(const std::string& key) const&& { return at(key); }

  std::vector<ModuleOption> list_;
};

/// "(in 784, out 256, bias 1)"; empty for none.
std::string to_string(const ModuleOptions& options);

}  // namespace xgrad
