#include "xgrad/kernels/copy.hpp"

#include <algorithm>

#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/parallel.hpp"

namespace xgrad::kernels {
namespace {

template <class T>
const CopyKernels<T>& copy_kernels() {
  static const CopyKernels<T> kernels = choose([]<Isa I>() { return make_copy_kernels<I, T>(); });
  return kernels;
}

// The lattice on one side, contiguous memory on the other.
CopyLoop loop_of(const Lattice& lattice, std::ptrdiff_t (CopyLoop::*grid)[kMaxRank],
                 std::ptrdiff_t (CopyLoop::*dense)[kMaxRank]) {
  CopyLoop loop;
  loop.rank = std::max(lattice.rank, std::size_t{1});
  loop.extent[0] = 1;
  (loop.*grid)[0] = 1;
  std::copy_n(lattice.extent, lattice.rank, loop.extent);
  std::copy_n(lattice.stride, lattice.rank, loop.*grid);
  std::ptrdiff_t step = 1;
  for (std::size_t i = loop.rank; i-- > 0;) {
    (loop.*dense)[i] = step;
    step *= static_cast<std::ptrdiff_t>(loop.extent[i]);
  }
  return loop;
}

// Makes axis i the last of the first `rank`.
void move_last(CopyLoop& loop, std::size_t i, std::size_t rank) {
  std::rotate(loop.extent + i, loop.extent + i + 1, loop.extent + rank);
  std::rotate(loop.from + i, loop.from + i + 1, loop.from + rank);
  std::rotate(loop.to + i, loop.to + i + 1, loop.to + rank);
}

// Brings the axes of a transposition to where the kernel looks for them. The last axis is
// contiguous on one side.
void arrange(CopyLoop& loop) {
  const std::size_t last = loop.rank - 1;
  if (loop.from[last] == 1 && loop.to[last] == 1) return;
  for (std::size_t i = 0; i < last; ++i) {
    if (loop.to[last] == 1 && loop.from[i] == 1) return move_last(loop, i, last);
    if (loop.from[last] == 1 && loop.to[i] == 1) return move_last(loop, i, loop.rank);
  }
}

// The outermost axis that gives every piece something to do, or the longest one.
std::size_t axis_to_cut(const CopyLoop& loop, std::size_t pieces) {
  for (std::size_t i = 0; i < loop.rank; ++i) {
    if (loop.extent[i] >= pieces) return i;
  }
  return static_cast<std::size_t>(std::max_element(loop.extent, loop.extent + loop.rank) -
                                  loop.extent);
}

template <class T>
void run(const T* x, T* y, CopyLoop& loop, bool accumulate) {
  std::size_t elements = 1;
  for (std::size_t i = 0; i < loop.rank; ++i) elements *= loop.extent[i];
  if (elements == 0) return;
  arrange(loop);
  const auto kernel = copy_kernels<T>().run;
  std::size_t pieces = pieces_for(elements);
  if (pieces == 1) return kernel(x, y, loop, accumulate);
  const std::size_t axis = axis_to_cut(loop, pieces), n = loop.extent[axis];
  pieces = std::min(pieces, n);
  parallel_for(pieces, [&](std::size_t k) {
    const auto begin = static_cast<std::ptrdiff_t>(n * k / pieces);
    CopyLoop part = loop;
    part.extent[axis] = n * (k + 1) / pieces - n * k / pieces;
    kernel(x + begin * loop.from[axis], y + begin * loop.to[axis], part, accumulate);
  });
}

}  // namespace

void Lattice::add_axis(std::size_t n, std::ptrdiff_t step) {
  if (n == 1) return;
  if (rank > 0 && stride[rank - 1] == step * static_cast<std::ptrdiff_t>(n)) {
    extent[rank - 1] *= n;
    stride[rank - 1] = step;
    return;
  }
  extent[rank] = n;
  stride[rank++] = step;
}

template <class T>
void read_lattice(const T* x, const Lattice& lattice, T* y, bool accumulate) {
  CopyLoop loop = loop_of(lattice, &CopyLoop::from, &CopyLoop::to);
  run(x + lattice.offset, y, loop, accumulate);
}

template <class T>
void write_lattice(const T* x, T* y, const Lattice& lattice, bool accumulate) {
  CopyLoop loop = loop_of(lattice, &CopyLoop::to, &CopyLoop::from);
  run(x, y + lattice.offset, loop, accumulate);
}

#define XGRAD_INSTANTIATE(T)                                      \
  template void read_lattice(const T*, const Lattice&, T*, bool); \
  template void write_lattice(const T*, T*, const Lattice&, bool);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
