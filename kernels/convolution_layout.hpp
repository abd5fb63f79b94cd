#pragma once

// Where the numbers of an image lie while it is convolved. Internal.
//
// Neighbours along a row of the result read neighbours of the image: where there is a margin or a
// step along the rows, the image is copied first, with the margin, and numbers of each residue of
// the step side by side.

#include <cstddef>
#include <vector>

#include "xgrad/kernels/convolution.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad::kernels {

/// Images (channels, size...) as they are read: along each axis `padded` numbers, number p being
/// that at p every - before, or 0; along the last one each residue of `step` is a row of `pitch`
/// numbers.
struct ImageLayout {
  std::size_t channels;
  Sizes3 size, before, padded;
  std::size_t step;  ///< along the last axis
  Sizes3 every = {1, 1, 1};

  bool is_plain() const {
    return step == 1 && padded == size && before == Sizes3{0, 0, 0} && every == Sizes3{1, 1, 1};
  }
  std::size_t pitch() const { return (padded[2] + step - 1) / step; }
  std::size_t row() const { return pitch() * step; }
  std::size_t plane() const { return row() * padded[1]; }
  std::size_t channel() const { return plane() * padded[0]; }
  std::size_t numbers() const { return channel() * channels; }
  /// Of the number at d, h, w, counted with the margin.
  std::size_t at(std::size_t d, std::size_t h, std::size_t w) const {
    return d * plane() + h * row() + w % step * pitch() + w / step;
  }
};

/// Copies one image, x (channels, size...), to where zeros are, or another image was before. kSlack
/// numbers behind it are overwritten with zeros.
template <class T>
void lay_out(const ImageLayout& layout, const T* x, T* to);

/// Room for images that are laid out.
template <class T>
class LaidOut {
 public:
  LaidOut(const ImageLayout& layout, std::size_t images)
      : layout_(layout), data_(images * layout.numbers() + kSlack, T(0)) {}
  /// Image i of this room.
  const T* set(std::size_t i, const T* x) {
    lay_out(layout_, x, data_.data() + i * layout_.numbers());
    return data_.data() + i * layout_.numbers();
  }
  const T* data() { return data_.data(); }

 private:
  const ImageLayout& layout_;
  Scratch<T> data_;
};

/// How the input of a convolution is read: a margin as wide as the kernel reaches.
ImageLayout input_layout(const Convolution& c);
/// How far places of the output that are neighbours along an axis are apart in it.
Sizes3 input_steps(const Convolution& c, const ImageLayout& layout);

/// Of each element of the kernel and each channel: where it finds the number that belongs to the
/// first one of the result.
std::vector<std::size_t> input_offsets(const Convolution& c, const ImageLayout& layout);

/// Numbers of the input whose places have one residue of the stride along each axis: what adds to the
/// gradient of the first of them, and so of the others.
struct GradientTaps {
  Sizes3 grid;                        ///< of such numbers
  std::vector<std::size_t> elements;  ///< of the kernel
  /// Where each channel of the gradient has what belongs to each element.
  std::vector<std::size_t> offsets;
};

/// Residues of the stride that numbers of the input have.
Sizes3 residues_of(const Convolution& c);

/// How the gradient of the output is read: with the margin that all residues together need.
ImageLayout gradient_layout(const Convolution& c);
GradientTaps gradient_taps(const Convolution& c, const ImageLayout& layout, const Sizes3& residue);

/// The images that one thread works on at a time, of a few that fit its cache.
inline std::size_t images_at_a_time(std::size_t numbers) {
  constexpr std::size_t kNumbers = std::size_t{1} << 17;
  return numbers == 0 || numbers > kNumbers ? 1 : kNumbers / numbers;
}

}  // namespace xgrad::kernels
