#pragma once

// Batch normalisation with the statistics of all ranks' batches together.

#include <cstddef>
#include <memory>

#include "xgrad/distributed/communicator.hpp"
#include "xgrad/modules/module.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/ops/normalization.hpp"

namespace xgrad {

/// The sum of the ranks' tensors, the same on all ranks; all ranks call it, forward and backward, in
/// the same order. Gradient: the sum of the ranks' gradients: each rank's loss is a part of the
/// whole. Throws std::invalid_argument on all ranks where shapes differ. The communicator must
/// outlive the graph.
template <class T>
Tensor<T> sum_over_ranks(const Communicator& communicator, const Tensor<T>& x);

/// BatchNorm (Ioffe and Szegedy 2015), its parameters, buffers and options; while training, mean and
/// variance are those of the samples of all ranks, and the running ones the same everywhere. Ranks
/// may have other numbers of samples. In evaluation mode nothing is sent.
///
/// Not with several shards per rank: shards come one after another, and each would wait for the
/// others' statistics. Copies (clone) share its communicator. Files have it as what the number of
/// ranks does not matter to: load its state into a BatchNorm.
template <class T>
class SyncBatchNorm : public Module<T> {
 public:
  /// Collective. Throws std::invalid_argument for no features, eps < 0, and a momentum outside
  /// (0, 1].
  SyncBatchNorm(const Communicator& communicator, std::size_t features,
                BatchNormLayerOptions options = {});

  /// **Shapes** x (n, features) or (n, features, ...) -> the same.
  /// **Throws** std::invalid_argument for another number of channels, and on all ranks for fewer than
  /// two numbers per channel over all of them.
  Tensor<T> forward(const Tensor<T>& x) override;
  std::unique_ptr<Module<T>> structure() const override;

  Tensor<T>& weight;               ///< undefined when not affine
  Tensor<T>& bias;                 ///< undefined when not affine
  Tensor<T>& running_mean;         ///< undefined when not tracked
  Tensor<T>& running_var;          ///< undefined when not tracked
  Tensor<T>& num_batches_tracked;  ///< undefined when not tracked

 private:
  using Group = std::shared_ptr<const Communicator>;
  SyncBatchNorm(Group group, BatchNorm<T>&& like, std::size_t features,
                BatchNormLayerOptions options);
  BatchStatistics<T> statistics(const Tensor<T>& x) const;
  Tensor<T> move(const Tensor<T>& x);

  Group group_;
  BatchNormLayerOptions options_;
  std::size_t features_;
};

extern template class SyncBatchNorm<float>;
extern template class SyncBatchNorm<double>;

}  // namespace xgrad
