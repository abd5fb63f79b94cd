#pragma once

// ShardedOptimizer: Adam, AdamW or Sgd whose state is spread over the ranks, for models whose moments are
// what fills the memory.
//
//   ShardedOptimizer<Adam<float>> adam(world, net.parameters(), {.learning_rate = 1e-3});
//
// More groups, with options of their own, by add_group(). Each rank has a stretch of every parameter, 1 / ranks of it: it keeps the state of that stretch,
// updates it, and all ranks gather the weights. Weights have the same bits as with the optimizer
// itself. Per rank (Adam): 2 / ranks of the weights' memory for the moments in place of 2, and 1 / ranks
// for a copy of the stretches.
//
// Its state is that of the optimizer, under the same names: checkpoints go on with the one or the other,
// and with any number of ranks.

#include <memory>
#include <string>
#include <vector>

#include "xgrad/distributed/communicator.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/optimizers/optimizer.hpp"
#include "xgrad/optimizers/sgd.hpp"

namespace xgrad {

template <class Inner>
class ShardedOptimizer : public Optimizer<typename Inner::value_type> {
  using T = typename Inner::value_type;

 public:
  /// Those of Inner.
  using Options = std::decay_t<decltype(std::declval<const Inner&>().options())>;

  /// All ranks have the same gradients when step() is called, as DataParallel makes them. The
  /// communicator must outlive it. Collective.
  /// **Throws** as Inner does, and std::invalid_argument for an Sgd that looks ahead and where ranks
  /// have other parameters or options.
  ShardedOptimizer(const Communicator& communicator, const NamedTensors<T>& parameters,
                   const Options& options = {});
  ~ShardedOptimizer() override;

  /// More parameters, with other options, as of Inner. Collective. **Throws** as the constructor, and
  /// where parameters are in another group.
  void add_group(const NamedTensors<T>& parameters, const Options& options = {});

  using Optimizer<T>::step;
  /// Collective, and so are state_dict(), which is whole on rank 0 and without arrays elsewhere, and
  /// the Trainer's checkpoints; load_state_dict() takes the whole state on all ranks.
  void step() override;

  /// Bytes of state on this rank.
  std::size_t state_bytes() const;

 private:
  using typename Optimizer<T>::Slot;
  std::vector<std::string> state_names(std::size_t group) const override;
  NamedTensors<T> state_tensors() const override;
  void restore_tensors(const detail::StateTensors<T>& tensors) override;
  void update(Slot& slot) override;

  std::vector<int> counts(std::size_t n) const;
  void take(std::size_t i);
  // Weights on their way; MPI reads the counts until they are there.
  struct Gathering {
    std::vector<int> counts, offsets;
    MPI_Request request = MPI_REQUEST_NULL;
  };
  void gather(std::size_t i, Gathering& g);

  Communicator communicator_;
  std::vector<Tensor<T>> pieces_;  // of each parameter, in the order of the slots
  std::unique_ptr<Inner> inner_;   // of the pieces
};

extern template class ShardedOptimizer<Adam<float>>;
extern template class ShardedOptimizer<Adam<double>>;
extern template class ShardedOptimizer<AdamW<float>>;
extern template class ShardedOptimizer<AdamW<double>>;
extern template class ShardedOptimizer<Sgd<float>>;
extern template class ShardedOptimizer<Sgd<double>>;

}  // namespace xgrad
