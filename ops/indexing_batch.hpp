#pragma once

// Lookups for a batch: vmap(). Internal: ops/indexing.cpp.

#include <cstddef>
#include <cstdint>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad::detail {

/// Throws std::out_of_range unless all are in [lowest, n).
void check_positions(const char* operation, const Indices& index, std::size_t n,
                     std::int64_t lowest);

// Tell how y, the result of the operation of that name along the axis, is computed for a batch.

template <class T>
void describe_index_select(const Tensor<T>& y, const Indices& index, std::size_t axis);
template <class T>
void describe_index_add(const Tensor<T>& y, const Indices& index, std::size_t axis);
template <class T>
void describe_gather(const Tensor<T>& y, const Indices& index, std::size_t axis);
template <class T>
void describe_scatter_add(const Tensor<T>& y, const Indices& index, std::size_t axis);

}  // namespace xgrad::detail
