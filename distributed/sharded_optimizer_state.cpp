// Saving and restoring state that is spread over ranks.

#include <zlib.h>

#include <algorithm>
#include <exception>
#include <map>
#include <stdexcept>
#include <utility>

#include "xgrad/base/errors.hpp"
#include "xgrad/distributed/calls.hpp"
#include "xgrad/distributed/shard_tree.hpp"
#include "xgrad/distributed/sharded_optimizer.hpp"

namespace xgrad {
namespace {

// What an optimizer keeps of a parameter, which only its relatives may ask.
template <class T>
struct Insides : Optimizer<T> {
  static std::vector<std::string> names(const Optimizer<T>& optimizer, std::size_t group) {
    return (optimizer.*(&Insides::state_names))(group);
  }
  static NamedTensors<T> tensors(const Optimizer<T>& optimizer) {
    return (optimizer.*(&Insides::state_tensors))();
  }
};

constexpr std::uint64_t kDone = ~std::uint64_t{0};  // in place of the number of an array

template <class T>
unsigned long checksum_of(const Tensor<T>& t) {
  return crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const Bytef*>(t.data()),
                 t.size() * sizeof(T));
}

}  // namespace

template <class Inner>
std::size_t ShardedOptimizer<Inner>::state_bytes() const {
  std::size_t n = 0;
  for (const auto& t : inner_->state_dict().tensors) n += t.tensor.size() * sizeof(T);
  return n;
}

template <class Inner>
std::vector<std::string> ShardedOptimizer<Inner>::state_names(std::size_t group) const {
  return Insides<T>::names(*inner_, group);
}

template <class Inner>
auto ShardedOptimizer<Inner>::arrays() const -> std::vector<Array> {
  std::map<std::string, Tensor<T>> pieces;
  for (const auto& t : Insides<T>::tensors(*inner_)) pieces.emplace(t.name, t.tensor);
  std::vector<Array> r;
  for (const Slot& s : this->slots()) {
    if (s.steps == 0) continue;
    for (const std::string& name : state_names(s.group))
      r.push_back({&s, s.name + "/" + name, pieces.at(s.name + "/" + name)});
  }
  return r;
}

template <class Inner>
auto ShardedOptimizer<Inner>::state_tensors() const -> NamedTensors<T> {
  NamedTensors<T> r;
  for (const Array& a : arrays()) {
    const std::vector<int> sizes = counts(a.slot->tensor.size());
    const std::vector<int> offsets = detail::offsets_of(sizes);
    const bool root = communicator_.rank() == 0;
    Tensor<T> whole = Tensor<T>::uninitialized(root ? a.slot->tensor.shape() : Shape{0});
    detail::check_mpi(MPI_Gatherv(a.piece.data(), sizes[communicator_.rank()],
                                  detail::mpi_type<T>(), whole.mutable_data(), sizes.data(),
                                  offsets.data(), detail::mpi_type<T>(), 0, communicator_.handle()),
                      "MPI_Gatherv");
    if (root) r.push_back({a.name, whole});
  }
  return r;
}

template <class Inner>
StateNumbers ShardedOptimizer<Inner>::spread_numbers() const {
  StateNumbers r;
  const_cast<ShardedOptimizer*>(this)->visit_numbers(  // the visitor only reads
      [&](const std::string& name, double& number) { r.emplace(name, number); });
  return detail::with_prefix(r, this->type_name());
}

// Of the checksums of pieces that follow one another zlib makes that of the whole.
template <class Inner>
std::vector<SpreadArray> ShardedOptimizer<Inner>::spread_arrays() const {
  std::vector<SpreadArray> r;
  for (const Array& a : arrays()) {
    const std::size_t n = a.slot->tensor.size();
    const auto sums = communicator_.all_gather(std::uint64_t{checksum_of(a.piece)});
    unsigned long sum = sums[0];
    for (std::size_t q = 1; q < sums.size(); ++q) {
      const auto bytes = detail::part_of(n, sums.size(), q).size() * sizeof(T);
      sum = crc32_combine(sum, sums[q], static_cast<z_off_t>(bytes));
    }
    r.push_back({this->type_name() + "/" + a.name, a.slot->tensor.shape(),
                 static_cast<std::uint32_t>(sum)});
  }
  return r;
}

