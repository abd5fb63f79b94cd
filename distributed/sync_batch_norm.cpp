#include "xgrad/distributed/sync_batch_norm.hpp"

#include <utility>
#include <vector>

#include "xgrad/autograd/observe.hpp"
#include "xgrad/autograd/trace.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/function.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad {
namespace {

// All axes but 1.
std::vector<std::ptrdiff_t> axes_of_channels(const Shape& x) {
  std::vector<std::ptrdiff_t> axes{0};
  for (std::size_t a = 2; a < x.rank(); ++a) axes.push_back(static_cast<std::ptrdiff_t>(a));
  return axes;
}

// (c) as (1, c, 1, ...).
template <class T>
Tensor<T> along_channels(const Tensor<T>& v, std::size_t rank) {
  std::vector<std::size_t> shape(rank, 1);
  shape[1] = v.size();
  return reshape(v, Shape(shape.begin(), shape.end()));
}

}  // namespace

template <class T>
Tensor<T> sum_over_ranks(const Communicator& communicator, const Tensor<T>& x) {
  const Communicator* const c = &communicator;
  return custom_function<T>(
      "sum_over_ranks", {x},
      [c](const std::vector<Tensor<T>>& in) {
        Tensor<T> sum = in[0].detach().clone();
        c->all_reduce(sum);
        return sum;
      },
      [c](const std::vector<Tensor<T>>&, const Tensor<T>&, const Tensor<T>& g) {
        return std::vector<Tensor<T>>{sum_over_ranks(*c, g)};
      });
}

// A BatchNorm checks the options and has the initial numbers.
template <class T>
SyncBatchNorm<T>::SyncBatchNorm(Group group, BatchNorm<T>&& like, std::size_t features,
                                BatchNormLayerOptions options)
    : weight(this->add_parameter("weight", like.weight)),
      bias(this->add_parameter("bias", like.bias)),
      running_mean(this->add_buffer("running_mean", like.running_mean)),
      running_var(this->add_buffer("running_var", like.running_var)),
      num_batches_tracked(this->add_buffer("num_batches_tracked", like.num_batches_tracked)),
      group_(std::move(group)),
      options_(options),
      features_(features) {}

template <class T>
SyncBatchNorm<T>::SyncBatchNorm(const Communicator& communicator, std::size_t features,
                                BatchNormLayerOptions options)
    : SyncBatchNorm(std::make_shared<const Communicator>(communicator.duplicate()),
                    BatchNorm<T>(features, options), features, options) {}

template <class T>
std::unique_ptr<Module<T>> SyncBatchNorm<T>::structure() const {
  return std::unique_ptr<Module<T>>(
      new SyncBatchNorm(group_, BatchNorm<T>(features_, options_), features_, options_));
}

template <class T>
BatchStatistics<T> SyncBatchNorm<T>::statistics(const Tensor<T>& x) const {
  std::size_t count = 0;
  for (const std::uint64_t n : group_->all_gather(std::uint64_t{x.size() / features_})) count += n;
  detail::require(count >= 2, "sync_batch_norm",
                  "a batch with one number per channel has no variance: x ", x.shape());
  const auto axes = axes_of_channels(x.shape());
  const T n = static_cast<T>(count);
  const Tensor<T> mean = sum_over_ranks(*group_, sum(x, axes)) / n;
  const Tensor<T> apart = x - along_channels(mean, x.rank());
  return {mean, sum_over_ranks(*group_, sum(square(apart), axes)) / n, count};
}

template <class T>
Tensor<T> SyncBatchNorm<T>::forward(const Tensor<T>& x) {
  detail::require(x.rank() >= 2 && x.size(1) == features_, "sync_batch_norm", "x has not ",
                  features_, " channels on axis 1: x ", x.shape());
  const NormOptions options{.eps = options_.eps};
  if (!this->is_training() && options_.track)
    return batch_norm_inference(x, running_mean, running_var, weight, bias, options);
  if (this->is_training() && options_.track && !detail::is_repeating())
    return detail::stateful("sync_batch_norm", x,
                            [this](const Tensor<T>& now) { return move(now); });
  const BatchStatistics<T> batch = statistics(x);
  return batch_norm_inference(x, batch.mean, batch.variance, weight, bias, options);
}

// ... and the running statistics move.
template <class T>
Tensor<T> SyncBatchNorm<T>::move(const Tensor<T>& x) {
  const BatchStatistics<T> batch = statistics(x);
  const T n = *num_batches_tracked.mutable_data() += T(1);
  update_running_statistics({batch.mean.detach(), batch.variance.detach(), batch.count},
                            options_.momentum.value_or(1 / static_cast<double>(n)), running_mean,
                            running_var);
  return batch_norm_inference(x, batch.mean, batch.variance, weight, bias, {.eps = options_.eps});
}

#define XGRAD_INSTANTIATE(T)                                                \
  template Tensor<T> sum_over_ranks(const Communicator&, const Tensor<T>&); \
  template class SyncBatchNorm<T>;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
