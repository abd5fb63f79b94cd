#include "xgrad/modules/pooling.hpp"

#include <array>
#include <utility>
#include <vector>

#include "xgrad/base/errors.hpp"
#include "xgrad/modules/image_options.hpp"
#include "xgrad/ops/image_maps.hpp"

namespace xgrad {

using detail::image_sizes;
using detail::option_of;

// --- Maxima and averages ---

namespace {

template <class T, std::size_t Axes>
Tensor<T> run(const Tensor<T>& x, const ImageSizes& kernel, const MaxPoolOptions& o) {
  if constexpr (Axes == 1) return max_pool1d(x, kernel, o);
  if constexpr (Axes == 2) return max_pool2d(x, kernel, o);
  if constexpr (Axes == 3) return max_pool3d(x, kernel, o);
}
template <class T, std::size_t Axes>
Tensor<T> run(const Tensor<T>& x, const ImageSizes& kernel, const AvgPoolOptions& o) {
  if constexpr (Axes == 1) return avg_pool1d(x, kernel, o);
  if constexpr (Axes == 2) return avg_pool2d(x, kernel, o);
  if constexpr (Axes == 3) return avg_pool3d(x, kernel, o);
}

const char* name_of(const MaxPoolOptions&, std::size_t axes) {
  constexpr const char* kNames[] = {"MaxPool1d", "MaxPool2d", "MaxPool3d"};
  return kNames[axes - 1];
}
const char* name_of(const AvgPoolOptions&, std::size_t axes) {
  constexpr const char* kNames[] = {"AvgPool1d", "AvgPool2d", "AvgPool3d"};
  return kNames[axes - 1];
}

void write(const MaxPoolOptions& o, std::vector<ModuleOption>& to) {
  to.push_back({"dilation", option_of(o.dilation)});
}
void write(const AvgPoolOptions& o, std::vector<ModuleOption>& to) {
  to.push_back({"count_include_pad", ModuleOptions::of(o.count_include_pad)});
  to.push_back({"divisor", ModuleOptions::of(o.divisor)});
}

void read(const ModuleOptions& from, MaxPoolOptions& o) {
  o.dilation = image_sizes(from, "dilation");
}
void read(const ModuleOptions& from, AvgPoolOptions& o) {
  o.count_include_pad = from.flag("count_include_pad", true);
  o.divisor = from.size("divisor");
}

}  // namespace

template <template <class> class M, class T, class Options>
PoolLayer<M, T, Options>::PoolLayer(const ImageSizes& kernel_size, Options options)
    : kernel_size_(kernel_size), options_(std::move(options)) {
  const char* const name = name_of(options_, M<T>::kAxes);
  for (std::size_t a = 0; a < M<T>::kAxes; ++a) {
    detail::positive_on_axis(name, "kernel_size", kernel_size_, M<T>::kAxes, a);
    detail::size_on_axis(name, "stride", options_.stride, M<T>::kAxes, a);
    detail::size_on_axis(name, "padding", options_.padding, M<T>::kAxes, a);
  }
}

template <template <class> class M, class T, class Options>
Tensor<T> PoolLayer<M, T, Options>::forward(const Tensor<T>& x) {
  return run<T, M<T>::kAxes>(x, kernel_size_, options_);
}

template <template <class> class M, class T, class Options>
ModuleOptions PoolLayer<M, T, Options>::options() const {
  std::vector<ModuleOption> list = {{"kernel_size", option_of(kernel_size_)},
                                    {"stride", option_of(options_.stride)},
                                    {"padding", option_of(options_.padding)},
                                    {"ceil_mode", ModuleOptions::of(options_.ceil_mode)}};
  write(options_, list);
  return ModuleOptions(std::move(list));
}

template <template <class> class M, class T, class Options>
std::unique_ptr<Module<T>> PoolLayer<M, T, Options>::from(const ModuleOptions& o) {
  Options options;
  options.stride = image_sizes(o, "stride");
  options.padding = image_sizes(o, "padding");
  options.ceil_mode = o.flag("ceil_mode", false);
  read(o, options);
  return std::make_unique<M<T>>(image_sizes(o, "kernel_size"), std::move(options));
}

template <template <class> class M, class T, detail::ToSize<T> F>
ModuleOptions AdaptivePool<M, T, F>::options() const {
  return {{"output_size", option_of(output_size_)}};
}
template <template <class> class M, class T, detail::ToSize<T> F>
std::unique_ptr<Module<T>> AdaptivePool<M, T, F>::from(const ModuleOptions& o) {
  return std::make_unique<M<T>>(image_sizes(o, "output_size"));
}

// --- Upsample ---

namespace {

// The factors of each axis, or one for all.
constexpr std::array kFactors = {"scale_factor", "scale_factor_2", "scale_factor_3"};

}  // namespace

template <class T>
ModuleOptions Upsample<T>::options() const {
  std::vector<ModuleOption> list = {
      {"size", option_of(options_.size)},
      {"mode", options_.mode == UpsampleMode::nearest ? "nearest" : "linear"},
      {"align_corners", ModuleOptions::of(options_.align_corners)}};
  for (std::size_t i = 0; i < options_.scale_factor.size() && i < kFactors.size(); ++i)
    list.push_back({kFactors[i], options_.scale_factor[i]});
  return ModuleOptions(std::move(list));
}

template <class T>
std::unique_ptr<Module<T>> Upsample<T>::from(const ModuleOptions& o) {
  const std::string& mode = o.text("mode");
  if (mode != "nearest" && mode != "linear")
    detail::fail("Upsample", "mode is neither nearest nor linear: ", detail::quote(mode));
  UpsampleOptions options{.size = image_sizes(o, "size"),
                          .mode = mode == "nearest" ? UpsampleMode::nearest : UpsampleMode::linear,
                          .align_corners = o.flag("align_corners", false)};
  for (const char* key : kFactors) {
    if (o.has(key)) options.scale_factor.push_back(o.number(key));
  }
  return std::make_unique<Upsample>(std::move(options));
}

// --- Unfold and Refold ---

namespace {

std::vector<ModuleOption> unfold_options(const ImageSizes& kernel, const UnfoldOptions& o) {
  return {{"kernel_size", option_of(kernel)},
          {"dilation", option_of(o.dilation)},
          {"padding", option_of(o.padding)},
          {"stride", option_of(o.stride)}};
}

UnfoldOptions unfold_options(const ModuleOptions& o) {
  return {.dilation = image_sizes(o, "dilation"),
          .padding = image_sizes(o, "padding"),
          .stride = image_sizes(o, "stride")};
}

}  // namespace

template <class T>
ModuleOptions Unfold<T>::options() const {
  return ModuleOptions(unfold_options(kernel_size_, options_));
}
template <class T>
std::unique_ptr<Module<T>> Unfold<T>::from(const ModuleOptions& o) {
  return std::make_unique<Unfold>(image_sizes(o, "kernel_size"), unfold_options(o));
}

template <class T>
ModuleOptions Refold<T>::options() const {
  auto list = unfold_options(kernel_size_, options_);
  list.insert(list.begin(), {"output_size", option_of(output_size_)});
  return ModuleOptions(std::move(list));
}
template <class T>
std::unique_ptr<Module<T>> Refold<T>::from(const ModuleOptions& o) {
  return std::make_unique<Refold>(image_sizes(o, "output_size"), image_sizes(o, "kernel_size"),
                                  unfold_options(o));
}

#define XGRAD_INSTANTIATE(T)                                                 \
  template class PoolLayer<MaxPool1d, T, MaxPoolOptions>;                    \
  template class PoolLayer<MaxPool2d, T, MaxPoolOptions>;                    \
  template class PoolLayer<MaxPool3d, T, MaxPoolOptions>;                    \
  template class PoolLayer<AvgPool1d, T, AvgPoolOptions>;                    \
  template class PoolLayer<AvgPool2d, T, AvgPoolOptions>;                    \
  template class PoolLayer<AvgPool3d, T, AvgPoolOptions>;                    \
  template class AdaptivePool<AdaptiveAvgPool1d, T, adaptive_avg_pool1d<T>>; \
  template class AdaptivePool<AdaptiveAvgPool2d, T, adaptive_avg_pool2d<T>>; \
  template class AdaptivePool<AdaptiveAvgPool3d, T, adaptive_avg_pool3d<T>>; \
  template class AdaptivePool<AdaptiveMaxPool1d, T, adaptive_max_pool1d<T>>; \
  template class AdaptivePool<AdaptiveMaxPool2d, T, adaptive_max_pool2d<T>>; \
  template class AdaptivePool<AdaptiveMaxPool3d, T, adaptive_max_pool3d<T>>; \
  template class Upsample<T>;                                                \
  template class Unfold<T>;                                                  \
  template class Refold<T>;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
