#include "xgrad/ops/pooling.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/scratch.hpp"
#include "xgrad/kernels/windows.hpp"
#include "xgrad/ops/extrema.hpp"
#include "xgrad/ops/image_maps.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad {

using detail::BatchAxis;
using detail::fail;
using detail::Rule;
using kernels::AxisMap;
using kernels::Windows;

// --- Windows along an axis ---

namespace {

struct Axis {
  std::size_t size, kernel, stride, padding, dilation;

  std::size_t reach() const { return (kernel - 1) * dilation + 1; }
};

Axis axis_of(const char* operation, const Shape& x, std::size_t axes, std::size_t i,
             const ImageSizes& kernel, const ImageSizes& stride, const ImageSizes& padding,
             const ImageSizes& dilation) {
  Axis a{x[x.rank() - axes + i], detail::positive_on_axis(operation, "kernel", kernel, axes, i),
         detail::size_on_axis(operation, "stride", stride, axes, i),
         detail::size_on_axis(operation, "padding", padding, axes, i),
         detail::positive_on_axis(operation, "dilation", dilation, axes, i)};
  if (stride == ImageSizes(0)) a.stride = a.kernel;
  detail::require(a.stride > 0, operation, "stride is 0");
  if (a.padding > a.reach() / 2) {
    fail(operation, "the padding is more than half of the kernel: padding ", a.padding, ", kernel ",
         a.kernel, ", dilation ", a.dilation);
  }
  if (a.reach() > a.size + 2 * a.padding) {
    fail(operation, "the kernel is larger than the image with its margin: x ", x, ", kernel ",
         a.kernel, ", padding ", a.padding, ", dilation ", a.dilation);
  }
  return a;
}

std::size_t windows_on(const Axis& a, bool ceil_mode) {
  const std::size_t span = a.size + 2 * a.padding - a.reach();
  if (!ceil_mode) return span / a.stride + 1;
  const std::size_t count = (span + a.stride - 1) / a.stride + 1;
  return (count - 1) * a.stride >= a.size + a.padding ? count - 1 : count;
}

// Those numbers of each window that are inside.
Windows windows_of(const Axis& a, bool ceil_mode) {
  Windows w{.in = a.size, .step = a.dilation};
  for (std::size_t i = 0; i < windows_on(a, ceil_mode); ++i) {
    const std::size_t start = i * a.stride;  // counted with the margin
    const auto elements_before = [&](std::size_t place) {
      return place <= start ? 0 : std::min(a.kernel, (place - start - 1) / a.dilation + 1);
    };
    const std::size_t first = elements_before(a.padding);
    w.begin.push_back(start + first * a.dilation - a.padding);
    w.count.push_back(elements_before(a.padding + a.size) - first);
  }
  return w;
}

// The last axes of an image of three.
kernels::ImageWindows image_windows(std::vector<Windows> windows) {
  const Windows one{.in = 1, .begin = {0}, .count = {1}};
  kernels::ImageWindows image = {one, one, one};
  std::move(windows.begin(), windows.end(),
            image.end() - static_cast<std::ptrdiff_t>(windows.size()));
  return image;
}

Windows adaptive_windows(std::size_t size, std::size_t out) {
  Windows w{.in = size};
  for (std::size_t i = 0; i < out; ++i) {
    const std::size_t begin = i * size / out, end = ((i + 1) * size + out - 1) / out;
    w.begin.push_back(begin);
    w.count.push_back(end - begin);
  }
  return w;
}

}  // namespace

// --- The largest number: y = x[at] and gx[at] = gy are adjoint ---

