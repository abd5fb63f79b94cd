#pragma once

// DataParallel: the gradient of a batch whose samples are spread over ranks.
//
//   DataParallel<float> parallel(world, net, {.shards = 12});
//   Adam<float> adam(net.parameters());
//   for (const auto& [images, labels] : loader) {           // this rank's samples, see sampler.hpp
//     const double loss = parallel.gradients(labels.size(), [&](Part part) {
//       return cross_entropy(net(part.of(images)), part.of(labels));
//     });
//     adam.step();                                          // the same step on all ranks
//   }
//
// A batch of all ranks is cut into shards. The function is called for each shard of this rank and
// returns the mean loss of its samples; each parameter's gradient is that of the mean loss over the
// whole batch, the same on all ranks. Numbers of the shards are added along a tree over all shards:
// with the same `shards` 1, 2, 3, ... ranks give the same gradients, and so the same parameters, to
// the last bit. More shards than ranks are also a way to large batches: nothing is sent between the
// shards of a rank. With one shard per rank (the default) the bits depend on the number of ranks.
//
// - Gradients leave in buckets while the backward pass of the rank's last shard goes on.
// - Random numbers: for the call the default generator is one of the shard's own, so that dropout
//   does not depend on who has the shard. Generators that modules hold are not seen to.
// - Buffers, such as running statistics: each shard starts from the same numbers, and what they become
//   is averaged over the shards by their samples. Batch normalisation takes a shard's statistics; for
//   those of the whole batch see SyncBatchNorm.
// - Parameters are those of rank 0 at the start, and stay the same where all ranks make the same steps.

#include <cstddef>
#include <memory>

#include "xgrad/distributed/communicator.hpp"
#include "xgrad/modules/module.hpp"
#include "xgrad/training/collective.hpp"

namespace xgrad {

template <class T>
class DataParallel : public BatchGradients<T> {
 public:
  using typename BatchGradients<T>::ShardLoss;

  /// Takes rank 0's parameters, buffers and default generator to all ranks. Collective. Module and
  /// communicator must outlive it.
  /// **Throws** std::invalid_argument, on all ranks, for fewer shards than ranks, and where ranks have
  /// other parameters, naming the first.
  DataParallel(const Communicator& communicator, Module<T>& net, DataParallelOptions options = {});
  ~DataParallel() override;
  DataParallel(const DataParallel&) = delete;
  DataParallel& operator=(const DataParallel&) = delete;

  std::size_t shards() const { return shards_; }

  /// Removes all gradients, calls `loss` for each of this rank's shards with its share of the
  /// `samples` that this rank has, and leaves the gradient of the whole batch in the parameters;
  /// returns the batch's mean loss, the same on all ranks. A shard without samples counts as nothing.
  /// Parameters that no shard uses are left without a gradient. Collective.
  /// **Throws** std::invalid_argument on all ranks where a rank's samples are not its share of the
  /// batch (a batch of n: samples n * first / shards to n * last / shards, as distributed_sampler
  /// makes it); std::runtime_error on all ranks, naming the parameter, where one is used by some
  /// shards only and `allow_unused` is not set. What `loss` throws leaves this rank's gradients
  /// removed, and the other ranks waiting: run_distributed ends them. std::logic_error for a parameter
  /// that was unfrozen since.
  double gradients(std::size_t samples, const ShardLoss& loss) override;

  /// A batch of several that a step is made of: its gradients stay here, and those of the next call of
  /// gradients() are of the mean loss over the samples of all of them. Nothing but losses and buffers
  /// is sent. Keeps the gradients of each of this rank's shards until then. Returns the batch's mean
  /// loss, and throws as gradients() does; what is thrown forgets the batches so far.
  double accumulate(std::size_t samples, const ShardLoss& loss) override;

  /// How long the last call waited for other ranks after its backward pass.
  double seconds_waited() const;

 private:
  double run(std::size_t samples, const ShardLoss& loss, bool keep);

  struct State;
  std::unique_ptr<State> state_;
  std::size_t shards_;
};

extern template class DataParallel<float>;
extern template class DataParallel<double>;

}  // namespace xgrad
