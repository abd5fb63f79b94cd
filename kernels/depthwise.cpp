#include "xgrad/kernels/depthwise.hpp"

#include <algorithm>
#include <vector>

#include "xgrad/kernels/convolution_layout.hpp"
#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/reduce.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad::kernels {
namespace {

template <class T>
const DepthwiseKernels<T>& depthwise_kernels() {
  static const DepthwiseKernels<T> kernels =
      choose([]<Isa I>() { return make_depthwise_kernels<I, T>(); });
  return kernels;
}

/// visit(plane, image) for all planes x (count, size...), laid out.
template <class T, class Visit>
void each_image(const ImageLayout& layout, const T* x, std::size_t count, const Visit& visit) {
  const std::size_t pieces = std::min(count, pieces_for(count * layout.numbers()));
  parallel_for(pieces, [&](std::size_t piece) {
    LaidOut<T> copy(layout, layout.is_plain() ? 0 : 1);
    for (std::size_t i = count * piece / pieces; i < count * (piece + 1) / pieces; ++i) {
      const T* const plane = x + i * volume(layout.size);
      visit(i, layout.is_plain() ? plane : copy.set(0, plane));
    }
  });
}

Plane output_plane(const Convolution& c, const ImageLayout& layout) {
  return {c.output, input_steps(c, layout), {c.output[1] * c.output[2], c.output[2], 1}};
}

}  // namespace

template <class T>
void depthwise(const Convolution& c, const T* x, const T* w, const T* bias, T* y, bool accumulate) {
  const ImageLayout layout = input_layout(c);
  const std::vector<std::size_t> offsets = input_offsets(c, layout);
  const Plane plane = output_plane(c, layout);
  each_image(layout, x, c.n * c.groups, [&](std::size_t i, const T* image) {
    const std::size_t g = i % c.groups;
    depthwise_kernels<T>().sums(image, w + g * offsets.size(), offsets.data(), offsets.size(),
                                plane, bias != nullptr ? bias[g] : T(0), y + i * volume(c.output),
                                accumulate);
  });
}

namespace {

/// The part of a gradient by the input that belongs to one residue of the stride.
template <class T>
struct ResidueOfPlane {
  GradientTaps taps;
  Plane plane;
  std::size_t first;
  std::vector<T> w;  // (groups, elements)
};

template <class T>
ResidueOfPlane<T> residue_of_plane(const Convolution& c, const ImageLayout& layout,
                                   const Sizes3& residue, const T* w) {
  ResidueOfPlane<T> r{gradient_taps(c, layout, residue), {}, 0, {}};
  const Sizes3 input_steps = {c.input[1] * c.input[2], c.input[2], 1};
  r.plane = {r.taps.grid, {layout.plane(), layout.row(), 1}, {}};
  for (std::size_t a = 0; a < 3; ++a) {
    r.first += residue[a] * input_steps[a];
    r.plane.out_steps[a] = c.stride[a] * input_steps[a];
  }
  for (std::size_t g = 0; g < c.groups; ++g) {
    for (const std::size_t e : r.taps.elements) r.w.push_back(w[g * volume(c.kernel) + e]);
  }
  return r;
}

}  // namespace

template <class T>
void depthwise_input(const Convolution& c, const T* gy, const T* w, const T* bias, T* gx,
                     bool accumulate) {
  const ImageLayout layout = gradient_layout(c);
  std::vector<ResidueOfPlane<T>> residues;
  const Sizes3 count = residues_of(c);
  for (std::size_t d = 0; d < count[0]; ++d) {
    for (std::size_t h = 0; h < count[1]; ++h) {
      for (std::size_t v = 0; v < count[2]; ++v)
        residues.push_back(residue_of_plane(c, layout, {d, h, v}, w));
    }
  }
  each_image(layout, gy, c.n * c.groups, [&](std::size_t i, const T* image) {
    const std::size_t g = i % c.groups;
    for (const ResidueOfPlane<T>& r : residues) {
      const std::size_t k = r.taps.elements.size();
      depthwise_kernels<T>().sums(image, r.w.data() + g * k, r.taps.offsets.data(), k, r.plane,
                                  bias != nullptr ? bias[g] : T(0),
                                  gx + i * volume(c.input) + r.first, accumulate);
    }
  });
}

template <class T>
void depthwise_weight(const Convolution& c, const T* x, const T* gy, T* gw, bool accumulate) {
  const ImageLayout layout = input_layout(c);
  const std::vector<std::size_t> offsets = input_offsets(c, layout);
  const Plane plane = output_plane(c, layout);
  const std::size_t k = offsets.size(), all = c.groups * k;
  Scratch<T> sums(c.n * all);
  each_image(layout, x, c.n * c.groups, [&](std::size_t i, const T* image) {
    depthwise_kernels<T>().products(gy + i * volume(c.output), image, offsets.data(), k, plane,
                                    sums.data() + i * k);
  });
  Scratch<T> total(all);
  reduce(Reduction::sum, sums.data(), total.data(), 1, c.n, all);
  for (std::size_t e = 0; e < all; ++e) gw[e] = (accumulate ? gw[e] : T(0)) + total[e];
}

#define XGRAD_INSTANTIATE(T)                                                                 \
  template void depthwise(const Convolution&, const T*, const T*, const T*, T*, bool);       \
  template void depthwise_input(const Convolution&, const T*, const T*, const T*, T*, bool); \
  template void depthwise_weight(const Convolution&, const T*, const T*, T*, bool);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
