#include "xgrad/modules/options.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

constexpr double kLargest = 0x1p53;  // up to which a double holds every whole number

template <class... Parts>
[[noreturn]] void fail(const std::string& key, const Parts&... what) {
  detail::fail("ModuleOptions", detail::quote(key), " ", what...);
}

std::string text_of(const OptionValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return detail::text(std::get<double>(value));
}

}  // namespace

const OptionValue* ModuleOptions::find(const std::string& key) const {
  for (const ModuleOption& option : list_) {
    if (option.key == key) return &option.value;
  }
  return nullptr;
}

const OptionValue& ModuleOptions::at(const std::string& key) const& {
  const OptionValue* value = find(key);
  if (value == nullptr) fail(key, "is missing");
  return *value;
}

double ModuleOptions::number(const std::string& key) const {
  const auto* number = std::get_if<double>(&at(key));
  if (number == nullptr) fail(key, "is no number: ", text_of(at(key)));
  return *number;
}

double ModuleOptions::number(const std::string& key, double fallback) const {
  return has(key) ? number(key) : fallback;
}

std::size_t ModuleOptions::size(const std::string& key) const {
  const double n = number(key);
  if (!(n >= 0 && n <= kLargest && std::floor(n) == n)) fail(key, "is no size: ", n);
  return static_cast<std::size_t>(n);
}

std::ptrdiff_t ModuleOptions::axis(const std::string& key) const {
  const double n = number(key);
  if (!(std::abs(n) <= kLargest && std::floor(n) == n)) fail(key, "is no axis: ", n);
  return static_cast<std::ptrdiff_t>(n);
}

bool ModuleOptions::flag(const std::string& key, bool fallback) const {
  return number(key, fallback ? 1 : 0) != 0;
}

const std::string& ModuleOptions::text(const std::string& key) const& {
  const auto* text = std::get_if<std::string>(&at(key));
  if (text == nullptr) fail(key, "is no text: ", text_of(at(key)));
  return *text;
}

Shape ModuleOptions::shape(const std::string& key) const {
  std::istringstream s(text(key));
  Shape shape;
  double elements = 1;
  for (std::size_t n = 0; s >> n; elements *= std::max(1.0, static_cast<double>(n))) {
    shape.push_back(n);
  }
  // A stream takes "-1" for a large number.
  if (!s.eof() || !(elements <= kLargest) || text(key).find('-') != std::string::npos) {
    fail(key, "is no shape: ", detail::quote(text(key)));
  }
  return shape;
}

OptionValue ModuleOptions::of(const Shape& shape) { return detail::join(shape, " "); }

std::string to_string(const ModuleOptions& options) {
  std::string s;
  for (const ModuleOption& o : options) {
    s += s.empty() ? "(" : ", ";
    s += o.key + " " + text_of(o.value);
  }
  if (!s.empty()) s += ")";
  return s;
}

}  // namespace xgrad
