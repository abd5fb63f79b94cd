#pragma once

// In which order the operands of einsum are contracted. Internal.

#include <cstdint>
#include <utility>
#include <vector>

namespace xgrad::detail {

/// A set of letters by their numbers.
using LetterSet = std::uint64_t;

struct ContractionOrder {
  /// Pairs of operands. The result of each takes the place of the first one; the second one is gone.
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  bool fits = true;  ///< no intermediate result has more axes than a tensor can have
};

/// The cheapest order for up to 6 operands, found among all of them; for more, step by step the pair
/// that makes least memory. `size` by letter.
ContractionOrder contraction_order(std::vector<LetterSet> operands, LetterSet result,
                                   const std::vector<double>& size);

}  // namespace xgrad::detail
