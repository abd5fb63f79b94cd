#pragma once

// What a gradient check reads off the tape. Internal.

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad::detail {

/// The recorded entries behind `outputs`, in the order of recording.
std::vector<Tensor<double>> entries_behind(const std::vector<Tensor<double>>& outputs);

/// How much of the sum of `seeds` times `outputs` is rounding of what depends on `x`: every number on
/// the way is rounded, and counts with its gradient (running error analysis; Wilkinson 1963). Of
/// entries that were recorded under KeepEntryValues, and as far as their rules are right.
double rounding_on_the_way(const Tensor<double>& x, const std::vector<Tensor<double>>& outputs,
                           const std::vector<Tensor<double>>& seeds);

/// Whether the rule of an operation rounds by more than double does: what it gives for a multiple of a
/// gradient is not that multiple.
bool rounds_coarsely(const std::vector<Tensor<double>>& outputs);

struct ConstantMask {
  std::string text;
  bool is_factor;  ///< of ones; otherwise the condition of a `where`
  bool is_leaf;    ///< of a gradient of its own: a weight that is 1 at present
};

/// The masks behind `outputs` that are the same everywhere: the condition of a `where` that never
/// selects one of its differentiable operands, or a constant or leaf of ones that something is
/// multiplied with. Masks of one element don't count.
std::vector<ConstantMask> constant_masks(const std::vector<Tensor<double>>& outputs);

/// How many elements of operations are at a kink: their own slope is another one on the two sides of
/// t = 0, however near, or at 0 itself, and the value of one of them bends there. `outputs_at(t)`
/// evaluates with recording on, under KeepEntryValues. Counts up to 2, which is enough to tell one from
/// several; 1 when the program itself takes another path on the two sides.
std::size_t count_kinks(const std::function<std::vector<Tensor<double>>(double t)>& outputs_at,
                        double step);

}  // namespace xgrad::detail
