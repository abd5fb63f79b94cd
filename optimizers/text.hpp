#pragma once

// Numbers and lists in error messages, and the checks of options that all optimizers share.
// Internal.

#include <string>
#include <vector>

namespace xgrad::detail {

/// Six digits at most: "0.1", "1e-08".
std::string text(double value);

/// "a, b, c".
std::string join(const std::vector<std::string>& items);

/// Throws std::invalid_argument "operation: name value is not finite and at least 0".
void require_not_negative(const char* operation, const char* name, double value);

/// Throws std::invalid_argument "operation: name value is not finite and above 0".
void require_positive(const char* operation, const char* name, double value);

/// Throws std::invalid_argument "operation: name value is not in [0, 1)".
void require_fraction(const char* operation, const char* name, double value);

}  // namespace xgrad::detail
