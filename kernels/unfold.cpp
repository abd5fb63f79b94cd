#include "xgrad/kernels/unfold.hpp"

#include <algorithm>

#include "xgrad/kernels/parallel.hpp"

namespace xgrad::kernels {
namespace {

/// visit(number of the image, number of the columns), of one channel, for all that are inside;
/// outside(number of the columns) for the others.
template <class Visit, class Outside>
void each_place(const Convolution& c, const Visit& visit, const Outside& outside) {
  std::size_t column = 0;
  for (std::size_t a = 0; a < c.kernel[1]; ++a) {
    for (std::size_t b = 0; b < c.kernel[2]; ++b) {
      for (std::size_t i = 0; i < c.output[1]; ++i) {
        const std::size_t row = i * c.stride[1] + a * c.dilation[1] - c.before[1];
        for (std::size_t j = 0; j < c.output[2]; ++j, ++column) {
          const std::size_t at = j * c.stride[2] + b * c.dilation[2] - c.before[2];
          if (row < c.input[1] && at < c.input[2]) {
            visit(row * c.input[2] + at, column);
          } else {
            outside(column);
          }
        }
      }
    }
  }
}

template <class Run>
void over_channels(const Convolution& c, const Run& run) {
  const std::size_t all = c.n * c.in, numbers = volume(c.kernel) * volume(c.output);
  if (all == 0) return;
  const std::size_t pieces = std::min(all, pieces_for(all * numbers));
  parallel_for(pieces, [&](std::size_t piece) {
    for (std::size_t i = all * piece / pieces; i < all * (piece + 1) / pieces; ++i)
      run(i * volume(c.input), i * numbers);
  });
}

}  // namespace

template <class T>
void unfold(const Convolution& c, const T* x, T* columns, bool accumulate) {
  over_channels(c, [&](std::size_t image, std::size_t column) {
    const T* const from = x + image;
    T* const to = columns + column;
    each_place(
        c, [&](std::size_t i, std::size_t k) { to[k] = accumulate ? to[k] + from[i] : from[i]; },
        [&](std::size_t k) { to[k] = accumulate ? to[k] : T(0); });
  });
}

template <class T>
void fold(const Convolution& c, const T* columns, T* x, bool accumulate) {
  over_channels(c, [&](std::size_t image, std::size_t column) {
    const T* const from = columns + column;
    T* const to = x + image;
    if (!accumulate) std::fill_n(to, volume(c.input), T(0));
    each_place(
        c, [&](std::size_t i, std::size_t k) { to[i] += from[k]; }, [](std::size_t) {});
  });
}

#define XGRAD_INSTANTIATE(T)                                    \
  template void unfold(const Convolution&, const T*, T*, bool); \
  template void fold(const Convolution&, const T*, T*, bool);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
