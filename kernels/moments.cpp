#include "xgrad/kernels/moments.hpp"

#include <algorithm>

#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/reduce.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad::kernels {
namespace {

constexpr std::size_t kPiece = 8192;  // numbers that are added up before they join the total

template <class T>
const MomentKernels<T>& moment_kernels() {
  static const MomentKernels<T> kernels =
      choose([]<Isa I>() { return make_moment_kernels<I, T>(); });
  return kernels;
}

template <class T>
const T* shifted(const T* p, std::size_t by) {
  return p == nullptr ? nullptr : p + by;
}

// sum(x, result, view) for parts of the outer axes; result: which (outer, inner) is the first.
template <class T, class Sum>
void sums_of_outer(const T* x, AxisView view, const Sum& sum) {
  const std::size_t pieces = std::min(view.outer, pieces_for(view.elements()));
  parallel_for(pieces, [&](std::size_t k) {
    const std::size_t begin = view.outer * k / pieces, end = view.outer * (k + 1) / pieces;
    sum(x + begin * view.n * view.inner, begin * view.inner,
        AxisView{end - begin, view.n, view.inner});
  });
}

// The pieces of a long axis, one outer index.
struct Pieces {
  std::size_t n, inner, count;

  explicit Pieces(AxisView view) : n(view.n), inner(view.inner), count(1) {
    const std::size_t length = inner == 1 ? kPiece : kPiece / 64;  // along the axis
    if (n > length && n * inner > kPiece) count = (n + length - 1) / length;
  }

  /// sum(x, k, view) for each.
  template <class T, class Sum>
  void each(const T* x, const Sum& sum) const {
    const std::size_t groups = std::min(count, pieces_for(n * inner));
    parallel_for(groups, [&](std::size_t g) {
      for (std::size_t k = count * g / groups; k < count * (g + 1) / groups; ++k) {
        const std::size_t begin = n * k / count, end = n * (k + 1) / count;
        sum(x + begin * inner, k, AxisView{1, end - begin, inner});
      }
    });
  }
};

// sum and squares (outer, inner) of x - center, whose axis is long.
template <class T>
void moments_in_pieces(const T* x, T* center, T* sum, T* squares, AxisView view,
                       const Pieces& pieces) {
  const std::size_t inner = view.inner;
  Scratch<T> partial(2 * pieces.count * inner);
  T *const sums = partial.data(), *const more = sums + pieces.count * inner;
  for (std::size_t o = 0; o < view.outer; ++o) {
    pieces.each(x + o * view.n * inner, [&](const T* part, std::size_t k, AxisView v) {
      moment_kernels<T>().moments(part, center + o * inner, sums + k * inner, more + k * inner, v,
                                  false);
    });
    reduce(Reduction::sum, sums, sum + o * inner, 1, pieces.count, inner);
    reduce(Reduction::sum, more, squares + o * inner, 1, pieces.count, inner);
  }
}

}  // namespace

template <class T>
void squares(const T* x, T* y, AxisView view) {
  const auto kernel = moment_kernels<T>().squares;
  const Pieces pieces(view);
  const std::size_t inner = view.inner;
  if (pieces.count == 1) {
    return sums_of_outer(
        x, view, [&](const T* part, std::size_t first, AxisView v) { kernel(part, y + first, v); });
  }
  Scratch<T> partial(pieces.count * inner);
  for (std::size_t o = 0; o < view.outer; ++o) {
    pieces.each(x + o * view.n * inner, [&](const T* part, std::size_t k, AxisView v) {
      kernel(part, partial.data() + k * inner, v);
    });
    reduce(Reduction::sum, partial.data(), y + o * inner, 1, pieces.count, inner);
  }
}

template <class T>
void squares_around_mean(const T* x, T* mean, T* rest, T* y, AxisView view) {
  const Pieces pieces(view);
  if (pieces.count == 1) {
    return sums_of_outer(x, view, [&](const T* part, std::size_t first, AxisView v) {
      moment_kernels<T>().moments(part, mean + first, rest + first, y + first, v, true);
    });
  }
  const T inverse = 1 / static_cast<T>(view.n);
  const std::size_t rows = view.rows();
  moments_in_pieces(x, mean, rest, y, view, pieces);
  unsigned far_off = 0;  // without a way out of the loop, which compilers make packs of
  for (std::size_t i = 0; i < rows; ++i) far_off |= unsigned{is_far_off(rest[i], y[i], inverse)};
  if (far_off != 0) {
    for (std::size_t i = 0; i < rows; ++i) {
      if (is_far_off(rest[i], y[i], inverse)) mean[i] += rest[i] * inverse;
    }
    moments_in_pieces(x, mean, rest, y, view, pieces);
  }
  for (std::size_t i = 0; i < rows; ++i) rest[i] = take_out_center(rest[i], y[i], inverse);
}

template <class T>
void deviations(const T* x, const T* center, const T* rest, const T* scale, T* y, AxisView view,
                bool accumulate) {
  const std::size_t steps = view.outer * view.n;
  const std::size_t pieces = std::min(steps, pieces_for(view.elements()));
  // Piece by piece of the outer and the reduced axis together; each piece goes through the outer
  // indices it meets.
  parallel_for(pieces, [&](std::size_t k) {
    for (std::size_t i = steps * k / pieces, end = steps * (k + 1) / pieces; i < end;) {
      const std::size_t o = i / view.n, left = std::min(end, (o + 1) * view.n) - i;
      const std::size_t row = o * view.inner;
      const bool whole = left == view.n;
      const std::size_t outer = whole ? (end - i) / view.n : 1;
      moment_kernels<T>().deviations(x + i * view.inner, shifted(center, row), shifted(rest, row),
                                     scale + row, y + i * view.inner, {outer, left, view.inner},
                                     accumulate);
      i += outer * left;
    }
  });
}

#define XGRAD_INSTANTIATE(T)                                         \
  template void squares(const T*, T*, AxisView);                     \
  template void squares_around_mean(const T*, T*, T*, T*, AxisView); \
  template void deviations(const T*, const T*, const T*, const T*, T*, AxisView, bool);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
