#include "xgrad/report/picture.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

constexpr std::size_t kLargestSide = 65535;

struct Rgb {
  double red, green, blue;
};

unsigned char byte_of(double v) {
  return static_cast<unsigned char>(std::lround(255 * std::clamp(v, 0.0, 1.0)));
}
Color color_of(const Rgb& c) { return {byte_of(c.red), byte_of(c.green), byte_of(c.blue)}; }
Rgb rgb_of(const Color& c) { return {c.red / 255.0, c.green / 255.0, c.blue / 255.0}; }

// From one color to another.
Rgb between(const Rgb& a, const Rgb& b, double t) {
  return {a.red + t * (b.red - a.red), a.green + t * (b.green - a.green),
          a.blue + t * (b.blue - a.blue)};
}

constexpr Rgb kWhite{1, 1, 1}, kCold{0.02, 0.3, 0.6}, kWarm{0.7, 0.1, 0.12};
constexpr Color kNan{0, 160, 0};

// Ends that are given, or those of the numbers.
template <class T>
Shading ends_of(Shading s, const T* x, std::size_t n) {
  if (s.low != s.high) return s;
  double low = INFINITY, high = -INFINITY;
  for (std::size_t i = 0; i < n; ++i) {
    const auto v = static_cast<double>(x[i]);
    if (!std::isfinite(v)) continue;
    low = std::min(low, v), high = std::max(high, v);
  }
  if (!(low <= high)) return {s.shades, 0, 1};
  if (s.shades == Shades::diverging) {
    high = std::max(std::abs(low), std::abs(high));
    low = -high;
  }
  return {s.shades, low, high > low ? high : low + 1};
}

double level(double v, const Shading& s) {
  return std::clamp((v - s.low) / (s.high - s.low), 0.0, 1.0);
}

Color shade(double v, const Shading& s) {
  if (std::isnan(v)) return kNan;
  const double t = level(v, s);
  if (s.shades == Shades::grey) return color_of({t, t, t});
  return color_of(between(kWhite, t < 0.5 ? kCold : kWarm, std::abs(2 * t - 1)));
}

// Numbers (channels, height, width), channels 1 or 3.
template <class T>
Picture paint(const T* x, std::size_t channels, std::size_t height, std::size_t width,
              const Shading& shading) {
  const std::size_t plane = height * width;
  const Shading s = ends_of(shading, x, channels * plane);
  Picture r(width, height);
  for (std::size_t i = 0; i < plane; ++i) {
    const auto part = [&](std::size_t c) {
      return level(static_cast<double>(x[c * plane + i]), s);
    };
    r.at(i / width, i % width) =
        channels == 3 ? color_of({part(0), part(1), part(2)}) : shade(static_cast<double>(x[i]), s);
  }
  return r;
}

struct Sizes {
  std::size_t channels, height, width;
  std::size_t size() const { return channels * height * width; }
};

// Of (h, w) or (c, h, w).
Sizes sizes_of(const char* operation, const Shape& shape) {
  const bool plain = shape.rank() == 2, channels = shape.rank() == 3;
  detail::require(plain || (channels && (shape[0] == 1 || shape[0] == 3)), operation,
                  "no image (h, w), (1, h, w) or (3, h, w): ", shape);
  const Sizes s = plain ? Sizes{1, shape[0], shape[1]} : Sizes{shape[0], shape[1], shape[2]};
  detail::require(s.size() > 0, operation, "an image without pixels: ", shape);
  return s;
}

Shape without_first(const Shape& shape) { return shape.rank() == 0 ? shape : shape.without(0); }

Shape image_of_linear(std::size_t in, const Shape& given) {
  if (given.rank() > 0) return given;
  const auto side = static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(in))));
  detail::require(side * side == in, "filter_pictures",
                  "the shape of the images is needed: a filter has ", in, " weights");
  return {side, side};
}

// The mean over the channels of one filter.
template <class T>
std::vector<T> mean_of_channels(const T* x, std::size_t channels, std::size_t plane) {
  std::vector<T> r(plane);
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t i = 0; i < plane; ++i) r[i] += x[c * plane + i] / static_cast<T>(channels);
  }
  return r;
}

void check_window(const char* operation, const PlaneWindow& w) {
  detail::require(w.left < w.right && w.bottom < w.top, operation,
                  "a window without an inside: left ", w.left, ", right ", w.right, ", bottom ",
                  w.bottom, ", top ", w.top);
}

