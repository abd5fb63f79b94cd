#include "xgrad/data/digits.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "xgrad/base/errors.hpp"
#include "xgrad/data/digit_shapes.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/random.hpp"

namespace xgrad {
namespace {

using detail::DigitShape;
using detail::Point;

constexpr std::size_t kSize = 28, kPixels = kSize * kSize, kDigits = 10;
constexpr std::size_t kImagesPerPiece = 256;
constexpr float kHeight = 19.0F;  // of an undistorted digit, in pixels
constexpr float kMiddle = (kSize - 1) / 2.0F;
constexpr int kStepsPerPoint = 8;  // of the polyline that stands for a stroke
constexpr std::uint64_t kShape = 0, kStrokes = 1, kNoise = 2, kLabels = 3, kPurposes = 4;
constexpr float kPi = std::numbers::pi_v<float>;

// Every random number is one of a numbered draw of the library's generator.
Generator::State draw_number(std::uint64_t seed, std::uint64_t index, std::uint64_t purpose) {
  return {seed, kPurposes * index + purpose};
}

// The numbers that shape one image, handed out one after the other.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t index) {
    kernels::fill_uniform(uniform_.data(), uniform_.size(), 0.0F, 1.0F,
                          draw_number(seed, index, kShape));
    kernels::fill_normal(normal_.data(), normal_.size(), 0.0F, 1.0F,
                         draw_number(seed, index, kStrokes));
  }

  float normal() { return normal_[normals_++]; }
  float between(float a, float b) { return a + (b - a) * uniform_[uniforms_++]; }
  std::size_t below(std::size_t n) {
    return static_cast<std::size_t>(between(0, static_cast<float>(n)));
  }

 private:
  std::array<float, 24> uniform_;  // more than a shape can use
  std::array<float, 64> normal_;
  std::size_t uniforms_ = 0, normals_ = 0;
};

std::int64_t label_of(std::uint64_t seed, std::uint64_t index) {
  std::array<std::int64_t, kDigits> order;
  kernels::fill_permutation(order.data(), kDigits, draw_number(seed, index / kDigits, kLabels));
  return order[index % kDigits];
}

// A smooth random displacement of the plane: what joins stays joined.
class Wobble {
 public:
  Wobble(Draws& draws, float strength) {
    for (Wave& w : waves_) {
      const float angle = draws.between(0, 2 * kPi), length = draws.between(0.6F, 2.0F);
      w.direction = {2 * kPi / length * std::cos(angle), 2 * kPi / length * std::sin(angle)};
      w.phase = draws.between(0, 2 * kPi);
      const float amplitude = strength * 0.026F * length;
      w.shift = {amplitude * draws.normal(), amplitude * draws.normal()};
    }
  }

  Point operator()(Point p) const {
    Point r = p;
    for (const Wave& w : waves_) {
      const float s = std::sin(w.direction.x * p.x + w.direction.y * p.y + w.phase);
      r.x += w.shift.x * s;
      r.y += w.shift.y * s;
    }
    return r;
  }

 private:
  struct Wave {
    Point direction, shift;
    float phase = 0;
  };
  std::array<Wave, 4> waves_;
};

// From the unit square to pixels: slant, width, height, rotation, shift.
class Placement {
 public:
  Placement(Draws& draws, float strength) {
    const float angle = strength * 0.10F * draws.normal(),
                slant = strength * (0.10F + 0.18F * draws.normal());
    const float width = kHeight * std::exp(strength * (0.13F * draws.normal() - 0.02F));
    const float height = kHeight * std::exp(strength * (0.09F * draws.normal() - 0.02F));
    const float c = std::cos(angle), s = std::sin(angle);
    xx_ = c * width;
    xy_ = -c * slant * width - s * height;
    yx_ = s * width;
    yy_ = -s * slant * width + c * height;
    x_ = kMiddle + strength * 0.7F * draws.normal();
    y_ = kMiddle + strength * 0.7F * draws.normal();
  }

  Point operator()(Point p) const {
    const float x = p.x - 0.5F, y = p.y - 0.5F;
    return {x_ + xx_ * x + xy_ * y, y_ + yx_ * x + yy_ * y};
  }

 private:
  float xx_, xy_, yx_, yy_, x_, y_;
};

