#include "xgrad/ops/resizing.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/unfold.hpp"
#include "xgrad/ops/image_maps.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad {

using detail::fail;
using detail::Rule;
using kernels::AxisMap;
using kernels::Convolution;

// --- Other sizes ---

namespace {

// From `in` numbers to `out`, whose distances are `step` of the old ones.
template <class T>
AxisMap<T> nearest(std::size_t in, std::size_t out, double step) {
  AxisMap<T> map;
  map.in = in;
  for (std::size_t i = 0; i < out; ++i) {
    map.add(std::min(in - 1, static_cast<std::size_t>(static_cast<double>(i) * step)), T(1));
    map.end_result();
  }
  return map;
}

template <class T>
AxisMap<T> linear_between(std::size_t in, std::size_t out, double step, bool align_corners) {
  AxisMap<T> map;
  map.in = in;
  if (align_corners)
    step = out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0;
  for (std::size_t i = 0; i < out; ++i) {
    const double middle = static_cast<double>(i) + (align_corners ? 0 : 0.5);
    const double place = std::max(0.0, middle * step - (align_corners ? 0 : 0.5));
    const std::size_t first = std::min(in - 1, static_cast<std::size_t>(place));
    const auto share = static_cast<T>(std::min(1.0, place - static_cast<double>(first)));
    const bool between = first + 1 < in && share > 0;
    map.add(first, between ? T(1) - share : T(1));
    if (between) map.add(first + 1, share);
    map.end_result();
  }
  return map;
}

struct Resized {
  std::size_t in, out;
  double step;
};

Resized resized(const Shape& x, std::size_t axes, std::size_t axis, const UpsampleOptions& o) {
  const std::size_t in = x[axis + 2];
  if (o.scale_factor.empty()) {
    const std::size_t out = detail::positive_on_axis("upsample", "size", o.size, axes, axis);
    return {in, out, static_cast<double>(in) / static_cast<double>(out)};
  }
  const double scale = o.scale_factor.size() == 1 ? o.scale_factor[0] : o.scale_factor[axis];
  detail::require_in("upsample", "scale_factor", scale, "(0, inf)");
  const double out = std::floor(static_cast<double>(in) * scale);
  if (!(out >= 1 && out < 0x1p31))
    fail("upsample", "scale_factor ", scale, " leaves no image: x ", x);
  return {in, static_cast<std::size_t>(out), 1 / scale};
}

void check_upsample(const Shape& x, const UpsampleOptions& o) {
  if (x.rank() < 3 || x.rank() > 5) fail("upsample", "x must have 3 to 5 axes: x ", x);
  detail::require_images("upsample", x, x.rank() - 2);
  const std::size_t factors = o.scale_factor.size();
  if (factors > 1 && factors != x.rank() - 2)
    fail("upsample", "scale_factor has ", factors, " numbers for ", x.rank() - 2, " axes");
  if (factors != 0 && !(o.size == ImageSizes(0)))
    fail("upsample", "both size and scale_factor are given");
  if (o.align_corners && o.mode == UpsampleMode::nearest)
    fail("upsample", "align_corners has no meaning for the nearest numbers");
}

}  // namespace

template <class T>
Tensor<T> upsample(const Tensor<T>& x, const UpsampleOptions& o) {
  check_upsample(x.shape(), o);
  const std::size_t axes = x.rank() - 2;
  std::vector<AxisMap<T>> maps;
  for (std::size_t a = 0; a < axes; ++a) {
    const Resized r = resized(x.shape(), axes, a, o);
    maps.push_back(o.mode == UpsampleMode::nearest
                       ? nearest<T>(r.in, r.out, r.step)
                       : linear_between<T>(r.in, r.out, r.step, o.align_corners));
  }
  return detail::map_images(x, std::move(maps));
}

// --- Channels and places ---

template <class T>
Tensor<T> pixel_shuffle(const Tensor<T>& x, std::size_t factor) {
  const Shape& s = x.shape();
  if (s.rank() != 4 || factor == 0 || factor > 0xFFFF || s[1] % (factor * factor) != 0) {
    fail("pixel_shuffle", "x must be (n, c factor^2, h, w): x ", s, ", factor ", factor);
  }
  const std::size_t c = s[1] / (factor * factor);
  const Tensor<T> parts = reshape(x, Shape{s[0], c, factor, factor, s[2], s[3]});
  return reshape(permute(parts, {0, 1, 4, 2, 5, 3}), Shape{s[0], c, s[2] * factor, s[3] * factor});
}

template <class T>
Tensor<T> pixel_unshuffle(const Tensor<T>& x, std::size_t factor) {
  const Shape& s = x.shape();
  if (s.rank() != 4 || factor == 0 || factor > 0xFFFF || s[2] % factor != 0 || s[3] % factor != 0) {
    fail("pixel_unshuffle", "x must be (n, c, h factor, w factor): x ", s, ", factor ", factor);
  }
  const std::size_t h = s[2] / factor, w = s[3] / factor;
  const Tensor<T> parts = reshape(x, Shape{s[0], s[1], h, factor, w, factor});
  return reshape(permute(parts, {0, 1, 3, 5, 2, 4}), Shape{s[0], s[1] * factor * factor, h, w});
}

