#include "xgrad/modules/normalization.hpp"

#include <string>

#include "xgrad/autograd/observe.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/modules/initialization.hpp"
#include "xgrad/ops/normalization.hpp"

namespace xgrad {

using detail::fail;

namespace {

double checked_eps(const char* module, double eps) {
  return detail::require_in(module, "eps", eps, "[0, inf]");
}

const Shape& checked_shape(const char* module, const Shape& shape) {
  if (shape.rank() > 0 && shape.elements() > 0) return shape;
  fail(module, "there is nothing to normalise: shape ", shape);
}

// A tensor of this value, or none.
template <class T>
Tensor<T> optional(bool wanted, const Shape& shape, double value) {
  return wanted ? Tensor<T>::filled(shape, static_cast<T>(value)) : Tensor<T>();
}

void check_channels(const char* operation, const Shape& x, std::size_t channels) {
  if (x.rank() >= 2 && x[1] == channels) return;
  fail(operation, "x has not ", channels, " channels on axis 1: x ", x);
}

BatchNormLayerOptions checked(std::size_t features, BatchNormLayerOptions o) {
  checked_shape("BatchNorm", {features});
  checked_eps("BatchNorm", o.eps);
  if (o.momentum) detail::require_in("BatchNorm", "momentum", *o.momentum, "(0, 1]");
  return o;
}

NormLayerOptions norm_options(const ModuleOptions& o) {
  return {.eps = o.number("eps"), .affine = o.flag("affine", true)};
}

}  // namespace

// --- BatchNorm ---

template <class T>
BatchNorm<T>::BatchNorm(std::size_t features, BatchNormLayerOptions options)
    : weight(this->add_parameter("weight", optional<T>(options.affine, {features}, 1))),
      bias(this->add_parameter("bias", optional<T>(options.affine, {features}, 0))),
      running_mean(this->add_buffer("running_mean", optional<T>(options.track, {features}, 0))),
      running_var(this->add_buffer("running_var", optional<T>(options.track, {features}, 1))),
      num_batches_tracked(
          this->add_buffer("num_batches_tracked", optional<T>(options.track, {}, 0))),
      options_(checked(features, options)),
      features_(features) {}

template <class T>
void BatchNorm<T>::check(const Tensor<T>& x, bool uses_batch) const {
  check_channels("batch_norm", x.shape(), features_);
  if (uses_batch && x.size() / features_ < 2) {
    fail("batch_norm", "a batch with one number per channel has no variance: x ", x.shape(),
         "; train on larger batches, or call eval()");
  }
}

template <class T>
Tensor<T> BatchNorm<T>::forward(const Tensor<T>& x) {
  const bool uses_batch = this->is_training() || !options_.track;
  check(x, uses_batch);
  if (!uses_batch) {
    return batch_norm_inference(x, running_mean, running_var, weight, bias, {.eps = options_.eps});
  }
  if (this->is_training() && options_.track && !detail::is_repeating())
    return detail::stateful("batch_norm", x, [this](const Tensor<T>& now) { return move(now); });
  return batch_norm(x, weight, bias, {.eps = options_.eps});
}

// ... and the running statistics move.
template <class T>
Tensor<T> BatchNorm<T>::move(const Tensor<T>& x) {
  BatchStatistics<T> batch;
  const Tensor<T> y = batch_norm(x, weight, bias, {.eps = options_.eps, .statistics = &batch});
  const T count = *num_batches_tracked.mutable_data() += T(1);
  update_running_statistics(batch, options_.momentum.value_or(1 / static_cast<double>(count)),
                            running_mean, running_var);
  return y;
}

template <class T>
void BatchNorm<T>::reset_statistics() {
  if (!options_.track) return;
  zeros_(running_mean);
  ones_(running_var);
  zeros_(num_batches_tracked);
}

template <class T>
ModuleOptions BatchNorm<T>::options() const {
  return {{"features", ModuleOptions::of(features_)},
          {"eps", options_.eps},
          {"momentum", options_.momentum.value_or(0)},  // 0: average over all batches
          {"affine", ModuleOptions::of(options_.affine)},
          {"track", ModuleOptions::of(options_.track)}};
}

template <class T>
std::unique_ptr<Module<T>> BatchNorm<T>::from(const ModuleOptions& o) {
  BatchNormLayerOptions options{.eps = o.number("eps"),
                                .momentum = o.number("momentum"),
                                .affine = o.flag("affine", true),
                                .track = o.flag("track", true)};
  if (options.momentum == 0.0) options.momentum.reset();
  return std::make_unique<BatchNorm>(o.size("features"), options);
}

// --- LayerNorm and RmsNorm ---

template <template <class> class M, class T>
LastAxesNorm<M, T>::LastAxesNorm(const Shape& normalized, NormLayerOptions options)
    : weight(this->add_parameter("weight", optional<T>(options.affine, normalized, 1))),
      options_(options),
      normalized_(checked_shape(M<T>::kName, normalized)) {
  checked_eps(M<T>::kName, options.eps);
}

template <template <class> class M, class T>
ModuleOptions LastAxesNorm<M, T>::options() const {
  return {{"normalized", ModuleOptions::of(normalized_)},
          {"eps", options_.eps},
          {"affine", ModuleOptions::of(options_.affine)}};
}

template <template <class> class M, class T>
std::unique_ptr<Module<T>> LastAxesNorm<M, T>::from(const ModuleOptions& o) {
  return std::make_unique<M<T>>(o.shape("normalized"), norm_options(o));
}

template <class T>
Tensor<T>& LayerNorm<T>::initial_bias() {
  return this->add_parameter("bias", optional<T>(this->options_.affine, this->normalized_, 0));
}

template <class T>
Tensor<T> LayerNorm<T>::forward(const Tensor<T>& x) {
  return layer_norm(x, this->normalized_, this->weight, bias, {.eps = this->options_.eps});
}

template <class T>
Tensor<T> RmsNorm<T>::forward(const Tensor<T>& x) {
  return rms_norm(x, this->normalized_, this->weight, {.eps = this->options_.eps});
}

// --- GroupNorm ---

template <class T>
GroupNorm<T>::GroupNorm(std::size_t groups, std::size_t channels, NormLayerOptions options)
    : weight(this->add_parameter("weight", optional<T>(options.affine, {channels}, 1))),
      bias(this->add_parameter("bias", optional<T>(options.affine, {channels}, 0))),
      options_(options),
      groups_(groups),
      channels_(channels) {
  checked_eps("GroupNorm", options.eps);
  if (groups == 0 || channels == 0 || channels % groups != 0) {
    fail("GroupNorm", channels, " channels cannot be divided into ", groups, " groups");
  }
}

template <class T>
Tensor<T> GroupNorm<T>::forward(const Tensor<T>& x) {
  check_channels("group_norm", x.shape(), channels_);
  return group_norm(x, groups_, weight, bias, {.eps = options_.eps});
}

template <class T>
ModuleOptions GroupNorm<T>::options() const {
  return {{"groups", ModuleOptions::of(groups_)},
          {"channels", ModuleOptions::of(channels_)},
          {"eps", options_.eps},
          {"affine", ModuleOptions::of(options_.affine)}};
}

template <class T>
std::unique_ptr<Module<T>> GroupNorm<T>::from(const ModuleOptions& o) {
  const std::size_t groups = o.size("groups"), channels = o.size("channels");
  return std::make_unique<GroupNorm>(groups, channels, norm_options(o));
}

// --- InstanceNorm ---

template <class T>
InstanceNorm<T>::InstanceNorm(std::size_t features, InstanceNormOptions options)
    : weight(this->add_parameter("weight", optional<T>(options.affine, {features}, 1))),
      bias(this->add_parameter("bias", optional<T>(options.affine, {features}, 0))),
      options_(options),
      features_(features) {
  checked_shape("InstanceNorm", {features});
  checked_eps("InstanceNorm", options.eps);
}

template <class T>
Tensor<T> InstanceNorm<T>::forward(const Tensor<T>& x) {
  check_channels("instance_norm", x.shape(), features_);
  if (x.size() != 0 && x.size() == x.shape()[0] * features_)
    fail("instance_norm", "a channel of one number has no variance: x ", x.shape());
  return group_norm(x, features_, weight, bias, {.eps = options_.eps});
}

template <class T>
ModuleOptions InstanceNorm<T>::options() const {
  return {{"features", ModuleOptions::of(features_)},
          {"eps", options_.eps},
          {"affine", ModuleOptions::of(options_.affine)}};
}

template <class T>
std::unique_ptr<Module<T>> InstanceNorm<T>::from(const ModuleOptions& o) {
  return std::make_unique<InstanceNorm>(
      o.size("features"),
      InstanceNormOptions{.eps = o.number("eps"), .affine = o.flag("affine", false)});
}

template class InstanceNorm<float>;
template class InstanceNorm<double>;
template class BatchNorm<float>;
template class BatchNorm<double>;
template class LastAxesNorm<LayerNorm, float>;
template class LayerNorm<float>;
template class LastAxesNorm<LayerNorm, double>;
template class LayerNorm<double>;
template class LastAxesNorm<RmsNorm, float>;
template class RmsNorm<float>;
template class LastAxesNorm<RmsNorm, double>;
template class RmsNorm<double>;
template class GroupNorm<float>;
template class GroupNorm<double>;

}  // namespace xgrad