namespace {

using Positions = std::shared_ptr<kernels::Scratch<std::int32_t>>;

struct Places {
  Positions at;
  std::size_t images, size, count;
  Shape x, y;
};

template <class T>
Tensor<T> take(const Tensor<T>& x, const Places& p);
template <class T>
Tensor<T> put(const Tensor<T>& x, const Places& p);

template <class T>
void take_backward(const void* attributes, Backward<T>& b) {
  const auto& p = *static_cast<const Places*>(attributes);
  if (b.recording()) return b.add(0, put(b.gradient(), p));
  const auto [gx, has_value] = detail::FastPath(b).accumulator(0);
  kernels::put_to_images(p.images, p.size, p.count, b.gradient().data(), p.at->data(), gx,
                         has_value);
}
template <class T>
void put_backward(const void* attributes, Backward<T>& b) {
  const auto& p = *static_cast<const Places*>(attributes);
  if (b.recording()) return b.add(0, take(b.gradient(), p));
  const auto [gx, has_value] = detail::FastPath(b).accumulator(0);
  kernels::take_from_images(p.images, p.size, p.count, b.gradient().data(), p.at->data(), gx,
                            has_value);
}

template <class T>
const Rule<T> kTake = {"max_pool", &take_backward<T>, &detail::destroy_attributes<Places>};
template <class T>
const Rule<T> kPut = {"max_pool_gradient", &put_backward<T>, &detail::destroy_attributes<Places>};

template <class T>
Tensor<T> take(const Tensor<T>& x, const Places& p) {
  const Tensor<T> y = Tensor<T>::uninitialized(p.y);
  kernels::take_from_images(p.images, p.size, p.count, x.data(), p.at->data(), y.node()->data,
                            false);
  detail::record(y, kTake<T>, {&x}, {}, p);
  if (detail::is_logged<T>()) detail::log_again(y, [p](const auto& o) { return take(o[0], p); });
  return y;
}

template <class T>
Tensor<T> put(const Tensor<T>& x, const Places& p) {
  const Tensor<T> y = Tensor<T>::uninitialized(p.x);
  kernels::put_to_images(p.images, p.size, p.count, x.data(), p.at->data(), y.node()->data, false);
  detail::record(y, kPut<T>, {&x}, {}, p);
  if (detail::is_logged<T>()) detail::log_again(y, [p](const auto& o) { return put(o[0], p); });
  return y;
}

template <class T>
Tensor<T> largest(const Tensor<T>& x, const std::vector<Windows>& windows) {
  std::vector<std::size_t> out;
  for (const Windows& w : windows) out.push_back(w.out());
  const kernels::ImageWindows image = image_windows(windows);
  const std::size_t size = numbers_in(image), count = numbers_out(image);
  if (size >= std::size_t{1} << 31)
    fail("max_pool", "an image has too many numbers: x ", x.shape());
  const Tensor<T> y = Tensor<T>::uninitialized(detail::with_image(x.shape(), out));
  const Places p{std::make_shared<kernels::Scratch<std::int32_t>>(y.size()),
                 x.size() / size,
                 size,
                 count,
                 x.shape(),
                 y.shape()};
  kernels::largest_of_windows(p.images, image, x.data(), y.node()->data, p.at->data());
  detail::record(y, kTake<T>, {&x}, {}, p);
  if (!detail::is_logged<T>()) return y;
  detail::log_again(y, [windows](const auto& o) { return largest(o[0], windows); });
  detail::describe_batch(y, [windows](const auto& b) { return largest(b.x[0], windows); });
  return y;
}

template <class T>
Tensor<T> max_pool(const char* operation, std::size_t axes, const Tensor<T>& x,
                   const ImageSizes& kernel, const MaxPoolOptions& o) {
  detail::require_images(operation, x.shape(), axes, BatchAxis::optional);
  std::vector<Windows> windows;
  for (std::size_t i = 0; i < axes; ++i) {
    const Axis a = axis_of(operation, x.shape(), axes, i, kernel, o.stride, o.padding, o.dilation);
    windows.push_back(windows_of(a, o.ceil_mode));
    for (const std::size_t count : windows.back().count)
      detail::require(count > 0, operation, "a window has no numbers: x ", x.shape());
  }
  return largest(x, windows);
}

// --- Averages ---

// Each number of a window over how many count.
template <class T>
AxisMap<T> averages(const Axis& a, const AvgPoolOptions& o) {
  const Windows w = windows_of(a, o.ceil_mode);
  AxisMap<T> map;
  map.in = a.size;
  for (std::size_t i = 0; i < w.out(); ++i) {
    const std::size_t with_margin = std::min(a.kernel, a.size + 2 * a.padding - i * a.stride);
    const std::size_t count = o.divisor != 0 ? 1 : o.count_include_pad ? with_margin : w.count[i];
    for (std::size_t k = 0; k < w.count[i]; ++k)
      map.add(w.begin[i] + k, T(1) / static_cast<T>(count));
    map.end_result();
  }
  return map;
}

template <class T>
AxisMap<T> averages(const Windows& w) {
  AxisMap<T> map;
  map.in = w.in;
  for (std::size_t i = 0; i < w.out(); ++i) {
    for (std::size_t k = 0; k < w.count[i]; ++k)
      map.add(w.begin[i] + k, T(1) / static_cast<T>(w.count[i]));
    map.end_result();
  }
  return map;
}

template <class T>
Tensor<T> avg_pool(const char* operation, std::size_t axes, const Tensor<T>& x,
                   const ImageSizes& kernel, const AvgPoolOptions& o) {
  detail::require_images(operation, x.shape(), axes, BatchAxis::optional);
  std::vector<AxisMap<T>> maps;
  for (std::size_t i = 0; i < axes; ++i)
    maps.push_back(
        averages<T>(axis_of(operation, x.shape(), axes, i, kernel, o.stride, o.padding, 1), o));
  if (o.divisor != 0) {
    for (T& w : maps.back().weight) w /= static_cast<T>(o.divisor);
  }
  return detail::map_images(x, std::move(maps));
}

std::vector<Windows> adaptive(const char* operation, std::size_t axes, const Shape& x,
                              const ImageSizes& size) {
  detail::require_images(operation, x, axes, BatchAxis::optional);
  std::vector<Windows> windows;
  for (std::size_t i = 0; i < axes; ++i) {
    windows.push_back(adaptive_windows(x[x.rank() - axes + i],
                                       detail::positive_on_axis(operation, "size", size, axes, i)));
  }
  return windows;
}

template <class T>
Tensor<T> adaptive_average(const char* operation, std::size_t axes, const Tensor<T>& x,
                           const ImageSizes& size) {
  std::vector<AxisMap<T>> maps;
  for (const Windows& w : adaptive(operation, axes, x.shape(), size))
    maps.push_back(averages<T>(w));
  return detail::map_images(x, std::move(maps));
}

// All axes after the channels.
Axes image_axes(const char* operation, const Shape& x) {
  if (x.rank() < 3) fail(operation, "x has no axes after the channels: x ", x);
  std::vector<std::ptrdiff_t> axes;
  for (std::size_t a = 2; a < x.rank(); ++a) axes.push_back(static_cast<std::ptrdiff_t>(a));
  return axes;
}

}  // namespace

