#include <algorithm>
#include <utility>
#include <vector>

#include "xgrad/kernels/convolution.hpp"
#include "xgrad/kernels/convolution_kernels.hpp"
#include "xgrad/kernels/convolution_layout.hpp"
#include "xgrad/kernels/depthwise.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad::kernels {
namespace {

/// The sums of a part of the batch for `lanes` output channels of one group, (k, lanes).
template <class T>
class PartialSums {
 public:
  PartialSums(const Convolution& c, const T* x, const T* gy)
      : c_(c), x_(x), gy_(gy), layout_(input_layout(c)), offsets_(input_offsets(c, layout_)) {}

  std::size_t numbers() const { return offsets_.size() * kernels_.lanes; }

  /// Images [begin, end), channels from `first` on of a group.
  void run(std::size_t begin, std::size_t end, std::size_t group, std::size_t first,
           T* sums) const {
    const std::size_t inner = volume(c_.output), channels = c_.groups * c_.in;
    const std::size_t rows = std::min(kernels_.lanes, c_.out - first);
    LaidOut<T> image(layout_, layout_.is_plain() ? 0 : 1);
    Scratch<T> gradient(inner * kernels_.lanes);
    Scratch<T> some(numbers(), T(0));  // of not too many places
    std::fill_n(sums, numbers(), T(0));
    const Sizes3 steps = input_steps(c_, layout_);
    const bool flat = steps[1] == c_.output[2] && (steps[0] == c_.output[1] * c_.output[2]);
    const Sizes3 grid = flat ? Sizes3{1, 1, inner} : c_.output;
    std::size_t left = kPlaces;
    for (std::size_t i = begin; i < end; ++i) {
      const T* x = x_ + (i * channels + group * c_.in) * volume(c_.input);
      if (!layout_.is_plain()) x = image.set(0, x);
      kernels_.transpose(gy_ + ((i * c_.groups + group) * c_.out + first) * inner, rows, inner,
                         inner, gradient.data());
      each_piece(grid, steps, [&](std::size_t place, std::size_t at, const Sizes3& piece) {
        kernels_.weight(gradient.data() + place * kernels_.lanes, x + at, offsets_.data(),
                        offsets_.size(), piece, steps, some.data());
        left -= std::min(left, volume(piece));
        if (left != 0) return;
        join(some.data(), sums);
        left = kPlaces;
      });
    }
    join(some.data(), sums);
  }

 private:
  // Places whose terms are added up before they join the others.
  static constexpr std::size_t kPlaces = 1 << 13;

  // visit(first place, where it begins in the image, sizes) for parts of a grid of not much more:
  // planes, rows of one, or pieces of a row.
  template <class Visit>
  static void each_piece(const Sizes3& grid, const Sizes3& steps, const Visit& visit) {
    const auto at_most = [](std::size_t size, std::size_t each) {
      return std::clamp<std::size_t>(kPlaces / each, 1, size);
    };
    const Sizes3 most = {at_most(grid[0], grid[1] * grid[2]), at_most(grid[1], grid[2]),
                         at_most(grid[2], 1)};
    std::size_t place = 0;
    for (std::size_t d = 0; d < grid[0]; d += most[0]) {
      for (std::size_t h = 0; h < grid[1]; h += most[1]) {
        for (std::size_t q = 0; q < grid[2]; q += most[2]) {
          const Sizes3 piece = {std::min(most[0], grid[0] - d), std::min(most[1], grid[1] - h),
                                std::min(most[2], grid[2] - q)};
          visit(place, d * steps[0] + h * steps[1] + q, piece);
          place += volume(piece);
        }
      }
    }
  }
  void join(T* from, T* to) const {
    for (std::size_t e = 0; e < numbers(); ++e) to[e] += std::exchange(from[e], T(0));
  }

  const Convolution& c_;
  const T *x_, *gy_;
  const ConvolutionKernels<T>& kernels_ = convolution_kernels<T>();
  ImageLayout layout_;
  std::vector<std::size_t> offsets_;
};

}  // namespace

template <class T>
void convolve_weight(const Convolution& c, const T* x, const T* gy, T* gw, bool accumulate) {
  const std::size_t k = c.in * volume(c.kernel), lanes = convolution_kernels<T>().lanes;
  if (c.groups * c.out * k == 0) return;
  if (c.n == 0 || volume(c.output) == 0) {
    if (!accumulate) std::fill_n(gw, c.groups * c.out * k, T(0));
    return;
  }
  if (c.in == 1 && c.out == 1 && c.groups > 1) return depthwise_weight(c, x, gy, gw, accumulate);
  const PartialSums<T> sums(c, x, gy);
  const std::size_t parts = std::min<std::size_t>(c.n, 8), blocks = (c.out + lanes - 1) / lanes;
  Scratch<T> all(parts * blocks * sums.numbers());
  for (std::size_t g = 0; g < c.groups; ++g) {
    parallel_for(parts * blocks, [&](std::size_t i) {
      const std::size_t part = i / blocks, block = i % blocks;
      sums.run(c.n * part / parts, c.n * (part + 1) / parts, g, block * lanes,
               all.data() + i * sums.numbers());
    });
    // Pairs of parts, and pairs of those.
    for (std::size_t apart = 1; apart < parts; apart *= 2) {
      for (std::size_t part = 0; part + apart < parts; part += 2 * apart) {
        T* const to = all.data() + part * blocks * sums.numbers();
        const T* const from = to + apart * blocks * sums.numbers();
        for (std::size_t e = 0; e < blocks * sums.numbers(); ++e) to[e] += from[e];
      }
    }
    for (std::size_t o = 0; o < c.out; ++o) {
      T* const to = gw + (g * c.out + o) * k;
      const T* const from = all.data() + o / lanes * sums.numbers() + o % lanes;
      for (std::size_t i = 0; i < k; ++i) to[i] = (accumulate ? to[i] : T(0)) + from[i * lanes];
    }
  }
}

template void convolve_weight(const Convolution&, const float*, const float*, float*, bool);
template void convolve_weight(const Convolution&, const double*, const double*, double*, bool);

}  // namespace xgrad::kernels
