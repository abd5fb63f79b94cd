#include "xgrad/data/image_changes.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <numbers>
#include <string>
#include <vector>

#include "xgrad/base/errors.hpp"

namespace xgrad {
namespace {

constexpr double kDegree = std::numbers::pi / 180;

void require(bool fits, const char* kind, const char* option, double value) {
  detail::require(fits, kind, option, " is out of range: ", value);
}

void require_strength(const char* kind, const char* option, double value) {
  detail::require_in(kind, option, value, "[0, inf)");
}

struct Box {
  std::size_t top, left, bottom, right;
};

template <class T>
void cover(Image<T> image, const Box& box, double fill) {
  for (std::size_t c = 0; c < image.channels; ++c) {
    for (std::size_t y = box.top; y < box.bottom; ++y) {
      std::fill(&image(c, y, 0) + box.left, &image(c, y, 0) + box.right, static_cast<T>(fill));
    }
  }
}

template <class T>
void cover_with_noise(Image<T> image, const Box& box, Draws& draws) {
  for (std::size_t c = 0; c < image.channels; ++c) {
    for (std::size_t y = box.top; y < box.bottom; ++y) {
      draws.normal(&image(c, y, box.left), box.right - box.left, 1);
    }
  }
}

// Whole pixels; what comes from outside is `fill`.
template <class T>
void shift(Image<T> image, std::int64_t down, std::int64_t right, double fill) {
  const std::vector<T> old(image.pixels, image.pixels + image.size());
  const auto height = static_cast<std::int64_t>(image.height);
  const auto width = static_cast<std::int64_t>(image.width);
  const std::int64_t from = std::clamp(right, std::int64_t{0}, width);
  const std::int64_t to = std::clamp(width + right, std::int64_t{0}, width);
  std::fill(image.pixels, image.pixels + image.size(), static_cast<T>(fill));
  for (std::int64_t row = 0; row < static_cast<std::int64_t>(image.channels) * height; ++row) {
    const std::int64_t y = row % height - down;
    if (y < 0 || y >= height || from >= to) continue;
    const T* source = old.data() + (row - down) * width;
    std::copy(source + from - right, source + to - right, image.pixels + row * width + from);
  }
}

}  // namespace

namespace detail {

// Forward, on (right, down) with down positive: R S H with H = (1, tan shear; 0, 1) leaning to the
// right at the top.
AffineMap affine_map(double radians, double scale, double shear_radians, double down,
                     double right) {
  const double c = std::cos(radians), s = std::sin(radians), t = std::tan(shear_radians);
  // (right, down) = scale ((c, s), (-s, c)) ((1, -t), (0, 1)), inverted.
  const double xx = (c + t * s) / scale, xy = (-s + t * c) / scale;
  const double yx = s / scale, yy = c / scale;
  return {yy, yx, -(yy * down + yx * right), xy, xx, -(xy * down + xx * right)};
}

template <class T>
void resample(Image<T> image, const AffineMap& map, double fill) {
  const auto height = static_cast<std::ptrdiff_t>(image.height);
  const auto width = static_cast<std::ptrdiff_t>(image.width);
  const std::ptrdiff_t padded = width + 2;
  // The old image with a border of `fill`, so that interpolation needs no conditions.
  std::vector<T> old(static_cast<std::size_t>((height + 2) * padded), static_cast<T>(fill));
  const double cy = static_cast<double>(height - 1) / 2, cx = static_cast<double>(width - 1) / 2;
  for (std::size_t channel = 0; channel < image.channels; ++channel) {
    T* pixels = image.pixels + channel * image.height * image.width;
    for (std::ptrdiff_t y = 0; y < height; ++y) {
      std::copy_n(pixels + y * width, width, old.data() + (y + 1) * padded + 1);
    }
    for (std::ptrdiff_t i = 0; i < height; ++i) {
      for (std::ptrdiff_t j = 0; j < width; ++j) {
        const double dy = static_cast<double>(i) - cy, dx = static_cast<double>(j) - cx;
        const double y = map[0] * dy + map[1] * dx + map[2] + cy;
        const double x = map[3] * dy + map[4] * dx + map[5] + cx;
        T& to = pixels[i * width + j];
        if (!(y > -1 && y < static_cast<double>(height) && x > -1 &&
              x < static_cast<double>(width))) {
          to = static_cast<T>(fill);
          continue;
        }
        const auto top = static_cast<std::ptrdiff_t>(y + 1),
                   left = static_cast<std::ptrdiff_t>(x + 1);
        const T v = static_cast<T>(y + 1 - static_cast<double>(top));
        const T u = static_cast<T>(x + 1 - static_cast<double>(left));
        const T* p = old.data() + top * padded + left;
        const T above = p[0] + u * (p[1] - p[0]);
        const T below = p[padded] + u * (p[padded + 1] - p[padded]);
        to = above + v * (below - above);
      }
    }
  }
}

}  // namespace detail

void Flip::check() const {
  require(horizontal >= 0 && horizontal <= 1, "Flip", "horizontal", horizontal);
  require(vertical >= 0 && vertical <= 1, "Flip", "vertical", vertical);
}

template <class T>
void Flip::apply(Image<T> image, Draws& draws) const {
  const std::size_t rows = image.channels * image.height;
  if (draws.chance(horizontal)) {
    for (std::size_t r = 0; r < rows; ++r) {
      std::reverse(image.pixels + r * image.width, image.pixels + (r + 1) * image.width);
    }
  }
  if (!draws.chance(vertical)) return;
  for (std::size_t c = 0; c < image.channels; ++c) {
    for (std::size_t y = 0; y < image.height / 2; ++y) {
      T* row = &image(c, y, 0);
      std::swap_ranges(row, row + image.width, &image(c, image.height - 1 - y, 0));
    }
  }
}

void Crop::check() const {
  if (padding >> 31 != 0) detail::fail("Crop", "padding is too large: ", padding);
}

template <class T>
void Crop::apply(Image<T> image, Draws& draws) const {
  const auto most = static_cast<std::int64_t>(padding);
  const std::int64_t down = draws.integer(-most, most), right = draws.integer(-most, most);
  shift(image, down, right, fill);
}

void Affine::check() const {
  require(degrees >= 0 && std::isfinite(degrees), "Affine", "degrees", degrees);
  require(shift >= 0 && std::isfinite(shift), "Affine", "shift", shift);
  require(scale >= 0 && scale < 1, "Affine", "scale", scale);
  require(shear >= 0 && shear < 90, "Affine", "shear", shear);
}

template <class T>
void Affine::apply(Image<T> image, Draws& draws) const {
  const double angle = draws.uniform(-degrees, degrees), lean = draws.uniform(-shear, shear);
  const double size = draws.uniform(1 - scale, 1 + scale);
  const double down = draws.uniform(-shift, shift), right = draws.uniform(-shift, shift);
  detail::resample(image, detail::affine_map(angle * kDegree, size, lean * kDegree, down, right),
                   fill);
}

void Brightness::check() const { require_strength("Brightness", "strength", strength); }

template <class T>
void Brightness::apply(Image<T> image, Draws& draws) const {
  const T b = static_cast<T>(draws.uniform(-strength, strength));
  for (std::size_t i = 0; i < image.size(); ++i) image.pixels[i] += b;
}

void Contrast::check() const { require_strength("Contrast", "strength", strength); }

template <class T>
void Contrast::apply(Image<T> image, Draws& draws) const {
  double sum = 0;
  for (std::size_t i = 0; i < image.size(); ++i) sum += static_cast<double>(image.pixels[i]);
  const T mean = static_cast<T>(sum / static_cast<double>(image.size()));
  const T f = static_cast<T>(draws.uniform(1 - strength, 1 + strength));
  for (std::size_t i = 0; i < image.size(); ++i) {
    image.pixels[i] = mean + f * (image.pixels[i] - mean);
  }
}

void Noise::check() const { require_strength("Noise", "deviation", deviation); }

template <class T>
void Noise::apply(Image<T> image, Draws& draws) const {
  std::vector<T> noise(image.size());
  draws.normal(noise.data(), noise.size(), deviation);
  for (std::size_t i = 0; i < noise.size(); ++i) image.pixels[i] += noise[i];
}

template <class T>
void Cutout::apply(Image<T> image, Draws& draws) const {
  const auto side = static_cast<std::int64_t>(std::min(size, std::size_t{1} << 31));
  const auto span = [&](std::size_t length) {
    const auto n = static_cast<std::int64_t>(length);
    const std::int64_t from = draws.integer(0, n - 1) - side / 2;
    return std::pair(static_cast<std::size_t>(std::clamp(from, std::int64_t{0}, n)),
                     static_cast<std::size_t>(std::clamp(from + side, std::int64_t{0}, n)));
  };
  const auto [top, bottom] = span(image.height);
  const auto [left, right] = span(image.width);
  cover(image, {top, left, bottom, right}, fill);
}

void Erase::check() const {
  require(least > 0 && least <= most, "Erase", "least", least);
  require(most < 1, "Erase", "most", most);
  require(ratio > 0 && ratio <= 1, "Erase", "ratio", ratio);
}

template <class T>
void Erase::apply(Image<T> image, Draws& draws) const {
  const double area = static_cast<double>(image.height * image.width);
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double covered = area * draws.uniform(least, most);
    const double r = std::exp(draws.uniform(std::log(ratio), -std::log(ratio)));
    const auto height = static_cast<std::size_t>(std::lround(std::sqrt(covered * r)));
    const auto width = static_cast<std::size_t>(std::lround(std::sqrt(covered / r)));
    if (height >= image.height || width >= image.width) continue;
    const auto within = [&](std::size_t most_there) {
      return static_cast<std::size_t>(draws.integer(0, static_cast<std::int64_t>(most_there)));
    };
    const std::size_t top = within(image.height - height), left = within(image.width - width);
    const Box box{top, left, top + height, left + width};
    return noise ? cover_with_noise(image, box, draws) : cover(image, box, fill);
  }
}

void Clip::check() const { require(low <= high, "Clip", "low", low); }

template <class T>
void Clip::apply(Image<T> image, Draws&) const {
  for (std::size_t i = 0; i < image.size(); ++i) {
    image.pixels[i] = std::clamp(image.pixels[i], static_cast<T>(low), static_cast<T>(high));
  }
}

#define XGRAD_INSTANTIATE(Kind)                          \
  template void Kind::apply(Image<float>, Draws&) const; \
  template void Kind::apply(Image<double>, Draws&) const;
XGRAD_INSTANTIATE(Flip)
XGRAD_INSTANTIATE(Crop)
XGRAD_INSTANTIATE(Affine)
XGRAD_INSTANTIATE(Brightness)
XGRAD_INSTANTIATE(Contrast)
XGRAD_INSTANTIATE(Noise)
XGRAD_INSTANTIATE(Cutout)
XGRAD_INSTANTIATE(Erase)
XGRAD_INSTANTIATE(Clip)
#undef XGRAD_INSTANTIATE
template void detail::resample(Image<float>, const AffineMap&, double);
template void detail::resample(Image<double>, const AffineMap&, double);

}  // namespace xgrad
