#include "xgrad/kernels/convolution_layout.hpp"

#include <algorithm>

#include "xgrad/kernels/convolution_kernels.hpp"

namespace xgrad::kernels {
namespace {

// One row with its margin; x null: a row of the margin.
template <class T>
void lay_out_row(const ImageLayout& l, const T* x, T* to) {
  const std::size_t inside =
      x == nullptr ? 0 : std::min(l.size[2], l.padded[2] - std::min(l.before[2], l.padded[2]));
  if (inside == 0) return void(std::fill_n(to, l.row(), T(0)));
  if (l.step == 1) {
    std::fill_n(to, l.before[2], T(0));
    std::copy_n(x, inside, to + l.before[2]);
    std::fill_n(to + l.before[2] + inside, l.padded[2] - l.before[2] - inside, T(0));
    return;
  }
  std::fill_n(to, l.row(), T(0));
  // The residues in the order in which the first numbers have them.
  const std::size_t first = l.before[2] % l.step, pitch = l.pitch();
  if (first == 0) {
    return convolution_kernels<T>().split(x, inside, l.step, to + l.before[2] / l.step, pitch);
  }
  for (std::size_t w = 0; w < std::min(inside, l.step - first); ++w)
    to[l.at(0, 0, l.before[2] + w)] = x[w];
  if (inside > l.step - first) {
    convolution_kernels<T>().split(x + l.step - first, inside - (l.step - first), l.step,
                                   to + l.before[2] / l.step + 1, pitch);
  }
}

}  // namespace

template <class T>
void lay_out(const ImageLayout& l, const T* x, T* to) {
  for (std::size_t c = 0; c < l.channels; ++c) {
    for (std::size_t d = 0; d < l.padded[0]; ++d) {
      for (std::size_t h = 0; h < l.padded[1]; ++h, to += l.row()) {
        const std::size_t i = d - l.before[0], j = h - l.before[1];  // of the margin: too large
        const bool inside = i < l.size[0] && j < l.size[1];
        lay_out_row(l, inside ? x + ((c * l.size[0] + i) * l.size[1] + j) * l.size[2] : nullptr,
                    to);
      }
    }
  }
}

ImageLayout input_layout(const Convolution& c) {
  ImageLayout l{
      c.in, c.input, c.before, {}, c.kernel[2] == 1 && c.stride[2] == 1 ? 1 : c.stride[2]};
  for (std::size_t a = 0; a < 3; ++a) {
    const std::size_t reach =
        (c.output[a] - 1) * c.stride[a] + (c.kernel[a] - 1) * c.dilation[a] + 1;
    // What is behind the last number that is read does no harm where nothing has to be copied.
    l.padded[a] = c.before[a] == 0 ? std::max(reach, c.input[a]) : reach;
  }
  return l;
}

std::vector<std::size_t> input_offsets(const Convolution& c, const ImageLayout& l) {
  std::vector<std::size_t> offsets;
  offsets.reserve(c.in * volume(c.kernel));
  for (std::size_t channel = 0; channel < c.in; ++channel) {
    for (std::size_t d = 0; d < c.kernel[0]; ++d) {
      for (std::size_t h = 0; h < c.kernel[1]; ++h) {
        for (std::size_t w = 0; w < c.kernel[2]; ++w) {
          offsets.push_back(channel * l.channel() +
                            l.at(d * c.dilation[0], h * c.dilation[1], w * c.dilation[2]));
        }
      }
    }
  }
  return offsets;
}

namespace {

// The elements of the kernel that lead to one residue of the stride along an axis: element i reads
// the gradient at t + shift.
struct AxisTaps {
  std::vector<std::size_t> element;
  std::vector<std::ptrdiff_t> shift;
  std::size_t count;  // numbers of the input with this residue
};

AxisTaps taps_of(const Convolution& c, std::size_t axis, std::size_t residue) {
  AxisTaps t;
  const auto s = static_cast<std::ptrdiff_t>(c.stride[axis]);
  for (std::size_t i = 0; i < c.kernel[axis]; ++i) {
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(residue + c.before[axis]) -
                              static_cast<std::ptrdiff_t>(i * c.dilation[axis]);
    if (at % s != 0) continue;
    t.element.push_back(i);
    t.shift.push_back(at / s);
  }
  t.count = c.input[axis] <= residue
                ? 0
                : (c.input[axis] - residue + c.stride[axis] - 1) / c.stride[axis];
  return t;
}

}  // namespace

ImageLayout gradient_layout(const Convolution& c) {
  ImageLayout l{c.out, c.output, {}, {}, 1};
  for (std::size_t a = 0; a < 3; ++a) {
    std::ptrdiff_t low = 0, high = static_cast<std::ptrdiff_t>(c.output[a]);
    for (std::size_t r = 0; r < c.stride[a]; ++r) {
      const AxisTaps t = taps_of(c, a, r);
      for (const std::ptrdiff_t shift : t.shift) {
        low = std::min(low, shift);
        high = std::max(high, shift + static_cast<std::ptrdiff_t>(t.count));
      }
    }
    l.before[a] = static_cast<std::size_t>(-low);
    l.padded[a] = static_cast<std::size_t>(high - low);
  }
  return l;
}

GradientTaps gradient_taps(const Convolution& c, const ImageLayout& l, const Sizes3& residue) {
  const AxisTaps taps[] = {taps_of(c, 0, residue[0]), taps_of(c, 1, residue[1]),
                           taps_of(c, 2, residue[2])};
  GradientTaps all{{taps[0].count, taps[1].count, taps[2].count}, {}, {}};
  const auto place = [&](std::size_t axis, std::size_t i) {
    return static_cast<std::size_t>(taps[axis].shift[i] +
                                    static_cast<std::ptrdiff_t>(l.before[axis]));
  };
  for (std::size_t d = 0; d < taps[0].element.size(); ++d) {
    for (std::size_t h = 0; h < taps[1].element.size(); ++h) {
      for (std::size_t w = 0; w < taps[2].element.size(); ++w) {
        all.elements.push_back((taps[0].element[d] * c.kernel[1] + taps[1].element[h]) *
                                   c.kernel[2] +
                               taps[2].element[w]);
        all.offsets.push_back(l.at(place(0, d), place(1, h), place(2, w)));
      }
    }
  }
  const std::size_t count = all.elements.size();
  for (std::size_t k = count; k < count * c.out; ++k)
    all.offsets.push_back(all.offsets[k - count] + l.channel());
  return all;
}

template void lay_out(const ImageLayout&, const float*, float*);
template void lay_out(const ImageLayout&, const double*, double*);

}  // namespace xgrad::kernels
