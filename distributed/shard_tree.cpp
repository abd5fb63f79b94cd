#include "xgrad/distributed/shard_tree.hpp"

#include <algorithm>
#include <bit>

namespace xgrad::detail {
namespace {

bool contains(ShardRange outer, ShardRange inner) {
  return outer.first <= inner.first && inner.last <= outer.last;
}

void add_nodes(ShardRange node, ShardRange range, std::vector<ShardRange>& found) {
  if (node.last <= range.first || range.last <= node.first) return;
  if (contains(range, node)) return found.push_back(node);
  const std::size_t middle = middle_of(node);
  add_nodes({node.first, middle}, range, found);
  add_nodes({middle, node.last}, range, found);
}

}  // namespace

std::size_t middle_of(ShardRange node) { return node.first + std::bit_floor(node.size() - 1); }

std::vector<ShardRange> nodes_within(std::size_t shards, ShardRange range) {
  std::vector<ShardRange> found;
  if (range.size() > 0) add_nodes({0, shards}, range, found);
  return found;
}

std::size_t sums_complete_at(std::size_t shards, ShardRange range, std::size_t i) {
  std::size_t count = 0;
  ShardRange node{0, shards};
  while (node.size() > 1) {
    if (node.last == i + 1 && contains(range, node)) ++count;
    const std::size_t middle = middle_of(node);
    node = i < middle ? ShardRange{node.first, middle} : ShardRange{middle, node.last};
  }
  return count;
}

std::size_t most_nodes(std::size_t shards, std::size_t ranks) {
  std::size_t most = 0;
  for (std::size_t r = 0; r < ranks; ++r) {
    const ShardRange own = part_of(shards, ranks, r);
    std::size_t depth = 0;
    for (std::size_t i = own.first; i < own.last; ++i) {
      most = std::max(most, ++depth);
      depth -= sums_complete_at(shards, own, i);
    }
  }
  return most;
}

}  // namespace xgrad::detail
