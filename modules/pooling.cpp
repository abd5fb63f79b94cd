#include "xgrad/modules/pooling.hpp"

#include <array>
#include <cmath>

#include "xgrad/base/errors.hpp"
#include "xgrad/modules/image_options.hpp"

namespace xgrad {

using detail::image_sizes;
using detail::option_of;

// --- Maxima and averages ---

template <template <class> class M, class T>
Tensor<T> MaxPoolLayer<M, T>::forward(const Tensor<T>& x) {
  if constexpr (M<T>::kAxes == 1) return max_pool1d(x, kernel_size_, options_);
  if constexpr (M<T>::kAxes == 2) return max_pool2d(x, kernel_size_, options_);
}

template <template <class> class M, class T>
ModuleOptions MaxPoolLayer<M, T>::options() const {
  return {{"kernel_size", option_of(kernel_size_)},
          {"stride", option_of(options_.stride)},
          {"padding", option_of(options_.padding)},
          {"dilation", option_of(options_.dilation)},
          {"ceil_mode", ModuleOptions::of(options_.ceil_mode)}};
}

template <template <class> class M, class T>
std::unique_ptr<Module<T>> MaxPoolLayer<M, T>::from(const ModuleOptions& o) {
  return std::make_unique<M<T>>(image_sizes(o, "kernel_size"),
                                MaxPoolOptions{.stride = image_sizes(o, "stride"),
                                               .padding = image_sizes(o, "padding"),
                                               .dilation = image_sizes(o, "dilation"),
                                               .ceil_mode = o.flag("ceil_mode", false)});
}

template <template <class> class M, class T>
Tensor<T> AvgPoolLayer<M, T>::forward(const Tensor<T>& x) {
  if constexpr (M<T>::kAxes == 1) return avg_pool1d(x, kernel_size_, options_);
  if constexpr (M<T>::kAxes == 2) return avg_pool2d(x, kernel_size_, options_);
}

template <template <class> class M, class T>
ModuleOptions AvgPoolLayer<M, T>::options() const {
  return {{"kernel_size", option_of(kernel_size_)},
          {"stride", option_of(options_.stride)},
          {"padding", option_of(options_.padding)},
          {"ceil_mode", ModuleOptions::of(options_.ceil_mode)},
          {"count_include_pad", ModuleOptions::of(options_.count_include_pad)},
          {"divisor", ModuleOptions::of(options_.divisor)}};
}

template <template <class> class M, class T>
std::unique_ptr<Module<T>> AvgPoolLayer<M, T>::from(const ModuleOptions& o) {
  return std::make_unique<M<T>>(
      image_sizes(o, "kernel_size"),
      AvgPoolOptions{.stride = image_sizes(o, "stride"),
                     .padding = image_sizes(o, "padding"),
                     .ceil_mode = o.flag("ceil_mode", false),
                     .count_include_pad = o.flag("count_include_pad", true),
                     .divisor = o.size("divisor")});
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

// The factors of rows and of columns, or one for both.
constexpr std::array kFactors = {"scale_factor", "scale_factor_2"};

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
  template class MaxPoolLayer<MaxPool1d, T>;                                 \
  template class MaxPoolLayer<MaxPool2d, T>;                                 \
  template class AvgPoolLayer<AvgPool1d, T>;                                 \
  template class AvgPoolLayer<AvgPool2d, T>;                                 \
  template class AdaptivePool<AdaptiveAvgPool1d, T, adaptive_avg_pool1d<T>>; \
  template class AdaptivePool<AdaptiveAvgPool2d, T, adaptive_avg_pool2d<T>>; \
  template class AdaptivePool<AdaptiveMaxPool1d, T, adaptive_max_pool1d<T>>; \
  template class AdaptivePool<AdaptiveMaxPool2d, T, adaptive_max_pool2d<T>>; \
  template class Upsample<T>;                                                \
  template class Unfold<T>;                                                  \
  template class Refold<T>;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
