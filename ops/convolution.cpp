#include "xgrad/ops/convolution.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/convolution.hpp"
#include "xgrad/ops/convolution_samples.hpp"
#include "xgrad/ops/image_maps.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad {

using detail::fail;
using detail::Rule;
using detail::view;
using kernels::Convolution;

// With x, w, y = convolution(x, w), each of the three maps
//   (x, w) -> y,   (y, w) -> x,   (x, y) -> w
// is linear in either argument, and the adjoint of each in one argument is one of the other two.
namespace {

struct Geometry {
  Convolution sizes;
  Shape x, w, y;
};

enum class Map { output, input, weight };

template <class T>
Tensor<T> apply(Map map, const Geometry& g, const Tensor<T>& a, const Tensor<T>& b,
                const Tensor<T>& bias = {});

template <class T>
Tensor<T> apply_to_batch(Map map, const Geometry& g, const detail::BatchOperands<T>& b);

template <class T>
void compute(Map map, const Geometry& g, const T* a, const T* b, const T* bias, T* to, bool add) {
  if (map == Map::output) return kernels::convolve(g.sizes, a, b, bias, to, add);
  if (map == Map::input) return kernels::convolve_input(g.sizes, a, b, bias, to, add);
  kernels::convolve_weight(g.sizes, a, b, to, add);
}

// The map of which a rule is, with its operands in the order of that map.
template <class T>
void add_gradient(Backward<T>& back, std::size_t input, Map map, const Geometry& g,
                  const Tensor<T>& a, const Tensor<T>& b) {
  if (!back.needs(input)) return;
  if (back.recording()) return back.add(input, apply(map, g, a, b));
  const auto [to, has_value] = detail::FastPath(back).accumulator(input);
  compute<T>(map, g, a.data(), b.data(), nullptr, to, has_value);
}

// All axes of y but that of the channels, which is before those of the kernel w.
Axes but_channels(const Shape& y, const Shape& w) {
  const std::size_t channels = y.rank() - (w.rank() - 2) - 1;
  std::vector<std::ptrdiff_t> axes;
  for (std::size_t a = 0; a < y.rank(); ++a) {
    if (a != channels) axes.push_back(static_cast<std::ptrdiff_t>(a));
  }
  return axes;
}

template <class T, Map M>
void map_backward(const void* attributes, Backward<T>& back) {
  const auto& geometry = *static_cast<const Geometry*>(attributes);
  const Tensor<T> a = back.input(0), b = back.input(1), g = back.gradient();
  if constexpr (M == Map::output) {  // a: x, b: w, g: of y
    add_gradient(back, 0, Map::input, geometry, g, b);
    add_gradient(back, 1, Map::weight, geometry, a, g);
  } else if constexpr (M == Map::input) {  // a: y, b: w, g: of x
    add_gradient(back, 0, Map::output, geometry, g, b);
    add_gradient(back, 1, Map::weight, geometry, g, a);
  } else {  // a: x, b: y, g: of w
    add_gradient(back, 0, Map::input, geometry, b, g);
    add_gradient(back, 1, Map::output, geometry, a, g);
  }
  if (back.input_count() > 2 && back.needs(2)) {
    back.add(2, sum(g, but_channels(g.shape(), geometry.w)));
  }
}

template <class T>
const Rule<T> kConvolution = {"convolution", &map_backward<T, Map::output>, nullptr};
template <class T>
const Rule<T> kInput = {"convolution_transpose", &map_backward<T, Map::input>, nullptr};
template <class T>
const Rule<T> kWeight = {"convolution_weight", &map_backward<T, Map::weight>, nullptr};

template <class T>
const Rule<T>& rule_of(Map map) {
  return map == Map::output ? kConvolution<T> : map == Map::input ? kInput<T> : kWeight<T>;
}

template <class T>
Tensor<T> apply(Map map, const Geometry& g, const Tensor<T>& a, const Tensor<T>& b,
                const Tensor<T>& bias) {
  const Shape& shape = map == Map::output ? g.y : map == Map::input ? g.x : g.w;
  const Tensor<T> to = Tensor<T>::uninitialized(shape);
  compute<T>(map, g, a.data(), b.data(), bias.defined() ? bias.data() : nullptr, to.node()->data,
             false);
  const unsigned needed = detail::needed<T>({&a, &b});
  const detail::Saves saves = {(needed & 1U) << 1 | needed >> 1};
  if (bias.defined()) {
    detail::record(to, rule_of<T>(map), {&a, &b, &bias}, saves, g);
  } else {
    detail::record(to, rule_of<T>(map), {&a, &b}, saves, g);
  }
  detail::log_again(to, [map, g](const auto& x) {
    return apply(map, g, x[0], x[1], x.size() > 2 ? x[2] : Tensor<T>());
  });
  if (map != Map::weight)
    detail::describe_batch(to,
                           [map, g](const auto& batch) { return apply_to_batch(map, g, batch); });
  return to;
}

// (n, channels, size...) of images (channels, size...) or a batch of them.
Shape images(std::size_t n, std::size_t channels, const Shape& s, std::size_t axes) {
  Shape r{n, channels};
  for (std::size_t a = s.rank() - axes; a < s.rank(); ++a) r.push_back(s[a]);
  return r;
}

// The first two axes of x the other way round.
template <class T>
Tensor<T> swapped(const Tensor<T>& x) {
  return transpose(x, 0, 1);
}

// For a batch of batches: all are one where they share weights and bias; otherwise they are further groups.
template <class T>
Tensor<T> apply_to_batch(Map map, const Geometry& g, const detail::BatchOperands<T>& b) {
  const bool own = b.has_own(1) || b.has_own(2);
  const Shape &from = map == Map::output ? g.x : g.y, &to = map == Map::output ? g.y : g.x;
  const std::size_t axes = g.w.rank() - 2, n = own ? g.sizes.n : b.n * g.sizes.n,
                    times = own ? b.n : 1;
  Geometry all = g;
  all.sizes.n = n;
  all.sizes.groups *= times;
  all.w[0] *= times;
  const auto channels = [&](const Shape& s) { return s[s.rank() - axes - 1]; };
  const auto whole = [&](const Shape& s) { return images(n, times * channels(s), s, axes); };
  all.x = whole(g.x);
  all.y = whole(g.y);
  const Tensor<T> bias = b.x.size() > 2 ? b.x[2] : Tensor<T>();
  const Shape result = to.with(0, b.n);
  if (!own) return view(apply(map, all, view(b.x[0], whole(from)), b.x[1], bias), result);
  Shape samples = images(g.sizes.n, channels(from), from, axes).with(0, b.n);
  const Tensor<T> a = view(swapped(view(b.all(0), samples)), whole(from));
  const Tensor<T> y = apply(map, all, a, view(b.all(1), all.w),
                            bias.defined() ? view(b.all(2), Shape{times * channels(to)}) : bias);
  samples = images(b.n, channels(to), to, axes).with(0, g.sizes.n);
  return view(swapped(view(y, samples)), result);
}

// --- Sizes ---

void check_operands(const char* operation, const Shape& x, const Shape& w, std::size_t axes) {
  if (w.rank() != axes + 2 || (x.rank() != axes + 2 && x.rank() != axes + 1)) {
    fail(operation, "x and w must have ", axes + 2, " axes, or x ", axes + 1,
         " without a batch: x ", x, ", w ", w);
  }
  detail::require_images(operation, x, axes, detail::BatchAxis::optional);
  if (w.elements() == 0) fail(operation, "a size is 0: w ", w);
}

void check_bias(const char* operation, const Shape& bias, std::size_t out) {
  if (bias != Shape{out}) fail(operation, "the bias is ", bias, ", ", Shape{out}, " expected");
}

// Channels of x (n, c, ...) and of the axis of w that has all of that side, in groups.
void check_groups(const char* operation, const Shape& x, const Shape& w, std::size_t groups,
                  std::size_t of_x, std::size_t of_w) {
  if (groups == 0 || of_x % groups != 0 || of_w % groups != 0) {
    fail(operation, "channels cannot be divided into ", groups, " groups: x ", x, ", w ", w);
  }
}

// The first axis of x after the channels, and how many samples there are.
std::size_t first_axis(const Shape& x, std::size_t axes) { return x.rank() - axes; }
std::size_t samples(const Shape& x, std::size_t axes) { return x.rank() == axes + 2 ? x[0] : 1; }

struct Margin {
  std::size_t before, after;
};

Margin margin_on(const char* operation, const ImagePadding& padding, std::size_t stride,
                 std::size_t reach, std::size_t axes, std::size_t axis) {
  if (!padding.is_same()) {
    const std::size_t p = detail::size_on_axis(operation, "padding", padding.sizes(), axes, axis);
    return {p, p};
  }
  detail::require(stride == 1, operation, "padding \"same\" needs a stride of 1: ", stride);
  return {reach / 2, reach - reach / 2};
}

constexpr kernels::Sizes3 kOnes = {1, 1, 1};

struct Plan {
  Geometry geometry;
  std::vector<Padding> margin;  // of each axis of x, when it has to be made beforehand
};

Plan plan_convolution(const char* operation, const Shape& x, const Shape& w, std::size_t axes,
                      const ConvOptions& o) {
  check_operands(operation, x, w, axes);
  const std::size_t first = first_axis(x, axes), n = samples(x, axes), channels = x[first - 1];
  check_groups(operation, x, w, o.groups, channels, w[0]);
  if (channels / o.groups != w[1]) {
    fail(operation, "channels differ: x ", x, ", w ", w, ", groups ", o.groups);
  }
  Plan plan{{{n, o.groups, w[1], w[0] / o.groups, kOnes, kOnes, kOnes, kOnes, kOnes, {}}, x, w, x},
            std::vector<Padding>(first)};
  Convolution& c = plan.geometry.sizes;
  plan.geometry.y[first - 1] = w[0];
  for (std::size_t i = 0; i < axes; ++i) {
    const std::size_t a = 3 - axes + i, k = w[i + 2];
    c.kernel[a] = k;
    c.stride[a] = detail::positive_on_axis(operation, "stride", o.stride, axes, i);
    c.dilation[a] = detail::positive_on_axis(operation, "dilation", o.dilation, axes, i);
    const std::size_t reach = (k - 1) * c.dilation[a];
    const Margin m = margin_on(operation, o.padding, c.stride[a], reach, axes, i);
    const std::size_t size = x[first + i], padded = size + m.before + m.after;
    if (reach >= padded) {
      fail(operation, "the kernel is larger than the image with its margin: x ", x, ", w ", w,
           ", padding ", m.before, ", dilation ", c.dilation[a]);
    }
    c.output[a] = (padded - reach - 1) / c.stride[a] + 1;
    plan.geometry.y[first + i] = c.output[a];
    const bool zeros = o.padding_mode == PaddingMode::zeros;
    c.input[a] = zeros ? size : padded;
    c.before[a] = zeros ? m.before : 0;
    plan.margin.push_back({m.before, m.after});
    plan.geometry.x[first + i] = c.input[a];
  }
  return plan;
}

template <class T>
Tensor<T> convolution(const char* operation, std::size_t axes, const Tensor<T>& x,
                      const Tensor<T>& w, const Tensor<T>& bias, const ConvOptions& o) {
  const Plan plan = plan_convolution(operation, x.shape(), w.shape(), axes, o);
  if (bias.defined()) check_bias(operation, bias.shape(), w.shape()[0]);
  if (o.padding_mode == PaddingMode::zeros) return apply(Map::output, plan.geometry, x, w, bias);
  return apply(Map::output, plan.geometry, pad(x, plan.margin, o.padding_mode), w, bias);
}

// The geometry of the convolution that this is the transpose of.
Geometry plan_transpose(const char* operation, const Shape& x, const Shape& w, std::size_t axes,
                        const ConvTransposeOptions& o) {
  check_operands(operation, x, w, axes);
  const std::size_t first = first_axis(x, axes), n = samples(x, axes), channels = x[first - 1];
  check_groups(operation, x, w, o.groups, channels, w[0]);
  if (channels != w[0]) fail(operation, "channels differ: x ", x, ", w ", w);
  Geometry g{{n, o.groups, w[1], w[0] / o.groups, kOnes, kOnes, kOnes, kOnes, kOnes, {}}, x, w, x};
  Convolution& c = g.sizes;
  g.x[first - 1] = w[1] * o.groups;
  for (std::size_t i = 0; i < axes; ++i) {
    const std::size_t a = 3 - axes + i;
    c.kernel[a] = w[i + 2];
    c.output[a] = x[first + i];
    c.stride[a] = detail::positive_on_axis(operation, "stride", o.stride, axes, i);
    c.dilation[a] = detail::positive_on_axis(operation, "dilation", o.dilation, axes, i);
    c.before[a] = detail::size_on_axis(operation, "padding", o.padding, axes, i);
    const std::size_t more =
        detail::size_on_axis(operation, "output_padding", o.output_padding, axes, i);
    detail::require(more < std::max(c.stride[a], c.dilation[a]), operation,
                    "output_padding must be less than stride or dilation: ", more);
    const std::size_t whole =
        (c.output[a] - 1) * c.stride[a] + (c.kernel[a] - 1) * c.dilation[a] + more + 1;
    if (whole <= 2 * c.before[a])
      fail(operation, "the padding leaves nothing: x ", x, ", w ", w, ", padding ", c.before[a]);
    c.input[a] = whole - 2 * c.before[a];
    g.x[first + i] = c.input[a];
  }
  return g;
}

template <class T>
Tensor<T> transposed(const char* operation, std::size_t axes, const Tensor<T>& x,
                     const Tensor<T>& w, const Tensor<T>& bias, const ConvTransposeOptions& o) {
  const Geometry g = plan_transpose(operation, x.shape(), w.shape(), axes, o);
  if (bias.defined()) check_bias(operation, bias.shape(), w.shape()[1] * o.groups);
  return apply(Map::input, g, x, w, bias);
}

}  // namespace

