#include "xgrad/optimizers/text.hpp"

#include <cmath>
#include <cstdio>
#include <stdexcept>

namespace xgrad::detail {
namespace {

[[noreturn]] void refuse(const char* operation, const char* name, double value,
                         const char* wanted) {
  throw std::invalid_argument(std::string(operation) + ": " + name + " " + text(value) +
                              " is not " + wanted);
}

}  // namespace

std::string text(double value) {
  if (std::isnan(value)) return "nan";  // whatever its sign
  char digits[32];
  std::snprintf(digits, sizeof digits, "%g", value);
  return digits;
}

std::string join(const std::vector<std::string>& items) {
  std::string r;
  for (const std::string& item : items) {
    if (!r.empty()) r += ", ";
    r += item;
  }
  return r;
}

void require_not_negative(const char* operation, const char* name, double value) {
  if (!(value >= 0) || !std::isfinite(value)) {
    refuse(operation, name, value, "finite and at least 0");
  }
}

void require_positive(const char* operation, const char* name, double value) {
  if (!(value > 0) || !std::isfinite(value)) refuse(operation, name, value, "finite and above 0");
}

void require_fraction(const char* operation, const char* name, double value) {
  if (!(value >= 0 && value < 1)) refuse(operation, name, value, "in [0, 1)");
}

}  // namespace xgrad::detail
