#pragma once

// What training needs of a group of processes (ranks), whatever they talk over. The component mpi has
// a Communicator, which is one; a Trainer takes it as TrainerOptions::communicator. Nothing here sends
// anything.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/modules/module.hpp"

namespace xgrad {

/// Samples first ... last - 1 of what this rank has of a batch.
struct Part {
  std::size_t first = 0, last = 0;
  std::size_t size() const { return last - first; }

  /// These rows of a tensor, or of labels.
  template <class T>
  Tensor<T> of(const Tensor<T>& x) const;
  Indices of(const Indices& labels) const;
};

struct DataParallelOptions {
  std::size_t shards = 0;  ///< of a batch, at least one per rank; 0: one per rank
  std::size_t bucket_bytes = std::size_t{1} << 20;  ///< sent together
  /// Ranks that are all on one machine read each other's gradients where they lie, with the same bits;
  /// false: by messages, as between machines.
  bool shared_memory = true;
  /// A parameter that some shards use and others do not is an error; with this it counts as zero
  /// there.
  bool allow_unused = false;
};

/// The gradients of batches whose samples are spread over ranks: a DataParallel.
template <class T>
class BatchGradients {
 public:
  /// The mean loss over the samples of a shard.
  using ShardLoss = std::function<Tensor<T>(Part part)>;

  virtual ~BatchGradients() = default;
  /// The gradients of a batch of `samples` of all ranks, in place of those there were; returns its loss.
  virtual double gradients(std::size_t samples, const ShardLoss& loss) = 0;
  /// The gradients of a part of a step, kept on this rank and added up by the next call of gradients().
  virtual double accumulate(std::size_t samples, const ShardLoss& loss) = 0;
};

/// All functions are collective, but for rank(), size(), send() and receive().
class Collective {
 public:
  virtual ~Collective() = default;
  virtual std::size_t rank() const = 0;
  virtual std::size_t size() const = 0;

  /// The text that `root` has.
  virtual void broadcast(std::string& text, std::size_t root) const = 0;
  /// What every rank has, in the order of the ranks.
  virtual std::vector<std::uint64_t> all_gather(std::uint64_t x) const = 0;
  virtual std::vector<std::string> all_gather(const std::string& text) const = 0;
  virtual std::vector<std::vector<double>> all_gather(const std::vector<double>& x) const = 0;
  /// Whether x is true at one of the ranks.
  virtual bool any(bool x) const = 0;

  /// A text for one rank, which receive() gives it.
  virtual void send(const std::string& text, std::size_t to) const = 0;
  /// The next text that any rank sends here, and that rank. Sleeps while there is none.
  virtual std::pair<std::size_t, std::string> receive() const = 0;

  /// A DataParallel of the net.
  virtual std::unique_ptr<BatchGradients<float>> data_parallel(
      Module<float>& net, const DataParallelOptions& options) const = 0;
  virtual std::unique_ptr<BatchGradients<double>> data_parallel(
      Module<double>& net, const DataParallelOptions& options) const = 0;
};

namespace detail {

/// What `make` gives on rank 0, on all ranks. What it throws there, rank 0 throws again, and the
/// others std::runtime_error with its message.
std::string from_rank_0(const Collective& group, const std::function<std::string()>& make);

/// Throws std::invalid_argument on all ranks, with the first two that differ, unless all have the
/// same text.
void require_alike(const Collective& group, const char* operation, const std::string& text);

}  // namespace detail
}  // namespace xgrad
