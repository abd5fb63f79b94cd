#include "xgrad/kernels/convolution_layout.hpp"

#include <algorithm>

#include "xgrad/kernels/convolution_kernels.hpp"

namespace xgrad::kernels {
namespace {

/// Numbers of an axis that are laid out: those at first, first + every ... of the image, `count` of
/// them, from place `to` on.
struct Inside {
  std::size_t first, count, to;
};

Inside inside(const ImageLayout& l, std::size_t axis) {
  const std::size_t every = l.every[axis], before = l.before[axis],
                    to = (before + every - 1) / every, first = to * every - before;
  if (first >= l.size[axis] || to >= l.padded[axis]) return {0, 0, 0};
  return {first, std::min((l.size[axis] - first - 1) / every + 1, l.padded[axis] - to), to};
}

// Rows of a plane that follow each other in the image.
template <class T>
void lay_out_rows(const ImageLayout& l, const Inside& columns, const T* x, std::size_t rows,
                  T* to) {
  const auto& rows_of = convolution_rows<T>();
  const std::size_t n = l.size[2], pitch = l.pitch(), row = l.row();
  if (l.every[2] == 1 && columns.count == n && l.step == 1)
    return rows_of.copy_rows(x, rows, n, to + columns.to, row);
  if (l.every[2] == 1 && columns.count == n && l.step == 2) {
    T *const even = to + l.at(0, 0, columns.to), *const odd = to + l.at(0, 0, columns.to + 1);
    return rows_of.split_rows(x, rows, n, even, odd, row);
  }
  for (std::size_t r = 0; r < rows; ++r, x += n, to += row) {
    const T* from = x + columns.first;
    std::size_t place = columns.to / l.step, residue = columns.to % l.step;
    for (std::size_t i = 0; i < columns.count; ++i, from += l.every[2]) {
      to[residue * pitch + place] = *from;
      if (++residue == l.step) {
        residue = 0;
        ++place;
      }
    }
  }
}

}  // namespace

template <class T>
void lay_out(const ImageLayout& l, const T* x, T* to) {
  const Inside d = inside(l, 0), h = inside(l, 1), w = inside(l, 2);
  if (d.count * h.count * w.count == 0) return;
  const std::size_t at_a_time = l.every[1] == 1 ? h.count : 1;
  for (std::size_t c = 0; c < l.channels; ++c) {
    for (std::size_t i = 0; i < d.count; ++i) {
      const T* const plane = x + (c * l.size[0] + d.first + i * l.every[0]) * l.size[1] * l.size[2];
      T* const place = to + c * l.channel() + (d.to + i) * l.plane();
      for (std::size_t j = 0; j < h.count; j += at_a_time) {
        lay_out_rows(l, w, plane + (h.first + j * l.every[1]) * l.size[2], at_a_time,
                     place + (h.to + j) * l.row());
      }
    }
  }
}

ImageLayout input_layout(const Convolution& c) {
  ImageLayout l{
      c.in, c.input, c.before, {}, c.kernel[2] == 1 || c.output[2] == 1 ? 1 : c.stride[2]};
  for (std::size_t a = 0; a < 3; ++a) {
    if (c.kernel[a] == 1) {  // what lies between is not read
      l.every[a] = c.stride[a];
      l.padded[a] = c.output[a];
      continue;
    }
    const std::size_t reach =
        (c.output[a] - 1) * c.stride[a] + (c.kernel[a] - 1) * c.dilation[a] + 1;
    // What is behind the last number that is read does no harm where nothing has to be copied.
    l.padded[a] = c.before[a] == 0 ? std::max(reach, c.input[a]) : reach;
  }
  return l;
}

Sizes3 input_steps(const Convolution& c, const ImageLayout& l) {
  return {c.stride[0] / l.every[0] * l.plane(), c.stride[1] / l.every[1] * l.row(), 1};
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
  t.count = (c.input[axis] - residue + c.stride[axis] - 1) / c.stride[axis];
  return t;
}

}  // namespace

Sizes3 residues_of(const Convolution& c) {
  return {std::min(c.stride[0], c.input[0]), std::min(c.stride[1], c.input[1]),
          std::min(c.stride[2], c.input[2])};
}

ImageLayout gradient_layout(const Convolution& c) {
  ImageLayout l{c.out, c.output, {}, {}, 1};
  for (std::size_t a = 0; a < 3; ++a) {
    std::ptrdiff_t low = 0, high = static_cast<std::ptrdiff_t>(c.output[a]);
    for (std::size_t r = 0; r < residues_of(c)[a]; ++r) {
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