// The color of the likeliest class, the whiter the nearer its share is to that of guessing.
Color decision_color(const std::vector<double>& shares) {
  const auto most = std::max_element(shares.begin(), shares.end());
  const double guess = 1 / static_cast<double>(shares.size());
  const double certainty = std::clamp((*most - guess) / (1 - guess), 0.0, 1.0);
  return color_of(between(kWhite,
                          rgb_of(class_color(static_cast<std::size_t>(most - shares.begin()))),
                          0.15 + 0.6 * certainty));
}

template <class T>
Tensor<T> places(const PlaneWindow& w, std::size_t width, std::size_t height) {
  Tensor<T> r = Tensor<T>::uninitialized({width * height, 2});
  T* p = r.mutable_data();
  for (std::size_t i = 0; i < width * height; ++i) {
    const double across = (static_cast<double>(i % width) + 0.5) / static_cast<double>(width);
    const double down = (static_cast<double>(i / width) + 0.5) / static_cast<double>(height);
    p[2 * i] = static_cast<T>(w.left + across * (w.right - w.left));
    p[2 * i + 1] = static_cast<T>(w.top - down * (w.top - w.bottom));
  }
  return r;
}

void dot(Picture& p, double row, double column, double radius, Color color) {
  const auto first = [](double v) { return static_cast<std::size_t>(std::max(0.0, std::ceil(v))); };
  for (std::size_t r = first(row - radius);
       r < p.height() && static_cast<double>(r) <= row + radius; ++r) {
    for (std::size_t c = first(column - radius);
         c < p.width() && static_cast<double>(c) <= column + radius; ++c) {
      const double a = static_cast<double>(r) - row, b = static_cast<double>(c) - column;
      if (a * a + b * b <= radius * radius) p.at(r, c) = color;
    }
  }
}

}  // namespace

Color class_color(std::size_t i) {
  static constexpr std::array<Color, 8> kColors{{{230, 159, 0},
                                                 {0, 114, 178},
                                                 {0, 158, 115},
                                                 {204, 121, 167},
                                                 {86, 180, 233},
                                                 {213, 94, 0},
                                                 {240, 228, 66},
                                                 {90, 90, 90}}};
  return kColors[i % kColors.size()];
}

Picture::Picture(std::size_t width, std::size_t height, Color background)
    : width_(width), height_(height) {
  detail::require(width > 0 && height > 0 && width <= kLargestSide && height <= kLargestSide,
                  "Picture", "a side is not in [1, 65535]: width ", width, ", height ", height);
  pixels_.assign(width * height, background);
}

std::size_t Picture::place(std::size_t row, std::size_t column) const {
  detail::require<std::out_of_range>(row < height_ && column < width_, "Picture",
                                     "no pixel at row ", row, ", column ", column, " of ", height_,
                                     " x ", width_);
  return row * width_ + column;
}

template <class T>
Picture picture_of(const Tensor<T>& image, const Shading& shading) {
  const Sizes s = sizes_of("picture_of", image.shape());
  return paint(image.data(), s.channels, s.height, s.width, shading);
}

template <class T>
std::vector<Picture> pictures_of(const Tensor<T>& images, const Shading& shading,
                                 std::size_t most) {
  const Sizes s = sizes_of("pictures_of", without_first(images.shape()));
  std::vector<Picture> r;
  for (std::size_t i = 0; i < std::min(most, images.size(0)); ++i)
    r.push_back(paint(images.data() + i * s.size(), s.channels, s.height, s.width, shading));
  return r;
}

template <class T>
std::vector<Picture> filter_pictures(const Tensor<T>& weight, const Shape& image,
                                     std::size_t most) {
  const Shape shape = weight.shape();
  detail::require(shape.rank() == 2 || shape.rank() == 4, "filter_pictures",
                  "no weight (out, in) or (out, c, h, w): ", shape);
  const std::size_t size = shape.rank() == 2 ? shape[1] : shape[1] * shape[2] * shape[3];
  detail::require(size > 0, "filter_pictures", "a filter without weights: ", shape);
  const Sizes s = shape.rank() == 4 ? Sizes{shape[1], shape[2], shape[3]}
                                    : sizes_of("filter_pictures", image_of_linear(size, image));
  detail::require(s.size() == size, "filter_pictures", "a filter has ", size,
                  " weights, the image is ", image);
  const Shading shading{s.channels == 3 ? Shades::grey : Shades::diverging, 0, 0};
  std::vector<Picture> r;
  for (std::size_t i = 0; i < std::min(most, shape[0]); ++i) {
    const T* filter = weight.data() + i * size;
    if (s.channels == 3) {
      r.push_back(paint(filter, 3, s.height, s.width, shading));
    } else {
      const std::vector<T> mean = mean_of_channels(filter, s.channels, s.height * s.width);
      r.push_back(paint(mean.data(), 1, s.height, s.width, shading));
    }
  }
  return r;
}

