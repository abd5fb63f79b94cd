#pragma once

// The string of einsum, and a letter for every axis of the operands. Internal.

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "xgrad/autograd/shape.hpp"

namespace xgrad::detail {

/// A letter for each axis of each operand and of the result. The axes that "..." stands for have
/// the letters '0' (the last one), '1' (the one before it) and so on.
struct Subscripts {
  std::vector<std::string> operands;
  std::string result;

  /// The size of an axis of the result or the operands, broadcast.
  std::size_t size_of(char letter) const { return sizes[static_cast<unsigned char>(letter)]; }
  std::array<std::size_t, 128> sizes;
};

/// Throws std::invalid_argument, naming the string, the shapes and the letter, for whatever is wrong.
Subscripts parse_subscripts(std::string_view text, std::span<const Shape> shapes);

}  // namespace xgrad::detail
