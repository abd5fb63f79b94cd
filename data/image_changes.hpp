#pragma once

// The kinds of augmentation. Each is a value: `Affine{.degrees = 10}`. Where an image is uncovered
// it becomes `fill`. None limits the pixels to a range but Clip.
// `check` throws std::invalid_argument for numbers out of range, `apply` changes one image as `draws` decide.

#include <array>

#include "xgrad/data/augmentation.hpp"

namespace xgrad {

/// Mirrors left and right, or top and bottom, each with its probability.
struct Flip {
  double horizontal = 0.5;  ///< left and right; in [0, 1]
  double vertical = 0;      ///< top and bottom; in [0, 1]
  void check() const;
  template <class T>
  void apply(Image<T> image, Draws& draws) const;
};

/// Pads all sides and cuts out the size there was, anywhere: a shift by up to `padding` whole
/// pixels along each axis.
struct Crop {
  std::size_t padding = 4;  ///< below 2^31
  double fill = 0;
  void check() const;
  template <class T>
  void apply(Image<T> image, Draws& draws) const;
};

/// Turns, stretches, shears and shifts about the image's centre, each uniformly by up to so much,
/// with one bilinear interpolation. All 0 is no change; `Affine{.degrees = 10}` only rotates.
struct Affine {
  double degrees = 0;  ///< rotation, either way; at least 0
  double shift = 0;    ///< pixels along each axis, also fractions; at least 0
  double scale = 0;    ///< size 1 - scale to 1 + scale; in [0, 1)
  double shear = 0;    ///< degrees by which vertical lines lean, either way; in [0, 90)
  double fill = 0;
  void check() const;
  template <class T>
  void apply(Image<T> image, Draws& draws) const;
};

/// x + b, b uniform in [-strength, strength].
struct Brightness {
  double strength = 0.2;  ///< at least 0
  void check() const;
  template <class T>
  void apply(Image<T> image, Draws& draws) const;
};

/// mean + f (x - mean), f uniform in [1 - strength, 1 + strength], mean that of the image.
struct Contrast {
  double strength = 0.2;  ///< at least 0
  void check() const;
  template <class T>
  void apply(Image<T> image, Draws& draws) const;
};

/// x + normal noise, for each pixel its own.
struct Noise {
  double deviation = 0.05;  ///< at least 0
  void check() const;
  template <class T>
  void apply(Image<T> image, Draws& draws) const;
};

/// Covers a square, whose centre is any pixel; beyond the border it is cut off.
/// **Source** DeVries, Taylor 2017.
struct Cutout {
  std::size_t size = 8;  ///< side in pixels
  double fill = 0;
  template <class T>
  void apply(Image<T> image, Draws& draws) const;
};

/// Covers a rectangle inside the image: its share of the area uniform, its ratio of height to width
/// log-uniform. After ten that do not fit in, nothing is covered.
/// **Source** Zhong, Zheng, Kang, Li, Yang 2020.
struct Erase {
  double least = 0.02, most = 0.33;  ///< share of the area; 0 < least <= most < 1
  double ratio = 0.3;                ///< ratios are from this to its inverse; in (0, 1]
  double fill = 0;
  bool noise = false;  ///< normal numbers, of deviation 1, instead of `fill`
  void check() const;
  template <class T>
  void apply(Image<T> image, Draws& draws) const;
};

/// Limits the pixels to a range.
struct Clip {
  double low = 0, high = 1;  ///< the range
  void check() const;
  template <class T>
  void apply(Image<T> image, Draws& draws) const;
};

namespace detail {

/// Where the pixel (y, x) of the result comes from, both counted from the centre:
/// (m[0] y + m[1] x + m[2], m[3] y + m[4] x + m[5]).
using AffineMap = std::array<double, 6>;

/// The inverse of: shear, then scale, then rotation (counter-clockwise as one looks at it),
/// then shift.
AffineMap affine_map(double radians, double scale, double shear_radians, double down, double right);

/// Bilinear interpolation; outside the image is `fill`.
template <class T>
void resample(Image<T> image, const AffineMap& map, double fill);

}  // namespace detail
}  // namespace xgrad
