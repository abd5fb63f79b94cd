#pragma once

// Communicator: a group of processes (ranks) over an MPI communicator, and what they tell each other.
//
//   Communicator world;                               // all ranks of MPI_COMM_WORLD
//   world.broadcast(weights);                         // rank 0's numbers everywhere
//   world.all_reduce(errors, CommunicatorReduction::mean);
//   if (world.any(loss_is_nan)) ...                   // all ranks decide alike
//
// Every function is collective: all ranks call it, in the same order, or wait for ever. Sums are made
// by a fixed tree over the ranks, never by MPI: they have the same bits on all ranks and in every run.
// (Open MPI 4.1.4 adds in an order that depends on the place in a message, MPICH 4.0.2 can give
// ranks different maxima of numbers with a NaN among them.)

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "xgrad/autograd/parameters.hpp"
#include "xgrad/autograd/tensor.hpp"
#include "xgrad/training/collective.hpp"

namespace xgrad {

enum class CommunicatorReduction { sum, mean };

class Communicator : public Collective {
 public:
  /// Of the ranks of `group`, which stays the caller's: messages go through a duplicate and meet no
  /// others. Collective. **Throws** std::logic_error unless MPI is initialised.
  explicit Communicator(MPI_Comm group = MPI_COMM_WORLD);
  ~Communicator() override;
  Communicator(Communicator&& other) noexcept;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  std::size_t rank() const override { return rank_; }
  std::size_t size() const override { return size_; }
  MPI_Comm handle() const { return comm_; }  ///< for calls of MPI; it stays the communicator's
  /// Another communicator of the same ranks, whose messages meet none of this one. Collective.
  Communicator duplicate() const { return Communicator(comm_); }

  /// Returns when all ranks have called it.
  void barrier() const;

  /// Overwrites `x` with that of `root`. **Throws** std::invalid_argument on all ranks where shapes
  /// differ, and changes nothing; std::out_of_range for a root that is none.
  template <class T>
  void broadcast(Tensor<T>& x, std::size_t root = 0) const;
  /// Overwrites all tensors with those of `root`. **Throws** std::invalid_argument on all ranks, naming
  /// the first tensor whose name or shape differs, and changes nothing.
  template <class T>
  void broadcast(const NamedTensors<T>& tensors, std::size_t root = 0) const;
  void broadcast(std::string& text, std::size_t root = 0) const override;

  /// Overwrites `x` with the sum or mean over the ranks, added in pairs in the order of the ranks.
  /// **Throws** as broadcast() does.
  template <class T>
  void all_reduce(Tensor<T>& x, CommunicatorReduction reduction = CommunicatorReduction::sum) const;

  /// The tensors of all ranks, in their order; shapes may differ.
  template <class T>
  std::vector<Tensor<T>> all_gather(const Tensor<T>& x) const;
  /// The same on `root` alone; empty elsewhere.
  template <class T>
  std::vector<Tensor<T>> gather(const Tensor<T>& x, std::size_t root = 0) const;
  std::vector<double> all_gather(double x) const;
  std::vector<std::uint64_t> all_gather(std::uint64_t x) const override;
  std::vector<std::string> all_gather(const std::string& text) const override;
  /// Ranks may have other numbers of numbers.
  std::vector<std::vector<double>> all_gather(const std::vector<double>& x) const override;

  /// True on all ranks where `x` is on at least one; where it is on all.
  bool any(bool x) const override;
  bool all(bool x) const;

  /// Not collective. Throws std::out_of_range for a rank that is none.
  void send(const std::string& text, std::size_t to) const override;
  std::pair<std::size_t, std::string> receive() const override;

  /// A DataParallel, which see.
  std::unique_ptr<BatchGradients<float>> data_parallel(
      Module<float>& net, const DataParallelOptions& options = {}) const override;
  std::unique_ptr<BatchGradients<double>> data_parallel(
      Module<double>& net, const DataParallelOptions& options = {}) const override;

 private:
  void check_root(std::size_t root) const;

  MPI_Comm comm_ = MPI_COMM_NULL;
  std::size_t rank_ = 0, size_ = 1;
};

/// Overwrites parameters and buffers of a module (anything with state_dict()) with those of `root`.
template <class Net>
void broadcast_parameters(const Communicator& communicator, Net& net, std::size_t root = 0) {
  communicator.broadcast(net.state_dict(), root);
}

}  // namespace xgrad
