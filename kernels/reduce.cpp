#include "xgrad/kernels/reduce.hpp"

#include <algorithm>

#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad::kernels {
namespace {

// Rows of more than one number that are added up before they join the total: a kernel takes them in
// blocks of 64.
constexpr std::size_t kRows = 4096;

bool is_long(std::size_t n, std::size_t inner) { return inner > 1 && n > kRows; }

// Pieces of the n axis for one outer index, and their results in the same way.
template <class T>
void reduce_in_pieces(Reduction r, const T* x, T* y, std::size_t n, std::size_t inner) {
  const auto kernel = reduce_kernels<T>().reduce[static_cast<std::size_t>(r)];
  const std::size_t by_length = is_long(n, inner) ? (n + kRows - 1) / kRows : 1;
  const std::size_t pieces = std::max(std::min(n, pieces_for(n * inner)), by_length);
  if (pieces == 1) return kernel(x, y, 1, n, inner);
  Scratch<T> partial(pieces * inner);
  parallel_for(pieces, [&](std::size_t k) {
    const std::size_t begin = n * k / pieces, end = n * (k + 1) / pieces;
    kernel(x + begin * inner, partial.data() + k * inner, 1, end - begin, inner);
  });
  if (is_long(pieces, inner)) return reduce_in_pieces(r, partial.data(), y, pieces, inner);
  kernel(partial.data(), y, 1, pieces, inner);
}

}  // namespace

template <class T>
const ReduceKernels<T>& reduce_kernels() {
  static const ReduceKernels<T> kernels =
      choose([]<Isa I>() { return make_reduce_kernels<I, T>(); });
  return kernels;
}

template <class T>
void reduce(Reduction r, const T* x, T* y, std::size_t outer, std::size_t n, std::size_t inner) {
  const auto kernel = reduce_kernels<T>().reduce[static_cast<std::size_t>(r)];
  const std::size_t pieces = pieces_for(outer * n * inner);
  if (outer >= pieces && is_long(n, inner)) {
    return parallel_for(outer, [&](std::size_t o) {
      reduce_in_pieces(r, x + o * n * inner, y + o * inner, n, inner);
    });
  }
  if (pieces == 1) return kernel(x, y, outer, n, inner);
  if (outer >= pieces) {
    return parallel_for(pieces, [&](std::size_t k) {
      const std::size_t begin = outer * k / pieces, end = outer * (k + 1) / pieces;
      kernel(x + begin * n * inner, y + begin * inner, end - begin, n, inner);
    });
  }
  for (std::size_t o = 0; o < outer; ++o) {
    reduce_in_pieces(r, x + o * n * inner, y + o * inner, n, inner);
  }
}

template <class T>
void spread(const T* x, T* y, std::size_t outer, std::size_t n, std::size_t inner, T scale,
            bool accumulate) {
  const auto kernel = reduce_kernels<T>().spread;
  const std::size_t pieces = pieces_for(outer * n * inner);
  if (outer >= pieces) {
    return parallel_for(pieces, [&](std::size_t k) {
      const std::size_t begin = outer * k / pieces, end = outer * (k + 1) / pieces;
      kernel(x + begin * inner, y + begin * n * inner, end - begin, n, inner, scale, accumulate);
    });
  }
  for (std::size_t o = 0; o < outer; ++o) {
    const std::size_t parts = std::min(n, pieces);
    parallel_for(parts, [&](std::size_t k) {
      const std::size_t begin = n * k / parts, end = n * (k + 1) / parts;
      kernel(x + o * inner, y + (o * n + begin) * inner, 1, end - begin, inner, scale, accumulate);
    });
  }
}

#define XGRAD_INSTANTIATE(T)                                                            \
  template const ReduceKernels<T>& reduce_kernels<T>();                                 \
  template void reduce(Reduction, const T*, T*, std::size_t, std::size_t, std::size_t); \
  template void spread(const T*, T*, std::size_t, std::size_t, std::size_t, T, bool);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