Picture tile(const std::vector<Picture>& pictures, const TileOptions& o) {
  detail::require(!pictures.empty(), "tile", "there are no pictures");
  detail::require(o.scale > 0, "tile", "scale is 0");
  const std::size_t width = pictures[0].width(), height = pictures[0].height();
  const auto n = static_cast<double>(pictures.size());
  const std::size_t columns =
      std::min(pictures.size(),
               o.columns > 0 ? o.columns : static_cast<std::size_t>(std::ceil(std::sqrt(n))));
  const std::size_t rows = (pictures.size() + columns - 1) / columns;
  const std::size_t across = width * o.scale + o.gap, down = height * o.scale + o.gap;
  Picture r(columns * across - o.gap, rows * down - o.gap, o.background);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const Picture& p = pictures[i];
    detail::require(p.width() == width && p.height() == height, "tile", "sizes differ: ", width,
                    " x ", height, ", ", p.width(), " x ", p.height());
    for (std::size_t y = 0; y < height * o.scale; ++y) {
      for (std::size_t x = 0; x < width * o.scale; ++x)
        r.at(i / columns * down + y, i % columns * across + x) = p.at(y / o.scale, x / o.scale);
    }
  }
  return r;
}

template <class T>
Picture decision_picture(const std::function<Tensor<T>(const Tensor<T>& points)>& answer,
                         const PlaneWindow& window, std::size_t width) {
  check_window("decision_picture", window);
  const double ratio = (window.top - window.bottom) / (window.right - window.left);
  Picture r(width, static_cast<std::size_t>(
                       std::clamp(std::round(ratio * static_cast<double>(width)), 1.0, 65535.0)));
  const NoGrad guard;
  const Tensor<T> p = answer(places<T>(window, r.width(), r.height()));
  const std::size_t n = r.width() * r.height();
  detail::require(p.shape().rank() == 2 && p.size(0) == n && p.size(1) > 0, "decision_picture",
                  "the answer to points ", Shape{n, 2}, " is no (n, classes): ", p.shape());
  const std::size_t classes = p.size(1);
  std::vector<double> shares(std::max<std::size_t>(classes, 2));
  for (std::size_t i = 0; i < n; ++i) {
    const T* row = p.data() + i * classes;
    std::copy_n(row, classes, shares.begin());
    if (classes == 1) shares = {1 - static_cast<double>(row[0]), static_cast<double>(row[0])};
    const bool known =
        std::none_of(shares.begin(), shares.end(), [](double v) { return std::isnan(v); });
    r.at(i / width, i % width) = known ? decision_color(shares) : kNan;
  }
  return r;
}

template <class T>
void add_points(Picture& picture, const PlaneWindow& w, const Tensor<T>& points,
                const Indices& labels, const PointStyle& style) {
  check_window("add_points", w);
  detail::require(points.shape().rank() == 2 && points.size(1) == 2, "add_points",
                  "no points (n, 2): ", points.shape());
  detail::require(labels.size() == points.size(0), "add_points", points.size(0), " points, ",
                  labels.size(), " labels");
  const auto width = static_cast<double>(picture.width()),
             height = static_cast<double>(picture.height());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto x = static_cast<double>(points.data()[2 * i]);
    const auto y = static_cast<double>(points.data()[2 * i + 1]);
    if (!(x >= w.left && x <= w.right && y >= w.bottom && y <= w.top)) continue;
    const Rgb full = rgb_of(class_color(static_cast<std::size_t>(labels.data()[i])));
    dot(picture, (w.top - y) / (w.top - w.bottom) * height - 0.5,
        (x - w.left) / (w.right - w.left) * width - 0.5, style.radius,
        color_of(between({0, 0, 0}, full, style.brightness)));
  }
}

#define XGRAD_INSTANTIATE(T)                                                                  \
  template Picture picture_of(const Tensor<T>&, const Shading&);                              \
  template std::vector<Picture> pictures_of(const Tensor<T>&, const Shading&, std::size_t);   \
  template std::vector<Picture> filter_pictures(const Tensor<T>&, const Shape&, std::size_t); \
  template Picture decision_picture(const std::function<Tensor<T>(const Tensor<T>&)>&,        \
                                    const PlaneWindow&, std::size_t);                         \
  template void add_points(Picture&, const PlaneWindow&, const Tensor<T>&, const Indices&,    \
                           const PointStyle&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
