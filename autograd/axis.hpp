#pragma once

// Axes of operands, checked: the message shows the operand and the axes that it has. Internal.

#include <cstddef>

#include "xgrad/autograd/shape.hpp"

namespace xgrad {

/// `axis` counted from the end when negative, as an index into `shape`, which the operand `name` has.
/// Throws std::out_of_range.
std::size_t normalize_axis(const char* operation, std::ptrdiff_t axis, const Shape& shape,
                           const char* name = "x");

/// The same for an axis that is put in: one more of them is allowed.
std::size_t normalize_new_axis(const char* operation, std::ptrdiff_t axis, const Shape& shape,
                               const char* name = "x");

}  // namespace xgrad