// Catmull-Rom: the curve from b to c, t in [0, 1].
float spline(float a, float b, float c, float d, float t) {
  return b + 0.5F * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

using Line = std::vector<Point>;

// The points of a stroke as a fine polyline.
Line smooth(const Line& p) {
  const bool closed = p.front().x == p.back().x && p.front().y == p.back().y;
  const std::size_t n = p.size(), last = n - 1;
  Line r;
  for (std::size_t i = 0; i < last; ++i) {
    const Point a = i > 0 ? p[i - 1] : closed ? p[last - 1] : p[0];
    const Point d = i + 2 < n ? p[i + 2] : closed ? p[1] : p[last];
    for (int k = 0; k < kStepsPerPoint; ++k) {
      const float t = static_cast<float>(k) / kStepsPerPoint;
      r.push_back(
          {spline(a.x, p[i].x, p[i + 1].x, d.x, t), spline(a.y, p[i].y, p[i + 1].y, d.y, t)});
    }
  }
  r.push_back(p[last]);
  return r;
}

// A pen whose pressure changes along the way.
struct Pen {
  float radius, change, phase, softness;

  Pen(Draws& draws, float strength)
      : radius(1.25F * std::exp(strength * 0.22F * draws.normal())),
        change(std::min(strength, 1.0F) * draws.between(0, 0.25F)),
        phase(draws.between(0, 2 * kPi)),
        softness(draws.between(0.8F, 1.3F)) {}

  float at(float along) const { return radius * (1 + change * std::sin(phase + 4 * along)); }
  float ink(float distance, float along) const {
    return std::clamp((at(along) - distance) / softness + 0.5F, 0.0F, 1.0F);
  }
};

float distance(Point p, Point a, Point b) {
  const float dx = b.x - a.x, dy = b.y - a.y;
  const float along = (p.x - a.x) * dx + (p.y - a.y) * dy, length = dx * dx + dy * dy;
  const float t = length > 0 ? std::clamp(along / length, 0.0F, 1.0F) : 0;
  const float x = p.x - a.x - t * dx, y = p.y - a.y - t * dy;
  return std::sqrt(x * x + y * y);
}

struct Range {
  std::size_t begin, end;
};

// The pixels of one axis that a segment from a to b may reach.
Range reach(float a, float b, float radius) {
  const float low = std::min(a, b) - radius, high = std::max(a, b) + radius + 1;
  const auto cut = [](float x) {
    return static_cast<std::size_t>(std::clamp(x, 0.0F, static_cast<float>(kSize)));
  };
  return {cut(std::ceil(low)), cut(std::floor(high))};
}

void draw_segment(Point a, Point b, const Pen& pen, float along, float* image) {
  const float radius = pen.at(along) + pen.softness;
  const Range rows = reach(a.y, b.y, radius), columns = reach(a.x, b.x, radius);
  for (std::size_t y = rows.begin; y < rows.end; ++y) {
    for (std::size_t x = columns.begin; x < columns.end; ++x) {
      const float ink =
          pen.ink(distance({static_cast<float>(x), static_cast<float>(y)}, a, b), along);
      image[y * kSize + x] = std::max(image[y * kSize + x], ink);
    }
  }
}

void draw_stroke(const Line& line, const Pen& pen, float* image) {
  for (std::size_t i = 1; i < line.size(); ++i) {
    const float along = static_cast<float>(i) / static_cast<float>(line.size());
    draw_segment(line[i - 1], line[i], pen, along, image);
  }
}

Line jittered(std::span<const Point> points, Draws& draws, float strength) {
  Line r;
  for (const Point p : points) {
    r.push_back(
        {p.x + strength * 0.022F * draws.normal(), p.y + strength * 0.022F * draws.normal()});
  }
  return r;
}

void draw_shape(const DigitShape& shape, Draws& draws, float strength, float* image) {
  const Line points = jittered(shape.points, draws, strength);
  const Wobble wobble(draws, strength);
  const Placement place(draws, strength);
  const Pen pen(draws, strength);
  Line stroke;
  for (std::size_t i = 0; i <= shape.strokes.size(); ++i) {
    if (i < shape.strokes.size() && shape.strokes[i] != ' ') {
      stroke.push_back(points[static_cast<std::size_t>(shape.strokes[i] - 'a')]);
      continue;
    }
    Line line = smooth(stroke);
    for (Point& p : line) p = place(wobble(p));
    draw_stroke(line, pen, image);
    stroke.clear();
  }
}

// Paler ink, noise, 256 levels.
void develop(float ink, const std::array<float, kPixels>& noise, float* image) {
  for (std::size_t i = 0; i < kPixels; ++i) {
    const float value = std::clamp(ink * image[i] + noise[i], 0.0F, 1.0F);
    image[i] = std::round(255 * value) / 255;
  }
}

void draw_image(std::uint64_t seed, std::uint64_t index, std::int64_t digit,
                const DigitOptions& options, float* image) {
  Draws draws(seed, index);
  std::array<float, kPixels> noise;
  kernels::fill_normal(noise.data(), kPixels, 0.0F, options.noise,
                       draw_number(seed, index, kNoise));
  std::fill_n(image, kPixels, 0.0F);
  const auto shapes = detail::digit_shapes(digit);
  draw_shape(shapes[draws.below(shapes.size())], draws, options.distortion, image);
  develop(1 - std::min(options.distortion, 1.0F) * draws.between(0, 0.15F), noise, image);
}

void check(const char* name, float value, float most) {
  if (value >= 0 && value <= most) return;
  detail::fail("draw_digits", name, " is not in [0, ", static_cast<int>(most), "]: ", value);
}

}  // namespace

ImageData draw_digits(std::size_t count, std::uint64_t seed, const DigitOptions& options) {
  check("distortion", options.distortion, 4);
  check("noise", options.noise, 1);
  detail::checked_elements({count, kSize, kSize}, sizeof(float));
  ImageData r{Array<float>::from_shape({count, kSize, kSize}), Indices::from_shape({count})};
  kernels::parallel_for((count + kImagesPerPiece - 1) / kImagesPerPiece, [&](std::size_t piece) {
    const std::size_t end = std::min(count, (piece + 1) * kImagesPerPiece);
    for (std::size_t i = piece * kImagesPerPiece; i < end; ++i) {
      const std::int64_t digit = label_of(seed, options.first + i);
      r.labels.data()[i] = digit;
      draw_image(seed, options.first + i, digit, options, r.images.data() + i * kPixels);
    }
  });
  return r;
}

}  // namespace xgrad