// --- Windows as columns ---

namespace {

struct Columns {
  Convolution sizes;
  Shape image, columns;
};

template <class T>
Tensor<T> move(const Tensor<T>& x, const Columns& c, bool to_columns);

template <class T>
void run(const Columns& c, bool to_columns, const T* x, T* y, bool add) {
  to_columns ? kernels::unfold(c.sizes, x, y, add) : kernels::fold(c.sizes, x, y, add);
}

template <class T, bool ToColumns>
void move_backward(const void* attributes, Backward<T>& b) {
  const auto& c = *static_cast<const Columns*>(attributes);
  if (b.recording()) return b.add(0, move(b.gradient(), c, !ToColumns));
  const auto [gx, has_value] = detail::FastPath(b).accumulator(0);
  run(c, !ToColumns, b.gradient().data(), gx, has_value);
}

template <class T>
const Rule<T> kUnfold = {"unfold", &move_backward<T, true>, nullptr};
template <class T>
const Rule<T> kFold = {"fold", &move_backward<T, false>, nullptr};

template <class T>
Tensor<T> move(const Tensor<T>& x, const Columns& c, bool to_columns) {
  const Tensor<T> y = Tensor<T>::uninitialized(to_columns ? c.columns : c.image);
  run(c, to_columns, x.data(), y.node()->data, false);
  detail::record(y, to_columns ? kUnfold<T> : kFold<T>, {&x}, {}, c);
  if (detail::is_logged<T>())
    detail::log_again(y, [c, to_columns](const auto& o) { return move(o[0], c, to_columns); });
  return y;
}

// For images of this shape.
Columns columns_of(const char* operation, const Shape& image, const ImageSizes& kernel,
                   const UnfoldOptions& o) {
  Columns c{{image[0],
             1,
             image[1],
             1,
             {1, image[2], image[3]},
             {1, 1, 1},
             {1, 1, 1},
             {1, 1, 1},
             {1, 1, 1},
             {}},
            image,
            {image[0], image[1], 1}};
  for (std::size_t a = 0; a < 2; ++a) {
    const std::size_t k = detail::positive_on_axis(operation, "kernel", kernel, 2, a),
                      dilation = detail::positive_on_axis(operation, "dilation", o.dilation, 2, a),
                      stride = detail::positive_on_axis(operation, "stride", o.stride, 2, a),
                      padding = detail::size_on_axis(operation, "padding", o.padding, 2, a);
    const std::size_t reach = (k - 1) * dilation + 1, padded = image[a + 2] + 2 * padding;
    if (reach > padded) {
      fail(operation, "the kernel is larger than the image with its margin: image ", image,
           ", kernel ", k, ", padding ", padding, ", dilation ", dilation);
    }
    c.sizes.kernel[a + 1] = k;
    c.sizes.stride[a + 1] = stride;
    c.sizes.dilation[a + 1] = dilation;
    c.sizes.before[a + 1] = padding;
    c.sizes.output[a + 1] = (padded - reach) / stride + 1;
    c.columns[1] = detail::checked_product(operation, c.columns[1], k);
    c.columns[2] = detail::checked_product(operation, c.columns[2], c.sizes.output[a + 1]);
  }
  return c;
}

}  // namespace

template <class T>
Tensor<T> unfold(const Tensor<T>& x, const ImageSizes& kernel, const UnfoldOptions& options) {
  detail::require_images("unfold", x.shape(), 2);
  return move(x, columns_of("unfold", x.shape(), kernel, options), true);
}

template <class T>
Tensor<T> fold(const Tensor<T>& x, const ImageSizes& size, const ImageSizes& kernel,
               const UnfoldOptions& options) {
  detail::require_images("fold", x.shape(), 1);
  Shape image = {x.shape()[0], 1, detail::positive_on_axis("fold", "size", size, 2, 0),
                 detail::positive_on_axis("fold", "size", size, 2, 1)};
  const Columns one = columns_of("fold", image, kernel, options);
  if (x.shape()[1] % one.columns[1] != 0 || x.shape()[2] != one.columns[2]) {
    fail("fold", "x must be (n, c ", one.columns[1], ", ", one.columns[2], "): x ", x.shape());
  }
  image[1] = x.shape()[1] / one.columns[1];
  return move(x, columns_of("fold", image, kernel, options), false);
}

#define XGRAD_INSTANTIATE(T)                                                            \
  template Tensor<T> upsample(const Tensor<T>&, const UpsampleOptions&);                \
  template Tensor<T> pixel_shuffle(const Tensor<T>&, std::size_t);                      \
  template Tensor<T> pixel_unshuffle(const Tensor<T>&, std::size_t);                    \
  template Tensor<T> unfold(const Tensor<T>&, const ImageSizes&, const UnfoldOptions&); \
  template Tensor<T> fold(const Tensor<T>&, const ImageSizes&, const ImageSizes&,       \
                          const UnfoldOptions&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
