#include "xgrad/distributed/sharded_optimizer.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "xgrad/base/errors.hpp"
#include "xgrad/distributed/calls.hpp"
#include "xgrad/distributed/shard_tree.hpp"

namespace xgrad {
namespace {

template <class Options>
std::string name_of() {
  if constexpr (std::is_same_v<Options, AdamOptions>) return "Adam";
  if constexpr (std::is_same_v<Options, AdamWOptions>) return "AdamW";
  if constexpr (std::is_same_v<Options, SgdOptions>) return "Sgd";
}

template <class Options>
DecayOptions decay_of(const Options& options) {
  DecayOptions decay = options.decay;
  if constexpr (requires { Options::kDecoupled; }) decay.decoupled = true;
  return decay;
}

template <class T>
std::string names_and_shapes(const NamedTensors<T>& parameters) {
  std::string r;
  for (const auto& p : parameters)
    r += p.name + ' ' + (p.tensor.defined() ? detail::text(p.tensor.shape()) : "undefined") + '\n';
  return r;
}

// Other options on a rank are another state, and other messages.
template <class Options>
std::string text_of(const Options& o) {
  using detail::text;
  std::string r = "learning_rate " + text(o.learning_rate) + ", weight_decay " +
                  text(o.weight_decay) + ", l1 " + text(o.decay.l1) + ", lp " + text(o.decay.lp);
  if constexpr (requires { o.amsgrad; }) {
    r += ", beta1 " + text(o.beta1) + ", beta2 " + text(o.beta2) + ", epsilon " + text(o.epsilon) +
         (o.amsgrad ? ", amsgrad" : "");
  } else {
    r += ", momentum " + text(o.momentum) + ", dampening " + text(o.dampening) +
         (o.nesterov ? ", nesterov" : "") + (o.rate_in_velocity ? ", rate_in_velocity" : "");
  }
  return r + '\n';
}

// The filter of decay sees whole parameters, not their pieces.
template <class T, class Options>
Options for_pieces(Options options, const NamedTensors<T>& parameters) {
  if (!options.decay.only) return options;
  std::map<std::string, bool> decays;
  for (const auto& p : parameters) decays[p.name] = options.decay.only(p.name, p.tensor.shape());
  options.decay.only = [decays](const std::string& name, const Shape&) { return decays.at(name); };
  return options;
}

}  // namespace

template <class Inner>
ShardedOptimizer<Inner>::ShardedOptimizer(const Communicator& communicator,
                                          const NamedTensors<T>& parameters, const Options& options)
    : Optimizer<T>(name_of<Options>()), communicator_(communicator.duplicate()) {
  add_group(parameters, options);
}

template <class Inner>
void ShardedOptimizer<Inner>::add_group(const NamedTensors<T>& parameters, const Options& options) {
  check_options(options);
  if constexpr (requires { options.look_ahead; }) {
    detail::require(!options.look_ahead, "ShardedOptimizer", "look_ahead moves whole parameters");
  }
  detail::require_alike(communicator_, "ShardedOptimizer",
                        names_and_shapes(parameters) + text_of(options));
  this->add_slots(parameters, {options.learning_rate, options.weight_decay, decay_of(options)});
  NamedTensors<T> pieces;
  for (std::size_t i = pieces_.size(); i < this->slots().size(); ++i) {
    const Slot& s = this->slots()[i];
    const auto own = detail::part_of(s.tensor.size(), communicator_.size(), communicator_.rank());
    pieces_.push_back(parameter(xgrad::Array<T>(typename xgrad::Array<T>::shape_type{own.size()})));
    pieces.push_back({s.name, pieces_.back()});
  }
  const Options of_pieces = for_pieces(options, parameters);
  if (inner_) {
    inner_->add_group(pieces, of_pieces);
  } else {
    inner_ = std::make_unique<Inner>(pieces, of_pieces);
  }
}

template <class Inner>
ShardedOptimizer<Inner>::~ShardedOptimizer() = default;

template <class Inner>
std::vector<int> ShardedOptimizer<Inner>::counts(std::size_t n) const {
  std::vector<int> r;
  for (std::size_t q = 0; q < communicator_.size(); ++q)
    r.push_back(detail::mpi_count(detail::part_of(n, communicator_.size(), q).size()));
  return r;
}

// Weights and gradient of this rank's piece.
template <class Inner>
void ShardedOptimizer<Inner>::take(std::size_t i) {
  const Tensor<T>& whole = this->slots()[i].tensor;
  Tensor<T>& piece = pieces_[i];
  const auto own = detail::part_of(whole.size(), communicator_.size(), communicator_.rank());
  const Tensor<T> gradient = whole.gradient();
  Tensor<T> g = Tensor<T>::uninitialized({own.size()});
  std::copy_n(whole.data() + own.first, own.size(), piece.mutable_data());
  std::copy_n(gradient.data() + own.first, own.size(), g.mutable_data());
  piece.set_gradient(std::move(g));
}

// One parameter after another, so that there is one piece's gradient at a time; weights leave as they are
// made.
template <class Inner>
void ShardedOptimizer<Inner>::step() {
  this->check_gradients(this->checks());
  for (std::size_t g = 0; g < this->group_count(); ++g)
    inner_->set_learning_rate(this->learning_rate(g), g);
  std::vector<Gathering> under_way;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    if (!this->is_ready(this->slots()[i])) continue;
    take(i);
    inner_->step();
    pieces_[i].zero_grad();
    this->slots()[i].steps += 1;
    gather(i, under_way.emplace_back());
  }
  for (Gathering& g : under_way)
    detail::check_mpi(MPI_Wait(&g.request, MPI_STATUS_IGNORE), "MPI_Wait");
}

template <class Inner>
void ShardedOptimizer<Inner>::gather(std::size_t i, Gathering& g) {
  Tensor<T>& whole = this->slots()[i].tensor;
  g.counts = counts(whole.size());
  g.offsets = detail::offsets_of(g.counts);
  detail::check_mpi(
      MPI_Iallgatherv(pieces_[i].data(), g.counts[communicator_.rank()], detail::mpi_type<T>(),
                      whole.mutable_data(), g.counts.data(), g.offsets.data(),
                      detail::mpi_type<T>(), communicator_.handle(), &g.request),
      "MPI_Iallgatherv");
}

template <class Inner>
void ShardedOptimizer<Inner>::update(Slot&) {}

template class ShardedOptimizer<Adam<float>>;
template class ShardedOptimizer<Adam<double>>;
template class ShardedOptimizer<AdamW<float>>;
template class ShardedOptimizer<AdamW<double>>;
template class ShardedOptimizer<Sgd<float>>;
template class ShardedOptimizer<Sgd<double>>;

}  // namespace xgrad
