#pragma once

// The checks of options that all optimizers share.
// Internal.

#include "xgrad/base/errors.hpp"

namespace xgrad::detail {

/// Throws std::invalid_argument "operation: name value is not finite and at least 0".
void require_not_negative(const char* operation, const char* name, double value);

/// Throws std::invalid_argument "operation: name value is not finite and above 0".
void require_positive(const char* operation, const char* name, double value);

/// Throws std::invalid_argument "operation: name value is not in [0, 1)".
void require_fraction(const char* operation, const char* name, double value);

}  // namespace xgrad::detail