// Rank 0 asks each of the others for its piece when it is its turn; so nothing is under way when something
// fails.
template <class Inner>
void ShardedOptimizer<Inner>::read(std::size_t i, const Array& array,
                                   const typename SpreadState<T>::Sink& sink) const {
  sink({array.piece.data(), array.piece.size()});
  for (std::size_t q = 1; q < communicator_.size(); ++q) {
    const int size = counts(array.slot->tensor.size())[q], rank = static_cast<int>(q);
    const std::uint64_t wanted = i;
    Tensor<T> piece = Tensor<T>::uninitialized({static_cast<std::size_t>(size)});
    detail::check_mpi(MPI_Send(&wanted, 1, MPI_UINT64_T, rank, 0, communicator_.handle()),
                      "MPI_Send");
    detail::check_mpi(MPI_Recv(piece.mutable_data(), size, detail::mpi_type<T>(), rank, 0,
                               communicator_.handle(), MPI_STATUS_IGNORE),
                      "MPI_Recv");
    sink({piece.data(), piece.size()});
  }
}

template <class Inner>
void ShardedOptimizer<Inner>::send_pieces(const std::vector<Array>& arrays) const {
  for (;;) {
    std::uint64_t wanted = 0;
    detail::check_mpi(
        MPI_Recv(&wanted, 1, MPI_UINT64_T, 0, 0, communicator_.handle(), MPI_STATUS_IGNORE),
        "MPI_Recv");
    if (wanted == kDone) return;
    const Tensor<T>& piece = arrays.at(wanted).piece;
    detail::check_mpi(MPI_Send(piece.data(), detail::mpi_count(piece.size()), detail::mpi_type<T>(),
                               0, 0, communicator_.handle()),
                      "MPI_Send");
  }
}

template <class Inner>
void ShardedOptimizer<Inner>::with_spread_arrays(const std::function<void(const Read&)>& f) const {
  const std::vector<Array> all = arrays();
  if (communicator_.rank() > 0) return send_pieces(all);
  std::exception_ptr error;
  try {
    f([&](std::size_t i, const auto& sink) { read(i, all.at(i), sink); });
  } catch (...) {
    error = std::current_exception();
  }
  for (std::size_t q = 1; q < communicator_.size(); ++q)
    detail::check_mpi(
        MPI_Send(&kDone, 1, MPI_UINT64_T, static_cast<int>(q), 0, communicator_.handle()),
        "MPI_Send");
  if (error) std::rethrow_exception(error);
}

template <class Inner>
void ShardedOptimizer<Inner>::check_spread(const StateNumbers& numbers,
                                           const detail::StateShapes& arrays) const {
  const std::string prefix = this->type_name() + "/";
  detail::StateShapes given;
  for (const auto& [name, shape] : arrays) {
    if (name.starts_with(prefix)) given.emplace(name.substr(prefix.size()), shape);
  }
  const StateNumbers own = detail::own_numbers(numbers, this->type_name());
  detail::check_state(this->type_name(), detail::own_numbers(spread_numbers(), this->type_name()),
                      own, this->expected_tensors(own), given);
}

// Of n numbers. Rank 0 goes on after an error, for the others wait for what they are to get.
template <class Inner>
auto ShardedOptimizer<Inner>::read_piece(const std::string& name, std::size_t n,
                                         const ReadPart& read, std::exception_ptr& error) const
    -> Tensor<T> {
  const std::size_t ranks = communicator_.size(), rank = communicator_.rank();
  const auto piece_of = [&](std::size_t q) {
    const auto part = detail::part_of(n, ranks, q);
    Tensor<T> piece = Tensor<T>::uninitialized({part.size()});
    try {
      if (!error) read(name, part.first, {piece.mutable_data(), piece.size()});
    } catch (...) {
      error = std::current_exception();
    }
    return piece;
  };
  const auto count = [](const Tensor<T>& t) { return detail::mpi_count(t.size()); };
  if (rank > 0) {
    Tensor<T> piece = Tensor<T>::uninitialized({detail::part_of(n, ranks, rank).size()});
    detail::check_mpi(MPI_Recv(piece.mutable_data(), count(piece), detail::mpi_type<T>(), 0, 0,
                               communicator_.handle(), MPI_STATUS_IGNORE),
                      "MPI_Recv");
    return piece;
  }
  for (std::size_t q = 1; q < ranks; ++q) {
    const Tensor<T> piece = piece_of(q);
    detail::check_mpi(MPI_Send(piece.data(), count(piece), detail::mpi_type<T>(),
                               static_cast<int>(q), 0, communicator_.handle()),
                      "MPI_Send");
  }
  return piece_of(0);
}

