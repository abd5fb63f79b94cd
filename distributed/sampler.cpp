#include "xgrad/distributed/sampler.hpp"

#include <algorithm>
#include <utility>

#include "xgrad/base/errors.hpp"
#include "xgrad/distributed/shard_tree.hpp"

namespace xgrad {
namespace {

struct Cut {
  std::size_t batch_size, shards;
  detail::ShardRange own;

  detail::ShardRange samples(std::size_t batch) const {
    return {batch * own.first / shards, batch * own.last / shards};
  }
};

Cut cut_of(const Communicator& c, const DistributedBatches& batches) {
  const std::size_t shards = batches.shards == 0 ? c.size() : batches.shards;
  detail::require(shards >= c.size(), "distributed_sampler",
                  "there are fewer shards than ranks: ", shards, " shards, ", c.size(), " ranks");
  detail::require(batches.batch_size >= shards, "distributed_sampler",
                  "there are fewer samples than shards: batch_size ", batches.batch_size, ", ",
                  shards, " shards");
  return {batches.batch_size, shards, detail::part_of(shards, c.size(), c.rank())};
}

}  // namespace

std::size_t local_batch_size(const Communicator& communicator, const DistributedBatches& batches) {
  const Cut cut = cut_of(communicator, batches);
  return cut.samples(cut.batch_size).size();
}

Sampler distributed_sampler(const Communicator& communicator, const DistributedBatches& batches,
                            Sampler order) {
  const Cut cut = cut_of(communicator, batches);
  const LastBatch last = batches.last;
  return [cut, last, order = std::move(order)](std::size_t size, Generator::State draw) {
    std::vector<std::int64_t> all = order(size, draw);
    const std::size_t rest = all.size() % cut.batch_size, n = all.size();
    if (last == LastBatch::drop) all.resize(n - rest);
    for (std::size_t i = 0; last == LastBatch::pad && n > 0 && all.size() % cut.shards != 0; ++i)
      all.push_back(all[i]);
    std::vector<std::int64_t> own;
    for (std::size_t at = 0; at < all.size(); at += cut.batch_size) {
      const auto s = cut.samples(std::min(cut.batch_size, all.size() - at));
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(at);
      own.insert(own.end(), begin + static_cast<std::ptrdiff_t>(s.first),
                 begin + static_cast<std::ptrdiff_t>(s.last));
    }
    return own;
  };
}

}  // namespace xgrad
