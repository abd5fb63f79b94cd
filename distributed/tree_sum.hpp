#pragma once

// n numbers of every shard, summed along the tree of shards over all ranks without MPI's arithmetic:
// each rank adds up the nodes of the tree that it has whole, sends every rank its stretch of them,
// adds those up in the order of the tree, and gathers the stretches of the others. With one node per
// rank the traffic is that of a reduction by halves, 2 (ranks - 1) / ranks numbers each. Ranks that share
// memory leave their nodes there and read those of the others: the same sums without messages. Internal.

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "xgrad/distributed/shard_tree.hpp"

namespace xgrad::detail {

/// Numbers that are added up at once: what is added stays in the first cache.
inline constexpr std::size_t kSumBlock = 2048;

/// to = left + right, n numbers; `to` may be `left`. Two loops, so that each is one of vectors.
template <class T>
void add_block(const T* left, const T* right, T* to, std::size_t n) {
  if (left == to) {
    for (std::size_t i = 0; i < n; ++i) to[i] += right[i];
  } else {
    for (std::size_t i = 0; i < n; ++i) to[i] = left[i] + right[i];
  }
}

/// Two communicators of the same ranks: what the two phases send never meets.
struct TwoPhases {
  MPI_Comm exchange, collect;
};

/// Where each rank's nodes lie in memory that all see, most_nodes() times n numbers, and how many sums it
/// has begun there, 0 at first.
template <class T>
struct SharedNodes {
  std::vector<T*> nodes;
  std::vector<std::uint64_t*> begun;
};

template <class T>
class TreeSum {
 public:
  /// Rank r has the shards part_of(shards, ranks, r). Without `shared` messages are sent. Not
  /// collective.
  TreeSum(TwoPhases comms, std::size_t shards, std::size_t n, SharedNodes<T> shared = {});
  TreeSum(TreeSum&&) = default;
  TreeSum& operator=(TreeSum&&) = default;

  ShardRange own_shards() const { return own_; }
  std::size_t size() const { return n_; }

  /// Where the next shard's numbers are to be written, n of them; then add(). In order, all of
  /// this rank's.
  T* next() { return node(depth()); }
  void add();

  /// For who adds while it writes: the nodes that are complete, and how many of them, the last ones,
  /// the next shard is to be added to, from the last to the first. The sum belongs into
  /// node(depth() - sums()); then note_added().
  std::size_t depth() const { return depth_; }
  std::size_t sums() const;
  T* node(std::size_t i);
  void note_added();

  /// Sends. Collective, in the same order on all ranks among the sums of these communicators. What
  /// is shared the others read until all ranks have come to another collective call.
  void start();
  bool is_started() const { return started_; }
  /// Goes on if messages have come; whether the second phase has begun. That is collective as well, in
  /// the same order: to be called when that of the sum before has begun. Of ranks that share memory:
  /// whether the sum may be read.
  bool poll();
  void wait();
  /// `count` numbers of the sum from the one at `first` on, after wait().
  void read(std::size_t first, std::size_t count, T* to) const;
  /// For the next sum, when this one was waited for.
  void clear();

 private:
  ShardRange segment(std::size_t rank) const { return part_of(n_, ranks_, rank); }
  void exchange();
  T* sum_of(ShardRange node);
  void collect();
  const T* sum_there(ShardRange node, std::size_t first, std::size_t count, T* to) const;

  TwoPhases comms_;
  std::size_t shards_, n_, ranks_, rank_;
  ShardRange own_;
  SharedNodes<T> shared_;
  std::uint64_t begun_ = 0;
  std::size_t added_ = 0, depth_ = 0;
  std::vector<std::vector<T>> stack_;  // sums of nodes, as many as depth_
  std::vector<T> sent_, received_, total_;
  // Nodes of all ranks: this rank's stretch of what was sent, all of what is shared.
  std::vector<std::pair<ShardRange, T*>> there_;
  std::vector<int> sent_counts_, sent_offsets_, counts_, offsets_;
  MPI_Request request_ = MPI_REQUEST_NULL;
  bool started_ = false, collecting_ = false;
};

}  // namespace xgrad::detail
