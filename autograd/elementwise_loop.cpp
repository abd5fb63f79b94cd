#include "xgrad/autograd/elementwise_loop.hpp"

#include <algorithm>

#include "xgrad/kernels/parallel.hpp"

namespace xgrad::detail {
namespace {

struct Axis {
  std::size_t extent;
  std::size_t stride[kernels::kMaxInputs];
};

// The output's axis `back` from the end; running[i] is the size of input i within it.
void read_axis(Axis& axis, const Shape& out, const Shape* const* shapes, std::size_t n,
               std::size_t back, std::size_t* running) {
  axis.extent = out[out.rank() - back];
  for (std::size_t i = 0; i < n; ++i) {
    const Shape& s = *shapes[i];
    const std::size_t own = back <= s.rank() ? s[s.rank() - back] : 1;
    axis.stride[i] = own == 1 ? 0 : running[i];
    running[i] *= own;
  }
}

// Every input goes on along `outer` where it ends along `inner`.
bool continues(const Axis& inner, const Axis& outer, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    if (outer.stride[i] != inner.stride[i] * inner.extent) return false;
  }
  return true;
}

// Axes from the innermost outwards.
void set_axes(Loop& loop, const Axis* axes, std::size_t count, std::size_t n) {
  loop.rank = count;
  loop.inputs = n;
  for (std::size_t a = 0; a < count; ++a) {
    loop.extent[count - 1 - a] = axes[a].extent;
    for (std::size_t i = 0; i < n; ++i) loop.stride[i][count - 1 - a] = axes[a].stride[i];
  }
}

}  // namespace

void build_loop(Loop& loop, std::size_t elements, std::size_t n) {
  loop.rank = 1;
  loop.inputs = n;
  loop.extent[0] = elements;
  for (std::size_t i = 0; i < n; ++i) loop.stride[i][0] = 1;
}

void build_loop(Loop& loop, const Shape& out, const Shape* const* shapes, std::size_t n) {
  Axis axes[Shape::kMaxRank];
  std::size_t running[kernels::kMaxInputs];
  std::fill_n(running, n, std::size_t{1});
  std::size_t count = 0;
  for (std::size_t back = 1; back <= out.rank(); ++back) {
    if (out[out.rank() - back] == 1) continue;
    read_axis(axes[count], out, shapes, n, back, running);
    if (count > 0 && continues(axes[count - 1], axes[count], n)) {
      axes[count - 1].extent *= axes[count].extent;
    } else {
      ++count;
    }
  }
  count == 0 ? build_loop(loop, 1, n) : set_axes(loop, axes, count, n);
}

Part part_of(const Loop& loop, std::size_t pieces, std::size_t i) {
  Part p{loop, 0, 0};
  const std::size_t n = loop.extent[0];
  const auto at = [&](std::size_t k) {
    return loop.rank == 1 ? kernels::piece_begin(n, pieces, k) : n * k / pieces;
  };
  p.begin = at(i);
  p.loop.extent[0] = at(i + 1) - p.begin;
  p.out = p.begin * (loop.elements() / n);
  return p;
}

std::size_t pieces_of(const Loop& loop) {
  return std::min(loop.extent[0], kernels::pieces_for(loop.elements()));
}

// How much of an axis a kernel may add up without a loss of precision: it takes the innermost one in
// pieces of its own.
constexpr std::size_t kSteps = 256, kInnermostSteps = std::size_t{1} << 16;

std::size_t pieces_by_length(const Loop& loop, std::size_t axis) {
  return loop.extent[axis] / (axis + 1 == loop.rank ? kInnermostSteps : kSteps);
}

Loop without_outermost(const Loop& loop) {
  Loop r = loop;
  --r.rank;
  for (std::size_t axis = 0; axis < r.rank; ++axis) {
    r.extent[axis] = loop.extent[axis + 1];
    for (std::size_t i = 0; i < loop.inputs; ++i) r.stride[i][axis] = loop.stride[i][axis + 1];
  }
  return r;
}

std::size_t size_of(const Loop& loop, std::size_t input) {
  std::size_t n = 1;
  for (std::size_t axis = 0; axis < loop.rank; ++axis) {
    if (loop.stride[input][axis] != 0) n *= loop.extent[axis];
  }
  return n;
}

}  // namespace xgrad::detail
