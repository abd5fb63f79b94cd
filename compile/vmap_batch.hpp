#pragma once

// A sample's program, done for all samples by ordinary operations. Internal.

#include <cstddef>
#include <vector>

#include "xgrad/compile/vmap_rules.hpp"
#include "xgrad/compile/vmap_sample.hpp"

namespace xgrad::detail {

/// Arguments with the samples on their first axis, or one for all of them.
struct BatchArguments {
  TensorLists lists;
  std::vector<bool> floats, doubles, indices;  ///< which are batched
  std::size_t n = 0;
  std::vector<std::size_t> index_axes;        ///< of the batched ones
  std::vector<const Indices*> index_sources;  ///< what the function was given

  template <class T>
  const std::vector<bool>& batched() const {
    if constexpr (std::is_same_v<T, float>) {
      return floats;
    } else {
      return doubles;
    }
  }
};

/// Indices of a sample: those that are batched without the axis.
Indices indices_of(const Indices& indices, std::size_t axis, std::size_t sample);

/// The results, with the samples on their first axis.
TensorLists run_batch(const SampleProgram& program, const BatchArguments& arguments);

}  // namespace xgrad::detail
