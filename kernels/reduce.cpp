#include "xgrad/kernels/reduce.hpp"

#include <algorithm>

#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/pool.hpp"

namespace xgrad::kernels {
namespace {

// Pieces of the n axis for one outer index, partial results added up in order.
template <class T>
void reduce_in_pieces(Reduction r, const T* x, T* y, std::size_t n, std::size_t inner,
                      std::size_t pieces) {
  const auto kernel = reduce_kernels<T>().reduce[static_cast<std::size_t>(r)];
  const std::size_t bytes = pieces * inner * sizeof(T);
  T* const partial = static_cast<T*>(xgrad::detail::pool_allocate(bytes));
  parallel_for(pieces, [&](std::size_t k) {
    const std::size_t begin = n * k / pieces, end = n * (k + 1) / pieces;
    kernel(x + begin * inner, partial + k * inner, 1, end - begin, inner);
  });
  kernel(partial, y, 1, pieces, inner);
  xgrad::detail::pool_free(partial, bytes);
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
  if (pieces == 1) return kernel(x, y, outer, n, inner);
  if (outer >= pieces) {
    return parallel_for(pieces, [&](std::size_t k) {
      const std::size_t begin = outer * k / pieces, end = outer * (k + 1) / pieces;
      kernel(x + begin * n * inner, y + begin * inner, end - begin, n, inner);
    });
  }
  for (std::size_t o = 0; o < outer; ++o) {
    reduce_in_pieces(r, x + o * n * inner, y + o * inner, n, inner, std::min(n, pieces));
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
