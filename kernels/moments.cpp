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

// One outer index, a long axis: partial sums over pieces of it, then their sum.
template <class T>
void squares_in_pieces(const T* x, const T* center, T* y, std::size_t n, std::size_t inner,
                       std::size_t pieces) {
  Scratch<T> partial(pieces * inner);
  const std::size_t groups = std::min(pieces, pieces_for(n * inner));
  parallel_for(groups, [&](std::size_t g) {
    for (std::size_t k = pieces * g / groups; k < pieces * (g + 1) / groups; ++k) {
      const std::size_t begin = n * k / pieces, end = n * (k + 1) / pieces;
      moment_kernels<T>().squares(x + begin * inner, center, partial.data() + k * inner,
                                  {1, end - begin, inner});
    }
  });
  reduce(Reduction::sum, partial.data(), y, 1, pieces, inner);
}

}  // namespace

template <class T>
void squares(const T* x, const T* center, T* y, AxisView view) {
  const std::size_t per_outer = view.n * view.inner;
  const std::size_t length = view.inner == 1 ? kPiece : kPiece / 64;  // along the axis
  if (view.n > length && per_outer > kPiece) {
    const std::size_t pieces = (view.n + length - 1) / length;
    for (std::size_t o = 0; o < view.outer; ++o) {
      squares_in_pieces(x + o * per_outer, shifted(center, o * view.inner), y + o * view.inner,
                        view.n, view.inner, pieces);
    }
    return;
  }
  const std::size_t pieces = std::min(view.outer, pieces_for(view.elements()));
  parallel_for(pieces, [&](std::size_t k) {
    const std::size_t begin = view.outer * k / pieces, end = view.outer * (k + 1) / pieces;
    moment_kernels<T>().squares(x + begin * per_outer, shifted(center, begin * view.inner),
                                y + begin * view.inner, {end - begin, view.n, view.inner});
  });
}

template <class T>
void deviations(const T* x, const T* center, const T* scale, T* y, AxisView view, bool accumulate) {
  const std::size_t steps = view.outer * view.n;
  const std::size_t pieces = std::min(steps, pieces_for(view.elements()));
  // Piece by piece of the outer and the reduced axis together; each piece goes through the outer
  // indices it meets.
  parallel_for(pieces, [&](std::size_t k) {
    for (std::size_t i = steps * k / pieces, end = steps * (k + 1) / pieces; i < end;) {
      const std::size_t o = i / view.n, rest = std::min(end, (o + 1) * view.n) - i;
      const std::size_t row = o * view.inner;
      const bool whole = rest == view.n;
      const std::size_t outer = whole ? (end - i) / view.n : 1;
      moment_kernels<T>().deviations(x + i * view.inner, shifted(center, row), scale + row,
                                     y + i * view.inner, {outer, rest, view.inner}, accumulate);
      i += outer * rest;
    }
  });
}

#define XGRAD_INSTANTIATE(T)                               \
  template void squares(const T*, const T*, T*, AxisView); \
  template void deviations(const T*, const T*, const T*, T*, AxisView, bool);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
