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
// and with any number of ranks. A Trainer writes them piece by piece, so that no rank has the state whole.

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "xgrad/distributed/communicator.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/optimizers/optimizer.hpp"
#include "xgrad/optimizers/sgd.hpp"
#include "xgrad/optimizers/spread_state.hpp"

namespace xgrad {

template <class Inner>
class ShardedOptimizer : public Optimizer<typename Inner::value_type>,
                         public SpreadState<typename Inner::value_type> {
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
  /// Collective, and so are state_dict(), which is whole on rank 0, takes the memory for it there, and is without
  /// arrays elsewhere, and the Trainer's checkpoints; load_state_dict() takes the whole state on all
  /// ranks.
  void step() override;

  /// Bytes of state on this rank.
  std::size_t state_bytes() const;

  using typename SpreadState<T>::Read;
  const std::string& spread_name() const override { return this->type_name(); }
  StateNumbers spread_numbers() const override;
  std::vector<SpreadArray> spread_arrays() const override;
  void with_spread_arrays(const std::function<void(const Read&)>& f) const override;
  using typename SpreadState<T>::ReadPart;
  void check_spread(const StateNumbers& numbers, const detail::StateShapes& arrays) const override;
  void load_spread(const StateNumbers& numbers, const ReadPart& read) override;
  OptimizerState<T> own_state() const override;
  void restore_own(const OptimizerState<T>& state) override;

 private:
  using typename Optimizer<T>::Slot;
  std::vector<std::string> state_names(std::size_t group) const override;
  NamedTensors<T> state_tensors() const override;
  void restore_tensors(const detail::StateTensors<T>& tensors) override;
  void update(Slot& slot) override;

  // An array of the state: a name of state_names() of a slot, and this rank's piece of it.
  struct Array {
    const Slot* slot;
    std::string name;
    Tensor<T> piece;
  };
  std::vector<Array> arrays() const;
  void read(std::size_t i, const Array& array, const typename SpreadState<T>::Sink& sink) const;
  Tensor<T> read_piece(const std::string& name, std::size_t n, const ReadPart& read,
                       std::exception_ptr& error) const;
  void send_pieces(const std::vector<Array>& arrays) const;

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
