#include "xgrad/modules/convolution.hpp"

#include <cmath>
#include <string>

#include "xgrad/base/errors.hpp"
#include "xgrad/modules/image_options.hpp"
#include "xgrad/ops/random.hpp"

namespace xgrad {
namespace {

constexpr const char* kNames[] = {"Conv1d", "Conv2d", "Conv3d"};
constexpr const char* kTransposed[] = {"ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"};

Shape weight_shape(const char* module, std::size_t first, std::size_t second, std::size_t groups,
                   const ImageSizes& kernel, std::size_t axes) {
  const auto& k = kernel.values();
  if (groups == 0 || first % groups != 0 || second % groups != 0) {
    detail::fail(module, "channels cannot be divided into ", groups, " groups: ", first, " and ",
                 second);
  }
  detail::require(k.size() == 1 || k.size() == axes, module, "kernel_size has ", k.size(),
                  " sizes for ", axes, " axes: ", k);
  Shape shape = {first, second / groups};
  for (std::size_t a = 0; a < axes; ++a) shape.push_back(k[k.size() == 1 ? 0 : a]);
  detail::checked_elements(shape, sizeof(double));
  if (shape.elements() == 0) detail::fail(module, "a size is 0: weight ", shape);
  return shape;
}

// Uniform in +-1/sqrt(numbers that meet).
template <class T>
Tensor<T> initial(const Shape& shape, const Shape& weight, Generator* generator) {
  const auto meet = static_cast<T>(weight.elements() / weight[0]);
  const T bound = T(1) / std::sqrt(meet);
  return uniform<T>(shape, -bound, bound, generator != nullptr ? *generator : default_generator());
}

template <class T>
Tensor<T> initial_bias(bool wanted, std::size_t out, const Shape& weight, Generator* generator) {
  return wanted ? initial<T>({out}, weight, generator) : Tensor<T>();
}

OptionValue option_of(const ImagePadding& padding) {
  return padding.is_same() ? OptionValue("same") : detail::option_of(padding.sizes());
}
ImagePadding padding_of(const ModuleOptions& o) {
  for (const ModuleOption& option : o) {
    if (option.key == "padding" && option.value == OptionValue("same")) return "same";
  }
  return detail::image_sizes(o, "padding");
}

Shape kernel_of(const Shape& weight) { return Shape(weight.begin() + 2, weight.end()); }

}  // namespace

// --- Conv1d, Conv2d, Conv3d ---

template <template <class> class M, class T>
ConvLayer<M, T>::ConvLayer(std::size_t in, std::size_t out, const ImageSizes& kernel,
                           ConvLayerOptions options)
    : weight(this->add_parameter("weight",
                                 [&] {
                                   const Shape w =
                                       weight_shape(kNames[M<T>::kAxes - 1], out, in,
                                                    options.groups, kernel, M<T>::kAxes);
                                   return initial<T>(w, w, options.generator);
                                 }())),
      bias(this->add_parameter(
          "bias", initial_bias<T>(options.bias, out, weight.shape(), options.generator))),
      options_(std::move(options)) {}

template <template <class> class M, class T>
Tensor<T> ConvLayer<M, T>::forward(const Tensor<T>& x) {
  const ConvOptions o{options_.stride, options_.padding, options_.dilation, options_.groups,
                      options_.padding_mode};
  if constexpr (M<T>::kAxes == 1) return conv1d(x, weight, bias, o);
  if constexpr (M<T>::kAxes == 2) return conv2d(x, weight, bias, o);
  if constexpr (M<T>::kAxes == 3) return conv3d(x, weight, bias, o);
}

template <template <class> class M, class T>
ModuleOptions ConvLayer<M, T>::options() const {
  const Shape& w = weight.shape();
  return {{"in_channels", ModuleOptions::of(w[1] * options_.groups)},
          {"out_channels", ModuleOptions::of(w[0])},
          {"kernel_size", ModuleOptions::of(kernel_of(w))},
          {"stride", detail::option_of(options_.stride)},
          {"padding", option_of(options_.padding)},
          {"dilation", detail::option_of(options_.dilation)},
          {"groups", ModuleOptions::of(options_.groups)},
          {"bias", ModuleOptions::of(bias.defined())},
          {"padding_mode", to_string(options_.padding_mode)}};
}

template <template <class> class M, class T>
std::unique_ptr<Module<T>> ConvLayer<M, T>::from(const ModuleOptions& o) {
  const ConvLayerOptions options{.stride = detail::image_sizes(o, "stride"),
                                 .padding = padding_of(o),
                                 .dilation = detail::image_sizes(o, "dilation"),
                                 .groups = o.size("groups"),
                                 .bias = o.flag("bias", true),
                                 .padding_mode = detail::padding_mode(o.text("padding_mode"))};
  return std::make_unique<M<T>>(o.size("in_channels"), o.size("out_channels"),
                                detail::image_sizes(o, "kernel_size"), options);
}

// --- ConvTranspose1d, 2d, 3d ---

template <template <class> class M, class T>
ConvTransposeLayer<M, T>::ConvTransposeLayer(std::size_t in, std::size_t out,
                                             const ImageSizes& kernel,
                                             ConvTransposeLayerOptions options)
    : weight(this->add_parameter("weight",
                                 [&] {
                                   const Shape w =
                                       weight_shape(kTransposed[M<T>::kAxes - 1], in, out,
                                                    options.groups, kernel, M<T>::kAxes);
                                   return initial<T>(w, w, options.generator);
                                 }())),
      bias(this->add_parameter(
          "bias", initial_bias<T>(options.bias, out, weight.shape(), options.generator))),
      options_(std::move(options)) {}

template <template <class> class M, class T>
Tensor<T> ConvTransposeLayer<M, T>::forward(const Tensor<T>& x) {
  const ConvTransposeOptions o{options_.stride, options_.padding, options_.output_padding,
                               options_.groups, options_.dilation};
  if constexpr (M<T>::kAxes == 1) return conv_transpose1d(x, weight, bias, o);
  if constexpr (M<T>::kAxes == 2) return conv_transpose2d(x, weight, bias, o);
  if constexpr (M<T>::kAxes == 3) return conv_transpose3d(x, weight, bias, o);
}

template <template <class> class M, class T>
ModuleOptions ConvTransposeLayer<M, T>::options() const {
  const Shape& w = weight.shape();
  return {{"in_channels", ModuleOptions::of(w[0])},
          {"out_channels", ModuleOptions::of(w[1] * options_.groups)},
          {"kernel_size", ModuleOptions::of(kernel_of(w))},
          {"stride", detail::option_of(options_.stride)},
          {"padding", detail::option_of(options_.padding)},
          {"output_padding", detail::option_of(options_.output_padding)},
          {"groups", ModuleOptions::of(options_.groups)},
          {"bias", ModuleOptions::of(bias.defined())},
          {"dilation", detail::option_of(options_.dilation)}};
}

template <template <class> class M, class T>
std::unique_ptr<Module<T>> ConvTransposeLayer<M, T>::from(const ModuleOptions& o) {
  const ConvTransposeLayerOptions options{
      .stride = detail::image_sizes(o, "stride"),
      .padding = detail::image_sizes(o, "padding"),
      .output_padding = detail::image_sizes(o, "output_padding"),
      .groups = o.size("groups"),
      .bias = o.flag("bias", true),
      .dilation = detail::image_sizes(o, "dilation")};
  return std::make_unique<M<T>>(o.size("in_channels"), o.size("out_channels"),
                                detail::image_sizes(o, "kernel_size"), options);
}

#define XGRAD_INSTANTIATE(T)                             \
  template class ConvLayer<Conv1d, T>;                   \
  template class ConvLayer<Conv2d, T>;                   \
  template class ConvLayer<Conv3d, T>;                   \
  template class ConvTransposeLayer<ConvTranspose1d, T>; \
  template class ConvTransposeLayer<ConvTranspose2d, T>; \
  template class ConvTransposeLayer<ConvTranspose3d, T>;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