template <class T>
Tensor<T> global_avg_pool(const Tensor<T>& x) {
  return mean(x, image_axes("global_avg_pool", x.shape()));
}
template <class T>
Tensor<T> global_max_pool(const Tensor<T>& x) {
  return max(x, image_axes("global_max_pool", x.shape()));
}

#define XGRAD_POOLING(axes)                                                                     \
  template <class T>                                                                            \
  Tensor<T> max_pool##axes##d(const Tensor<T>& x, const ImageSizes& kernel,                     \
                              const MaxPoolOptions& options) {                                  \
    return max_pool("max_pool" #axes "d", axes, x, kernel, options);                            \
  }                                                                                             \
  template <class T>                                                                            \
  Tensor<T> avg_pool##axes##d(const Tensor<T>& x, const ImageSizes& kernel,                     \
                              const AvgPoolOptions& options) {                                  \
    return avg_pool("avg_pool" #axes "d", axes, x, kernel, options);                            \
  }                                                                                             \
  template <class T>                                                                            \
  Tensor<T> adaptive_avg_pool##axes##d(const Tensor<T>& x, const ImageSizes& size) {            \
    return adaptive_average("adaptive_avg_pool" #axes "d", axes, x, size);                      \
  }                                                                                             \
  template <class T>                                                                            \
  Tensor<T> adaptive_max_pool##axes##d(const Tensor<T>& x, const ImageSizes& size) {            \
    return largest(x, adaptive("adaptive_max_pool" #axes "d", axes, x.shape(), size));          \
  }                                                                                             \
  template Tensor<float> max_pool##axes##d(const Tensor<float>&, const ImageSizes&,             \
                                           const MaxPoolOptions&);                              \
  template Tensor<float> avg_pool##axes##d(const Tensor<float>&, const ImageSizes&,             \
                                           const AvgPoolOptions&);                              \
  template Tensor<float> adaptive_avg_pool##axes##d(const Tensor<float>&, const ImageSizes&);   \
  template Tensor<float> adaptive_max_pool##axes##d(const Tensor<float>&, const ImageSizes&);   \
  template Tensor<double> max_pool##axes##d(const Tensor<double>&, const ImageSizes&,           \
                                            const MaxPoolOptions&);                             \
  template Tensor<double> avg_pool##axes##d(const Tensor<double>&, const ImageSizes&,           \
                                            const AvgPoolOptions&);                             \
  template Tensor<double> adaptive_avg_pool##axes##d(const Tensor<double>&, const ImageSizes&); \
  template Tensor<double> adaptive_max_pool##axes##d(const Tensor<double>&, const ImageSizes&);
XGRAD_POOLING(1)
XGRAD_POOLING(2)
XGRAD_POOLING(3)
#undef XGRAD_POOLING

template Tensor<float> global_avg_pool(const Tensor<float>&);
template Tensor<double> global_avg_pool(const Tensor<double>&);
template Tensor<float> global_max_pool(const Tensor<float>&);
template Tensor<double> global_max_pool(const Tensor<double>&);

}  // namespace xgrad
