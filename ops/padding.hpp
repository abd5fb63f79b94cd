#pragma once

// Margins around tensors that continue what is inside. A margin of one value is `pad` in slicing.hpp.

#include <string_view>
#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad {

/// What stands in a margin, of ... a b c d ... with a margin of 2:
enum class PaddingMode {
  zeros,      ///< 0 0 a b c d 0 0
  reflect,    ///< c b a b c d c b: narrower than the axis
  replicate,  ///< a a a b c d d d
  circular,   ///< c d a b c d a b: at most as wide as the axis
};

/// "zeros", "reflect", "replicate", "circular".
const char* to_string(PaddingMode mode);
namespace detail {
/// The mode of that name. Throws std::invalid_argument for another word.
PaddingMode padding_mode(std::string_view word);
}  // namespace detail

/// x with a margin of that kind, one Padding for each axis. Composed of selections along the axes.
/// Gradient: each element gets those of its copies. Throws std::invalid_argument for another number
/// of paddings than axes, and a margin that is too wide for its mode.
template <class T>
Tensor<T> pad(const Tensor<T>& x, const std::vector<Padding>& paddings, PaddingMode mode);

}  // namespace xgrad