// Samples become groups of one sample.
template <class T>
Tensor<T> detail::weight_gradients_of_samples(const Tensor<T>& x, const Tensor<T>& gy,
                                              const Shape& w, const ConvOptions& o) {
  const Plan plan = plan_convolution("convolution", x.shape(), w, w.rank() - 2, o);
  const bool zeros = o.padding_mode == PaddingMode::zeros;
  Convolution sizes = plan.geometry.sizes;
  Shape shape{sizes.n};
  for (const std::size_t size : w) shape.push_back(size);
  sizes.groups *= sizes.n;
  sizes.n = 1;
  const Tensor<T> whole = zeros ? x : pad(x, plan.margin, o.padding_mode),
                  g = Tensor<T>::uninitialized(shape);
  kernels::convolve_weight(sizes, whole.data(), gy.data(), g.node()->data, false);
  return g;
}

ImagePadding::ImagePadding(std::string_view word) : same_(word == "same") {
  if (word != "same" && word != "valid")
    fail("padding", "neither numbers nor same nor valid: ", detail::quote(word));
}

#define XGRAD_CONVOLUTION(axes)                                                                 \
  template <class T>                                                                            \
  Tensor<T> conv##axes##d(const Tensor<T>& x, const Tensor<T>& w,                               \
                          const std::type_identity_t<Tensor<T>>& b, const ConvOptions& o) {     \
    return convolution("conv" #axes "d", axes, x, w, b, o);                                     \
  }                                                                                             \
  template <class T>                                                                            \
  Tensor<T> conv_transpose##axes##d(const Tensor<T>& x, const Tensor<T>& w,                     \
                                    const std::type_identity_t<Tensor<T>>& b,                   \
                                    const ConvTransposeOptions& o) {                            \
    return transposed("conv_transpose" #axes "d", axes, x, w, b, o);                            \
  }                                                                                             \
  template Tensor<float> conv##axes##d(const Tensor<float>&, const Tensor<float>&,              \
                                       const Tensor<float>&, const ConvOptions&);               \
  template Tensor<double> conv##axes##d(const Tensor<double>&, const Tensor<double>&,           \
                                        const Tensor<double>&, const ConvOptions&);             \
  template Tensor<float> conv_transpose##axes##d(const Tensor<float>&, const Tensor<float>&,    \
                                                 const Tensor<float>&,                          \
                                                 const ConvTransposeOptions&);                  \
  template Tensor<double> conv_transpose##axes##d(const Tensor<double>&, const Tensor<double>&, \
                                                  const Tensor<double>&,                        \
                                                  const ConvTransposeOptions&);
XGRAD_CONVOLUTION(1)
XGRAD_CONVOLUTION(2)
XGRAD_CONVOLUTION(3)
#undef XGRAD_CONVOLUTION

template Tensor<float> detail::weight_gradients_of_samples(const Tensor<float>&,
                                                           const Tensor<float>&, const Shape&,
                                                           const ConvOptions&);
template Tensor<double> detail::weight_gradients_of_samples(const Tensor<double>&,
                                                            const Tensor<double>&, const Shape&,
                                                            const ConvOptions&);

}  // namespace xgrad
