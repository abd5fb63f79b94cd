#pragma once

// Pictures as files, PNG and SVG: images of a data set, filters of a layer, what a model says about
// the plane, learning curves.
//
//   write_png("kernels.png", tile(filter_pictures(net.at("1.weight")), {.scale = 8}));
//   write_png("digit.png", picture_of(image));                       // (28, 28), from 0 to 1
//   Picture plane = decision_picture<float>([&](auto& x) { return sigmoid(net(x)); }, {-1, 1, -1, 1});
//   add_points(plane, {-1, 1, -1, 1}, points, labels);
//   write_svg("plane.svg", plane);
//   write_svg("loss.svg", history, {.figures = {"train loss", "validation loss"}, .log = true});
//
// PNG is written by libpng, where the library was built with it.

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/training/history.hpp"

namespace xgrad {

/// Parts of red, green and blue, from 0 to 255.
struct Color {
  unsigned char red = 0, green = 0, blue = 0;
  bool operator==(const Color&) const = default;
};

/// Eight colors that differ also to who sees no red or green, for classes and curves; the ninth is
/// the first again. **Source** Okabe & Ito 2008.
Color class_color(std::size_t i);

/// Colors in rows.
class Picture {
 public:
  /// Throws std::invalid_argument when a side is 0 or above 65535.
  Picture(std::size_t width, std::size_t height, Color background = {255, 255, 255});

  std::size_t width() const { return width_; }    ///< pixels of a row
  std::size_t height() const { return height_; }  ///< rows
  /// Row 0 is on top. Throws std::out_of_range.
  Color& at(std::size_t row, std::size_t column) { return pixels_[place(row, column)]; }
  const Color& at(std::size_t row, std::size_t column) const { return pixels_[place(row, column)]; }
  const std::vector<Color>& pixels() const { return pixels_; }  ///< row after row
  bool operator==(const Picture&) const = default;

 private:
  std::size_t place(std::size_t row, std::size_t column) const;

  std::size_t width_, height_;
  std::vector<Color> pixels_;
};

enum class Shades {
  grey,       ///< from black at `low` to white at `high`
  diverging,  ///< blue below the middle of `low` and `high`, white there, red above
};

/// What is below `low` has its color, and so above `high`; a NaN is green. Equal: the least and the
/// largest number of the picture, for `diverging` with 0 in the middle.
struct Shading {
  Shades shades = Shades::grey;  ///< which colors
  double low = 0, high = 1;
};

/// **Shapes** (h, w), (1, h, w) or, of colors as they are, (3, h, w).
/// **Throws** std::invalid_argument for other shapes.
template <class T>
Picture picture_of(const Tensor<T>& image, const Shading& shading = {});

/// **Shapes** (n, h, w), (n, 1, h, w) or (n, 3, h, w): n pictures, at most `most` of them.
template <class T>
std::vector<Picture> pictures_of(const Tensor<T>& images, const Shading& shading = {},
                                 std::size_t most = 64);

/// The filters of a first layer, each by itself from its most negative weight (blue) to its largest
/// (red).
/// **Shapes** of convolutions (out, c, h, w), in color when c is 3, else a mean over c; of a linear
/// layer (out, in), where `image` is (h, w), (1, h, w) or (3, h, w) of `in` numbers, or empty when `in` is a
/// square.
/// **Throws** std::invalid_argument when these do not fit.
template <class T>
std::vector<Picture> filter_pictures(const Tensor<T>& weight, const Shape& image = {},
                                     std::size_t most = 64);

struct TileOptions {
  std::size_t columns = 0;             ///< 0: as many as rows, or one more
  std::size_t scale = 1;               ///< pixels to a side for each pixel
  std::size_t gap = 2;                 ///< pixels between pictures
  Color background = {128, 128, 128};  ///< of gaps and empty places
};

/// Pictures of one size side by side, row after row. Throws std::invalid_argument for none and for
/// different sizes.
Picture tile(const std::vector<Picture>& pictures, const TileOptions& options = {});

/// A part of the plane: x to the right, y upwards.
struct PlaneWindow {
  double left = -1, right = 1, bottom = -1, top = 1;  ///< its edges
};

/// What a model says about the plane: each class has a color, which is the whiter the less certain.
/// `answer` gets points (n, 2) and returns probabilities: (n, 1) of the second class of two, or (n, classes).
/// It is called without recording.
/// **Throws** std::invalid_argument for another shape, and a window without an inside.
template <class T>
Picture decision_picture(const std::function<Tensor<T>(const Tensor<T>& points)>& answer,
                         const PlaneWindow& window, std::size_t width = 400);

struct PointStyle {
  double radius = 3;        ///< in pixels
  double brightness = 0.6;  ///< of the color of its class
};

/// Draws points (n, 2) over a picture of that window, those outside left out; n labels.
template <class T>
void add_points(Picture& picture, const PlaneWindow& window, const Tensor<T>& points,
                const Indices& labels, const PointStyle& style = {});

/// Whether the library was built with libpng.
bool writes_png();
/// The bytes of a PNG file: of shades of grey when the picture has no others. Throws
/// std::logic_error where the library was built without libpng.
std::string png(const Picture& picture);
/// Replaces an old file in one step. Throws also FileError.
void write_png(const std::string& path, const Picture& picture);

/// An SVG file that shows the picture, by its PNG inside, with sharp pixels at any size. `description` is what
/// is read aloud.
std::string svg(const Picture& picture, const std::string& description = {});
void write_svg(const std::string& path, const Picture& picture,
               const std::string& description = {});

struct CurveOptions {
  std::vector<std::string> figures = {};  ///< empty: all but "learning rate"
  std::string title = {};                 ///< above it
  bool log = false;                  ///< a scale of powers of ten; what is not above 0 is left out
  double width = 640, height = 360;  ///< in pixels
};

/// Learning curves as an SVG file: a line for each figure over the rows' numbers, with gaps at what is
/// not finite, two axes and the names. Throws std::out_of_range for a figure that there is not,
/// std::invalid_argument when nothing is left to draw.
std::string svg(const History& history, const CurveOptions& options = {});
void write_svg(const std::string& path, const History& history, const CurveOptions& options = {});

}  // namespace xgrad
