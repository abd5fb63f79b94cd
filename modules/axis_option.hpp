#pragma once

#include <cstddef>

#include "xgrad/modules/options.hpp"

namespace xgrad::detail {

/// The option "axis", a whole number, negative when it counts from the end. Throws
/// std::invalid_argument when it is missing or something else.
std::ptrdiff_t axis_of(const ModuleOptions& options);

}  // namespace xgrad::detail
