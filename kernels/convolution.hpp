#pragma once

// Convolutions over up to three axes, and their two gradients: three bilinear maps of which each
// one's derivatives are the other two.
//
//   y[o, t]  = bias[o] + sum over c, i of w[o, c, i] x[c, t stride + i dilation - before]
//
// All of them are products of matrices that are never written down: small panels of what a matrix
// product would read are gathered from an image, where it is in cache, and multiplied in registers.
// What lies outside the image counts as zeros. Every number is added up in an order that depends on
// the sizes alone, not on the batch it is in nor on the number of threads.

#include <array>
#include <cstddef>

#include "xgrad/kernels/isa.hpp"

namespace xgrad::kernels {

/// Sizes along depth, height and width; convolutions of fewer axes have 1 in front.
using Sizes3 = std::array<std::size_t, 3>;
inline std::size_t volume(const Sizes3& s) { return s[0] * s[1] * s[2]; }

/// x (n, groups in, input...), w (groups out, in, kernel...), y (n, groups out, output...).
struct Convolution {
  std::size_t n, groups, in, out;  ///< `in` and `out` channels in each group
  Sizes3 input, kernel, output;
  Sizes3 stride, dilation;
  Sizes3 before;  ///< zeros before the input; those behind it follow from the output
};

/// y = bias + convolution of x; without a bias 0. Added to y if `accumulate`, then without bias.
template <class T>
void convolve(const Convolution& c, const T* x, const T* w, const T* bias, T* y, bool accumulate);

/// gx[c, s] = bias[c] + sum of w[o, c, i] gy[o, t] over all t stride + i dilation - before = s. In
/// this one the bias belongs to the channels of x.
template <class T>
void convolve_input(const Convolution& c, const T* gy, const T* w, const T* bias, T* gx,
                    bool accumulate);

/// gw[o, c, i] = sum over the batch and t of gy[o, t] x[c, t stride + i dilation - before].
template <class T>
void convolve_weight(const Convolution& c, const T* x, const T* gy, T* gw, bool accumulate);

// --- The parts of them that are compiled for each instruction set ---

/// `length` numbers that follow each other at `from` and, `step` apart, at `to`.
struct Run {
  std::size_t from, to, length;
};

/// Numbers behind an image that has been laid out that may be read and written.
constexpr std::size_t kSlack = 64;

/// Columns of a panel: packs of the widest kernel.
constexpr std::size_t kPanelPacks = 3;

/// Where the products of a panel go: runs of columns, `step` apart in y, rows `pitch` apart.
struct PanelOutput {
  const Run* runs;
  std::size_t run_count, step, pitch;
};

template <class T>
struct ConvolutionKernels {
  std::size_t columns;  ///< of a panel
  std::size_t rows;     ///< of the left matrix that are multiplied at a time
  std::size_t lanes;    ///< of transposed output channels: two packs

  /// panel[k, run.to + e] = image[offsets[k] + run.from + e].
  void (*gather)(const T* image, const Run* runs, std::size_t run_count, const std::size_t* offsets,
                 std::size_t k, T* panel);
  /// The same of runs that are no longer than a pack, in their order, where a pack from the begin of
  /// each may be read and written.
  void (*gather_packs)(const T* image, const Run* runs, std::size_t run_count,
                       const std::size_t* offsets, std::size_t k, T* panel);
  /// y = (first: bias, or y if `accumulate`; else y) + w panel, for `used` columns. w is in blocks
  /// of `rows` rows, (k, rows) each, its blocks `w_pitch` apart.
  void (*multiply)(const T* w, std::size_t w_pitch, std::size_t rows, std::size_t k, const T* panel,
                   std::size_t used, const T* bias, T* y, const PanelOutput& out, bool accumulate);
  /// g (k, lanes) += sum over the grid of image[offsets[k] + place] gy (place, lanes).
  void (*weight)(const T* gy, const T* image, const std::size_t* offsets, std::size_t k,
                 const Sizes3& grid, const Sizes3& steps, T* g);
};

/// Rows of images, from one layout to another.
template <class T>
struct ConvolutionRows {
  /// Rows of n numbers to rows that are `pitch` apart; a pack behind each may be overwritten.
  void (*copy_rows)(const T* x, std::size_t rows, std::size_t n, T* to, std::size_t pitch);
  /// Every other number of each row to one place, the rest to another one.
  void (*split_rows)(const T* x, std::size_t rows, std::size_t n, T* even, T* odd,
                     std::size_t pitch);
  /// Rows of n numbers, `pitch` apart, each of every other one from here and there: the other way round.
  /// What there is to read follows without a gap, and a pack behind it may be read.
  void (*merge_rows)(const T* even, const T* odd, std::size_t rows, std::size_t n, T* to,
                     std::size_t pitch);
  /// to (count, lanes) from rows (rows, count) that are `pitch` apart; 0 for missing rows.
  void (*transpose)(const T* x, std::size_t rows, std::size_t count, std::size_t pitch, T* to);
};

template <Isa I, class T>
ConvolutionKernels<T> make_convolution_kernels();
template <Isa I, class T>
ConvolutionRows<T> make_convolution_rows();

}  // namespace xgrad::kernels