template <class Inner>
void ShardedOptimizer<Inner>::load_spread(const StateNumbers& numbers, const ReadPart& read) {
  OptimizerState<T> state;
  std::exception_ptr error;
  state.numbers =
      detail::with_prefix(detail::own_numbers(numbers, this->type_name()), this->type_name());
  for (const auto& [name, shape] :
       this->expected_tensors(detail::own_numbers(numbers, this->type_name()))) {
    const std::string full = this->type_name() + "/" + name;
    state.tensors.push_back({full, read_piece(full, shape.elements(), read, error)});
  }
  const bool failed = communicator_.any(error != nullptr);
  if (error) std::rethrow_exception(error);
  if (failed) detail::fail<std::runtime_error>("ShardedOptimizer", "rank 0 cannot read its state");
  restore_own(state);
}

template <class Inner>
auto ShardedOptimizer<Inner>::own_state() const -> OptimizerState<T> {
  return {inner_->state_dict().tensors, spread_numbers()};
}

template <class Inner>
void ShardedOptimizer<Inner>::restore_own(const OptimizerState<T>& state) {
  const StateNumbers numbers = detail::own_numbers(state.numbers, this->type_name());
  inner_->load_state_dict(state);
  this->visit_numbers([&](const std::string& name, double& number) { number = numbers.at(name); });
}

// The numbers are in place already.
template <class Inner>
void ShardedOptimizer<Inner>::restore_tensors(const detail::StateTensors<T>& tensors) {
  OptimizerState<T> state;
  state.numbers = spread_numbers();
  for (const auto& [name, whole] : tensors) {
    const auto own = detail::part_of(whole.size(), communicator_.size(), communicator_.rank());
    Tensor<T> piece = Tensor<T>::uninitialized({own.size()});
    std::copy_n(whole.data() + own.first, own.size(), piece.mutable_data());
    state.tensors.push_back({this->type_name() + "/" + name, piece});
  }
  inner_->load_state_dict(state);
}

#define XGRAD_INSTANTIATE(O, T)                                                                \
  template std::size_t ShardedOptimizer<O<T>>::state_bytes() const;                            \
  template std::vector<std::string> ShardedOptimizer<O<T>>::state_names(std::size_t) const;    \
  template auto ShardedOptimizer<O<T>>::arrays() const->std::vector<Array>;                    \
  template auto ShardedOptimizer<O<T>>::state_tensors() const->NamedTensors<T>;                \
  template StateNumbers ShardedOptimizer<O<T>>::spread_numbers() const;                        \
  template std::vector<SpreadArray> ShardedOptimizer<O<T>>::spread_arrays() const;             \
  template void ShardedOptimizer<O<T>>::read(std::size_t, const Array&,                        \
                                             const SpreadState<T>::Sink&) const;               \
  template void ShardedOptimizer<O<T>>::send_pieces(const std::vector<Array>&) const;          \
  template void ShardedOptimizer<O<T>>::with_spread_arrays(                                    \
      const std::function<void(const Read&)>&) const;                                          \
  template void ShardedOptimizer<O<T>>::check_spread(const StateNumbers&,                      \
                                                     const detail::StateShapes&) const;        \
  template auto ShardedOptimizer<O<T>>::read_piece(                                            \
      const std::string&, std::size_t, const ReadPart&, std::exception_ptr&) const->Tensor<T>; \
  template void ShardedOptimizer<O<T>>::load_spread(const StateNumbers&, const ReadPart&);     \
  template auto ShardedOptimizer<O<T>>::own_state() const->OptimizerState<T>;                  \
  template void ShardedOptimizer<O<T>>::restore_own(const OptimizerState<T>&);                 \
  template void ShardedOptimizer<O<T>>::restore_tensors(const detail::StateTensors<T>&);
XGRAD_INSTANTIATE(Adam, float)
XGRAD_INSTANTIATE(Adam, double)
XGRAD_INSTANTIATE(AdamW, float)
XGRAD_INSTANTIATE(AdamW, double)
XGRAD_INSTANTIATE(Sgd, float)
XGRAD_INSTANTIATE(Sgd, double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
