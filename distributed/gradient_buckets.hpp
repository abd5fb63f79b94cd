#pragma once

// The gradients of parameters on their way to all ranks: as each is complete in a backward pass it is
// written into a bucket, and buckets that are full leave while the pass goes on. Internal.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "xgrad/autograd/parameters.hpp"
#include "xgrad/distributed/communicator.hpp"
#include "xgrad/distributed/shared_memory.hpp"
#include "xgrad/distributed/tree_sum.hpp"

namespace xgrad::detail {

template <class T>
class GradientBuckets {
 public:
  /// Of those of `parameters` that require a gradient, the last first: so they are expected to come.
  /// With `shares` in shared memory, where there is such. Collective.
  GradientBuckets(TwoPhases comms, std::size_t shards, NamedTensors<T> parameters,
                  std::size_t bucket_bytes, bool shares);
  ~GradientBuckets();
  GradientBuckets(const GradientBuckets&) = delete;
  GradientBuckets& operator=(const GradientBuckets&) = delete;

  /// Throws std::logic_error naming a parameter that was frozen before and is not now: its gradient
  /// would stay here.
  void check_frozen() const;

  /// What a shard's gradients are for: to stay here and be added to those of the same shard of the
  /// next batch, or to be sent, after the last shard.
  enum class Use { keep, send, send_last };

  /// For the batches of a step.
  void clear();
  /// From here to end_shard() gradients are taken in; after the last shard's buckets leave.
  void begin_shard(std::size_t shard, Use use);
  void listen(bool on) { listening_ = on; }
  void end_shard();
  /// Until all buckets are here.
  void wait();

  /// In how many of this rank's shards each parameter had a gradient.
  std::vector<std::uint64_t> uses() const;
  const std::string& name(std::size_t i) const { return entries_[i].parameter.name; }
  /// The sums, times `factor`, become the gradients of those parameters that were used by any shard;
  /// the others have none.
  void put(const std::vector<bool>& used, T factor);

 private:
  // A parameter, and where its gradient lies.
  struct Entry {
    NamedTensor<T> parameter;
    std::size_t bucket, offset;
    std::size_t hook = 0;
    std::size_t used = 0;  // shards of this rank
    bool arrived = false;  // in the shard under way
    bool taken = false;    // and added up at once
    // Of each node of the bucket's sum that is not in its memory but a shard's gradient as the pass
    // left it (undefined: zeros): it is read once, when the sum is made.
    std::vector<std::optional<Tensor<T>>> held = {};
    Tensor<T> sum = {};  // of all ranks, as soon as it is there
  };
  struct Bucket {
    std::size_t size = 0, parameters = 0, missing = 0;
    std::unique_ptr<TreeSum<T>> sum;
  };

  void make_sums(TwoPhases comms, std::size_t shards, bool shares);
  void read_sums(std::size_t bucket);

  void add(NamedTensor<T> parameter, std::size_t most);
  void arrived(std::size_t i, const Tensor<T>& g);
  bool is_first(const Entry& e) const;
  bool may_hold(const Entry& e) const;
  void hold(Entry& e);
  const T* numbers(const Entry& e, std::size_t node) const;
  void take_in(Entry& e, const T* g);
  void start_ready();
  std::vector<std::vector<T>>& kept(std::size_t shard);

  std::vector<Entry> entries_;
  SharedMemory shared_;
  std::vector<Bucket> buckets_;
  NamedTensors<T> frozen_;
  // Of this rank's shards, in order, and their buckets; empty unless batches are kept.
  std::vector<std::vector<std::vector<T>>> kept_;
  bool listening_ = false, adds_ = false;
  Use use_ = Use::send;
  std::size_t shard_ = 0;
  // Buckets in the first phase or beyond, in the second; those whose sums are read.
  std::size_t started_ = 0, collecting_ = 0, read_ = 0;
};

}  // namespace xgrad::detail
