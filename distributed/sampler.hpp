#pragma once

// Which samples of each batch a rank loads.

#include <cstddef>

#include "xgrad/data/loader.hpp"
#include "xgrad/distributed/communicator.hpp"

namespace xgrad {

/// What becomes of the samples at an epoch's end that do not fill a batch.
enum class LastBatch {
  pad,   ///< a smaller batch; as many samples of the epoch's beginning as make it a whole number
         ///< for each shard come again
  drop,  ///< they are left out
};

/// How batches are divided among ranks.
struct DistributedBatches {
  std::size_t batch_size = 32;      ///< of all ranks together
  std::size_t shards = 0;           ///< as DataParallelOptions says; 0: one per rank
  LastBatch last = LastBatch::pad;  ///< samples that do not fill a batch
};

/// How many samples of a batch of all ranks this rank has: what LoaderOptions::batch_size is to be.
/// Throws std::invalid_argument for fewer shards than ranks and for fewer samples than shards.
std::size_t local_batch_size(const Communicator& communicator, const DistributedBatches& batches);

/// This rank's samples of each batch of the order that `order` makes, the same on all ranks for a
/// seed: every sample is visited once per epoch by one of the ranks, but for what `last` says. All
/// ranks have as many batches. Throws as local_batch_size does.
///
///   DataLoader loader(data, {.batch_size = local_batch_size(world, batches), .seed = 1,
///                            .sampler = distributed_sampler(world, batches, random_sampler())});
Sampler distributed_sampler(const Communicator& communicator, const DistributedBatches& batches,
                            Sampler order = random_sampler());

}  // namespace xgrad
