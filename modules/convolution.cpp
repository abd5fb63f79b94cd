#include "xgrad/modules/convolution.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>
#include <vector>

#include "xgrad/base/errors.hpp"
#include "xgrad/modules/image_options.hpp"
#include "xgrad/ops/image_maps.hpp"
#include "xgrad/ops/random.hpp"

namespace xgrad {
namespace {

template <class Options>
constexpr bool kTransposed = std::is_same_v<Options, ConvTransposeLayerOptions>;

template <class Options>
const char* name_of(std::size_t axes) {
  constexpr const char *kPlain[] = {"Conv1d", "Conv2d", "Conv3d"},
                       *kOther[] = {"ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"};
  return (kTransposed<Options> ? kOther : kPlain)[axes - 1];
}

// --- What each of the two has for itself ---

template <class T, std::size_t Axes>
Tensor<T> run(const Tensor<T>& x, const Tensor<T>& w, const Tensor<T>& b,
              const ConvLayerOptions& o) {
  const ConvOptions options{o.stride, o.padding, o.dilation, o.groups, o.padding_mode};
  if constexpr (Axes == 1) return conv1d(x, w, b, options);
  if constexpr (Axes == 2) return conv2d(x, w, b, options);
  if constexpr (Axes == 3) return conv3d(x, w, b, options);
}
template <class T, std::size_t Axes>
Tensor<T> run(const Tensor<T>& x, const Tensor<T>& w, const Tensor<T>& b,
              const ConvTransposeLayerOptions& o) {
  const ConvTransposeOptions options{o.stride, o.padding, o.output_padding, o.groups, o.dilation};
  if constexpr (Axes == 1) return conv_transpose1d(x, w, b, options);
  if constexpr (Axes == 2) return conv_transpose2d(x, w, b, options);
  if constexpr (Axes == 3) return conv_transpose3d(x, w, b, options);
}

void write(const ConvLayerOptions& o, std::vector<ModuleOption>& to) {
  to.push_back({"padding",
                o.padding.is_same() ? OptionValue("same") : detail::option_of(o.padding.sizes())});
  to.push_back({"padding_mode", to_string(o.padding_mode)});
}
void write(const ConvTransposeLayerOptions& o, std::vector<ModuleOption>& to) {
  to.push_back({"padding", detail::option_of(o.padding)});
  to.push_back({"output_padding", detail::option_of(o.output_padding)});
}

void read(const ModuleOptions& from, ConvLayerOptions& o) {
  const auto is_same = [](const ModuleOption& option) {
    return option.key == "padding" && option.value == OptionValue("same");
  };
  o.padding = std::any_of(from.begin(), from.end(), is_same)
                  ? ImagePadding("same")
                  : ImagePadding(detail::image_sizes(from, "padding"));
  o.padding_mode = detail::padding_mode(from.text("padding_mode"));
}
void read(const ModuleOptions& from, ConvTransposeLayerOptions& o) {
  o.padding = detail::image_sizes(from, "padding");
  o.output_padding = detail::image_sizes(from, "output_padding");
}

// --- What they have in common ---

template <class Options>
Options checked(Options o, std::size_t axes) {
  const char* const name = name_of<Options>(axes);
  for (std::size_t a = 0; a < axes; ++a) {
    detail::positive_on_axis(name, "stride", o.stride, axes, a);
    detail::positive_on_axis(name, "dilation", o.dilation, axes, a);
    if constexpr (kTransposed<Options>) {
      detail::size_on_axis(name, "padding", o.padding, axes, a);
      detail::size_on_axis(name, "output_padding", o.output_padding, axes, a);
    } else {
      detail::size_on_axis(name, "padding", o.padding.sizes(), axes, a);
    }
  }
  return o;
}

// (out, in / groups, kernel...) and the other way round.
template <class Options>
Shape weight_shape(std::size_t in, std::size_t out, const ImageSizes& kernel, const Options& o,
                   std::size_t axes) {
  const char* const name = name_of<Options>(axes);
  if (o.groups == 0 || in % o.groups != 0 || out % o.groups != 0) {
    detail::fail(name, "channels cannot be divided into ", o.groups, " groups: in_channels ", in,
                 ", out_channels ", out);
  }
  Shape shape = {out, in / o.groups};
  if (kTransposed<Options>) shape = {in, out / o.groups};
  for (std::size_t a = 0; a < axes; ++a)
    shape.push_back(detail::size_on_axis(name, "kernel_size", kernel, axes, a));
  detail::checked_elements(shape, sizeof(double));
  detail::require(shape.elements() > 0, name, "a size is 0: weight ", shape);
  return shape;
}

// Uniform in +-1/sqrt(numbers that meet).
template <class T>
Tensor<T> initial(const Shape& shape, const Shape& weight, Generator* generator) {
  const auto meet = static_cast<T>(weight.elements() / weight[0]);
  const T bound = T(1) / std::sqrt(meet);
  return uniform<T>(shape, -bound, bound, generator != nullptr ? *generator : default_generator());
}

template <class T, class Options>
Tensor<T> initial_weight(std::size_t in, std::size_t out, const ImageSizes& kernel,
                         const Options& o, std::size_t axes) {
  const Shape shape = weight_shape(in, out, kernel, o, axes);
  return initial<T>(shape, shape, o.generator);
}

template <class T, class Options>
Tensor<T> initial_bias(std::size_t out, const Shape& weight, const Options& o) {
  return o.bias ? initial<T>({out}, weight, o.generator) : Tensor<T>();
}

}  // namespace

template <template <class> class M, class T, class Options>
ConvolutionLayer<M, T, Options>::ConvolutionLayer(std::size_t in, std::size_t out,
                                                  const ImageSizes& kernel, Options options)
    : weight(this->add_parameter(
          "weight",
          initial_weight<T>(in, out, kernel, checked(options, M<T>::kAxes), M<T>::kAxes))),
      bias(this->add_parameter("bias", initial_bias<T>(out, weight.shape(), options))),
      options_(std::move(options)) {}

template <template <class> class M, class T, class Options>
Tensor<T> ConvolutionLayer<M, T, Options>::forward(const Tensor<T>& x) {
  return run<T, M<T>::kAxes>(x, weight, bias, options_);
}

template <template <class> class M, class T, class Options>
ModuleOptions ConvolutionLayer<M, T, Options>::options() const {
  const Shape& w = weight.shape();
  const std::size_t first = w[0], second = w[1] * options_.groups;
  std::vector<ModuleOption> list = {
      {"in_channels", ModuleOptions::of(kTransposed<Options> ? first : second)},
      {"out_channels", ModuleOptions::of(kTransposed<Options> ? second : first)},
      {"kernel_size", ModuleOptions::of(Shape(w.begin() + 2, w.end()))},
      {"stride", detail::option_of(options_.stride)},
      {"dilation", detail::option_of(options_.dilation)},
      {"groups", ModuleOptions::of(options_.groups)},
      {"bias", ModuleOptions::of(bias.defined())}};
  write(options_, list);
  return ModuleOptions(std::move(list));
}

template <template <class> class M, class T, class Options>
std::unique_ptr<Module<T>> ConvolutionLayer<M, T, Options>::from(const ModuleOptions& o) {
  Options options;
  options.stride = detail::image_sizes(o, "stride");
  options.dilation = detail::image_sizes(o, "dilation");
  options.groups = o.size("groups");
  options.bias = o.flag("bias", true);
  read(o, options);
  return std::make_unique<M<T>>(o.size("in_channels"), o.size("out_channels"),
                                detail::image_sizes(o, "kernel_size"), options);
}

#define XGRAD_INSTANTIATE(T)                                                      \
  template class ConvolutionLayer<Conv1d, T, ConvLayerOptions>;                   \
  template class ConvolutionLayer<Conv2d, T, ConvLayerOptions>;                   \
  template class ConvolutionLayer<Conv3d, T, ConvLayerOptions>;                   \
  template class ConvolutionLayer<ConvTranspose1d, T, ConvTransposeLayerOptions>; \
  template class ConvolutionLayer<ConvTranspose2d, T, ConvTransposeLayerOptions>; \
  template class ConvolutionLayer<ConvTranspose3d, T, ConvTransposeLayerOptions>;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
