#pragma once

// The order in which parts of a batch (shards) are added, whatever rank has them: a binary tree over
// all shards. Internal.

#include <cstddef>
#include <vector>

namespace xgrad::detail {

/// Shards first ... last - 1.
struct ShardRange {
  std::size_t first = 0, last = 0;
  std::size_t size() const { return last - first; }
  bool operator==(const ShardRange&) const = default;
};

/// The part `i` of `n` things that are cut into `parts` parts, as even as can be.
inline ShardRange part_of(std::size_t n, std::size_t parts, std::size_t i) {
  return {n * i / parts, n * (i + 1) / parts};
}

/// Where a node is cut: after the largest power of two of shards that is not all of it.
std::size_t middle_of(ShardRange node);

/// The fewest nodes of the tree over `shards` shards that make up `range`, in order. A rank adds up
/// what is below each of them by itself.
std::vector<ShardRange> nodes_within(std::size_t shards, ShardRange range);

/// How many sums are complete when shard `i` of `range` has come, after those before it.
std::size_t sums_complete_at(std::size_t shards, ShardRange range, std::size_t i);

/// The most nodes that a rank of so many keeps at once while its shards come.
std::size_t most_nodes(std::size_t shards, std::size_t ranks);

}  // namespace xgrad::detail
