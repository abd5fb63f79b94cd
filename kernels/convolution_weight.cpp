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

/// The sums of a part of the batch for output channels of one group, in blocks (k, lanes).
template <class T>
class PartialSums {
 public:
  PartialSums(const Convolution& c, const T* x, const T* gy)
      : c_(c), x_(x), gy_(gy), layout_(input_layout(c)), offsets_(input_offsets(c, layout_)) {}

  /// Of a block.
  std::size_t numbers() const { return offsets_.size() * kernels_.lanes; }

  /// Images [begin, end), blocks [first, last) of a group. An image is laid out once for all of them.
  void run(std::size_t begin, std::size_t end, std::size_t group, std::size_t first,
           std::size_t last, T* sums) const {
    LaidOut<T> image(layout_, layout_.is_plain() ? 0 : 1);
    Scratch<T> gradient(volume(c_.output) * kernels_.lanes);
    const std::size_t all = (last - first) * numbers();
    const bool few = (end - begin) * volume(c_.output) < kPlaces;
    Scratch<T> apart(few ? 0 : all, T(0));
    T* const some = few ? sums : apart.data();  // of not too many places
    std::fill_n(sums, all, T(0));
    std::size_t left = kPlaces;
    for (std::size_t i = begin; i < end; ++i) {
      const T* x = x_ + (i * c_.groups + group) * c_.in * volume(c_.input);
      if (!layout_.is_plain()) x = image.set(0, x);
      const std::size_t before = left;
      for (std::size_t block = first; block < last; ++block) {
        const std::size_t at = (block - first) * numbers();
        left = before;
        add_image(i * c_.groups + group, block, x, gradient.data(), some + at, sums + at, left);
      }
    }
    if (!few) join(some, sums, all);
  }

 private:
  // `image` counts those of all groups; `left` are the places until what is in `some` joins `sums`.
  void add_image(std::size_t image, std::size_t block, const T* x, T* gradient, T* some, T* sums,
                 std::size_t& left) const {
    const std::size_t inner = volume(c_.output), first = block * kernels_.lanes;
    const Sizes3 steps = input_steps(c_, layout_);
    const bool flat = steps[1] == c_.output[2] && (steps[0] == c_.output[1] * c_.output[2]);
    convolution_rows<T>().transpose(gy_ + (image * c_.out + first) * inner,
                                    std::min(kernels_.lanes, c_.out - first), inner, inner,
                                    gradient);
    each_piece(flat ? Sizes3{1, 1, inner} : c_.output, steps,
               [&](std::size_t place, std::size_t at, const Sizes3& piece) {
                 kernels_.weight(gradient + place * kernels_.lanes, x + at, offsets_.data(),
                                 offsets_.size(), piece, steps, some);
                 left -= std::min(left, volume(piece));
                 if (left != 0) return;
                 join(some, sums, numbers());
                 left = kPlaces;
               });
  }

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
  static void join(T* from, T* to, std::size_t count) {
    for (std::size_t e = 0; e < count; ++e) to[e] += std::exchange(from[e], T(0));
  }

  const Convolution& c_;
  const T *x_, *gy_;
  const ConvolutionKernels<T>& kernels_ = convolution_kernels<T>();
  ImageLayout layout_;
  std::vector<std::size_t> offsets_;
};

// Adds up pairs of parts, and pairs of those, to the first one; some numbers at a time, so that they
// stay in the cache.
template <class T>
void add_parts(T* all, std::size_t parts, std::size_t numbers) {
  constexpr std::size_t kSome = 512;
  for (std::size_t begin = 0; begin < numbers; begin += kSome) {
    const std::size_t count = std::min(kSome, numbers - begin);
    for (std::size_t apart = 1; apart < parts; apart *= 2) {
      for (std::size_t part = 0; part + apart < parts; part += 2 * apart) {
        T* const to = all + part * numbers + begin;
        const T* const from = to + apart * numbers;
        for (std::size_t e = 0; e < count; ++e) to[e] += from[e];
      }
    }
  }
}

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
  // Blocks of a piece of work: no cut of them where there are parts for all threads, as long as their
  // sums stay in the cache.
  const std::size_t each =
      parts < static_cast<std::size_t>(num_threads())
          ? 1
          : std::clamp<std::size_t>((std::size_t{1} << 17) / sums.numbers(), 1, blocks);
  const std::size_t pieces = (blocks + each - 1) / each;
  for (std::size_t g = 0; g < c.groups; ++g) {
    parallel_for(parts * pieces, [&](std::size_t i) {
      const std::size_t part = i / pieces, block = i % pieces * each;
      sums.run(c.n * part / parts, c.n * (part + 1) / parts, g, block,
               std::min(block + each, blocks),
               all.data() + (part * blocks + block) * sums.numbers());
    });
    add_parts(all.data(), parts, blocks * sums.numbers());
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
