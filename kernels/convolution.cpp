#include "xgrad/kernels/convolution.hpp"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "xgrad/kernels/convolution_kernels.hpp"
#include "xgrad/kernels/convolution_layout.hpp"
#include "xgrad/kernels/depthwise.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad::kernels {
namespace {

/// A sum over k = (channel, element of the kernel) for each place of a grid:
///   out[m, t] = bias[m] + sum over k of w[m, k] image[offsets[k] + place(t)].
/// Both convolutions of images are this: the one by the input has a grid for each residue of
/// the stride.
template <class T>
struct TapSum {
  ImageLayout layout;                // of an image of one group
  std::vector<std::size_t> offsets;  // (k)
  Sizes3 grid, steps = {};           // places, and how far they are apart in the image
  std::size_t m = 0;
  std::size_t first = 0;  // where the first place's result is in its channel
  Sizes3 out_steps = {};
  std::size_t out_channel = 0;

  std::size_t k() const { return offsets.size(); }
  std::size_t places() const { return volume(grid); }
};

// Rows that follow each other without a gap are one.
template <class T>
void join_rows(TapSum<T>& s) {
  for (std::size_t a = 2; a-- > 0;) {
    if (s.steps[a] != s.grid[2] || s.out_steps[a] != s.grid[2] * s.out_steps[2]) return;
    s.grid[2] *= s.grid[a];
    s.grid[a] = 1;
  }
}

/// The left matrix (m, k) in blocks of rows: w[o * step_m + index[k]].
template <class T>
class PackedWeights {
 public:
  PackedWeights(std::size_t m, std::size_t k)
      : rows_(convolution_kernels<T>().rows),
        m_(m),
        k_(k),
        data_((m + rows_ - 1) / rows_ * rows_ * k, T(0)) {}

  template <class Weight>
  void fill(const Weight& weight) {
    for (std::size_t o = 0; o < m_; o += rows_) {
      T* const to = data_.data() + o * k_;
      const std::size_t here = std::min(rows_, m_ - o);
      for (std::size_t i = 0; i < k_; ++i)
        for (std::size_t r = 0; r < here; ++r) to[i * rows_ + r] = weight(o + r, i);
    }
  }
  /// From number k on; blocks are `pitch` apart.
  const T* from(std::size_t k) { return data_.data() + k * rows_; }
  std::size_t pitch() const { return rows_ * k_; }

 private:
  std::size_t rows_, m_, k_;
  Scratch<T> data_;
};

// The places [first, first + count) of a block of images as runs.
template <class T>
void runs_of(const TapSum<T>& s, std::size_t first, std::size_t count, std::size_t image_pitch,
             std::size_t out_pitch, std::vector<Run>& from, std::vector<Run>& to) {
  from.clear();
  to.clear();
  for (std::size_t done = 0; done < count;) {
    const std::size_t place = first + done, row = place / s.grid[2], w = place % s.grid[2];
    const std::size_t h = row % s.grid[1], d = row / s.grid[1] % s.grid[0],
                      image = row / s.grid[1] / s.grid[0];
    const std::size_t length = std::min(count - done, s.grid[2] - w);
    const std::size_t at =
        image * out_pitch + s.first + d * s.out_steps[0] + h * s.out_steps[1] + w * s.out_steps[2];
    from.push_back({image * image_pitch + d * s.steps[0] + h * s.steps[1] + w, done, length});
    if (!to.empty() && s.out_steps[2] == 1 && to.back().to + to.back().length == at) {
      to.back().length += length;
    } else {
      to.push_back({done, at, length});
    }
    done += length;
  }
}

// No longer than a pack each.
void cut_to_packs(std::vector<Run>& runs, std::size_t pack) {
  std::vector<Run> cut;
  for (const Run& run : runs) {
    for (std::size_t e = 0; e < run.length; e += pack)
      cut.push_back({run.from + e, run.to + e, std::min(pack, run.length - e)});
  }
  runs.swap(cut);
}

/// Numbers of k that are multiplied at a time, so that a panel stays in the cache.
constexpr std::size_t kDepth = 384;

// The places [begin, end) of a block of images that lie at `images`. `slack`: there are numbers that
// may be read behind them.
template <class T>
void sum_places(const TapSum<T>& s, PackedWeights<T>& w, const T* images, std::size_t image_pitch,
                bool slack, const T* bias, T* out, std::size_t out_pitch, std::size_t begin,
                std::size_t end, bool accumulate) {
  const auto& kernels = convolution_kernels<T>();
  Scratch<T> panel(std::min(kDepth, s.k()) * kernels.columns + kSlack);
  std::vector<Run> from, to;
  for (std::size_t p = begin; p < end; p += kernels.columns) {
    const std::size_t used = std::min(kernels.columns, end - p);
    runs_of(s, p, used, image_pitch, out_pitch, from, to);
    if (slack) cut_to_packs(from, kernels.columns / kPanelPacks);
    const PanelOutput result{to.data(), to.size(), s.out_steps[2], s.out_channel};
    for (std::size_t k = 0; k == 0 || k < s.k(); k += kDepth) {
      const std::size_t depth = std::min(kDepth, s.k() - k);
      (slack ? kernels.gather_packs : kernels.gather)(images, from.data(), from.size(),
                                                      s.offsets.data() + k, depth, panel.data());
      kernels.multiply(w.from(k), w.pitch(), s.m, depth, panel.data(), used,
                       k == 0 ? bias : nullptr, out, result, accumulate || k != 0);
    }
  }
}

constexpr std::size_t kMostBlocks = 8;

/// Pieces of work: blocks of images, and where those are few, of their places.
struct Blocks {
  std::size_t n, at_a_time, places, parts;

  Blocks(std::size_t images, std::size_t numbers, std::size_t places_of_one, double work,
         std::size_t columns)
      : n(images),
        at_a_time(std::min(images_at_a_time(numbers), (images + 7) / 8)),
        places(places_of_one),
        parts(1) {
    if (count() < kMostBlocks && work > 4e6)
      parts = std::min((kMostBlocks + count() - 1) / count(),
                       (at_a_time * places + 4 * columns - 1) / (4 * columns));
  }
  std::size_t count() const { return (n + at_a_time - 1) / at_a_time; }
  std::size_t pieces() const { return count() * parts; }
};

// out (n, groups m, ...) from x (n, groups channels, ...).
template <class T>
void sum_taps(const TapSum<T>& s, PackedWeights<T>& w, std::size_t n, const T* x,
              std::size_t x_pitch, const T* bias, T* out, std::size_t out_pitch, bool accumulate) {
  const std::size_t columns = convolution_kernels<T>().columns;
  const double work = static_cast<double>(n * s.places() * s.m) * static_cast<double>(s.k());
  const Blocks blocks(n, s.layout.numbers(), s.places(), work, columns);
  const auto piece = [&](std::size_t i) {
    const std::size_t block = i / blocks.parts, part = i % blocks.parts;
    const std::size_t first = block * blocks.at_a_time,
                      images = std::min(blocks.at_a_time, n - first);
    const std::size_t all = images * s.places(), cut = (all + blocks.parts - 1) / blocks.parts;
    const std::size_t step = (cut + columns - 1) / columns * columns;
    const std::size_t begin = std::min(all, part * step), end = std::min(all, begin + step);
    if (begin == end) return;
    const T* source = x + first * x_pitch;
    std::size_t pitch = x_pitch;
    // Of rows that are not joined, packs are read beyond their ends.
    const bool copies = !s.layout.is_plain() || s.grid[0] * s.grid[1] != 1;
    LaidOut<T> copy(s.layout, copies ? images : 0);
    if (copies) {
      pitch = s.layout.numbers();
      for (std::size_t j = 0; j < images; ++j) copy.set(j, source + j * x_pitch);
      source = copy.data();
    }
    sum_places(s, w, source, pitch, copies, bias, out + first * out_pitch, out_pitch, begin, end,
               accumulate);
  };
  if (work < 2e5) {
    for (std::size_t i = 0; i < blocks.pieces(); ++i) piece(i);
  } else {
    parallel_for(blocks.pieces(), piece);
  }
}

template <class T>
void fill_bias(std::size_t n, std::size_t channels, std::size_t inner, const T* bias, T* y) {
  for (std::size_t i = 0; i < n * channels; ++i)
    std::fill_n(y + i * inner, inner, bias != nullptr ? bias[i % channels] : T(0));
}

}  // namespace

template <class T>
void convolve(const Convolution& c, const T* x, const T* w, const T* bias, T* y, bool accumulate) {
  const std::size_t taps = volume(c.kernel), inner = volume(c.output), outer = volume(c.input);
  if (c.n == 0 || inner == 0 || c.out * c.groups == 0) return;
  if (c.in * taps == 0) {
    if (!accumulate) fill_bias(c.n, c.groups * c.out, inner, bias, y);
    return;
  }
  if (accumulate) bias = nullptr;
  if (c.in == 1 && c.out == 1 && c.groups > 1) return depthwise(c, x, w, bias, y, accumulate);
  TapSum<T> s{input_layout(c), {}, c.output};
  s.offsets = input_offsets(c, s.layout);
  s.steps = input_steps(c, s.layout);
  s.m = c.out;
  s.out_steps = {c.output[1] * c.output[2], c.output[2], 1};
  s.out_channel = inner;
  join_rows(s);
  const std::size_t k = s.k();
  for (std::size_t g = 0; g < c.groups; ++g) {
    PackedWeights<T> packed(c.out, k);
    const T* const wg = w + g * c.out * k;
    packed.fill([&](std::size_t o, std::size_t i) { return wg[o * k + i]; });
    sum_taps(s, packed, c.n, x + g * c.in * outer, c.groups * c.in * outer,
             bias != nullptr ? bias + g * c.out : nullptr, y + g * c.out * inner,
             c.groups * c.out * inner, accumulate);
  }
}

namespace {

template <class T>
class InputGradient {
 public:
  InputGradient(const Convolution& c, const T* w, const T* bias, bool accumulate)
      : c_(c), w_(w), bias_(bias), accumulate_(accumulate), layout_(gradient_layout(c)) {}

  void run(const T* gy, T* gx) {
    if (interleaves()) {
      for (std::size_t g = 0; g < c_.groups; ++g) run_interleaved(g, gy, gx);
      return;
    }
    if (!accumulate_ && !all_have_taps())
      fill_bias(c_.n, c_.groups * c_.in, volume(c_.input), bias_, gx);
    for (std::size_t d = 0; d < residues_[0]; ++d) {
      for (std::size_t h = 0; h < residues_[1]; ++h) {
        for (std::size_t w = 0; w < residues_[2]; ++w) run({d, h, w}, gy, gx);
      }
    }
  }

 private:
  // Whether every residue has elements of the kernel that lead to it.
  bool all_have_taps() const {
    for (std::size_t i = 0; i < volume(residues_); ++i) {
      if (gradient_taps(c_, layout_, residue(i)).elements.empty()) return false;
    }
    return true;
  }
  void run(const Sizes3& residue, const T* gy, T* gx) {
    const GradientTaps taps = gradient_taps(c_, layout_, residue);
    TapSum<T> s{layout_, taps.offsets, taps.grid};
    if (s.k() == 0) return;
    const Sizes3 input_steps = {c_.input[1] * c_.input[2], c_.input[2], 1};
    s.steps = {layout_.plane(), layout_.row(), 1};
    for (std::size_t a = 0; a < 3; ++a) {
      s.first += residue[a] * input_steps[a];
      s.out_steps[a] = c_.stride[a] * input_steps[a];
    }
    s.m = c_.in;
    s.out_channel = volume(c_.input);
    join_rows(s);
    for (std::size_t g = 0; g < c_.groups; ++g) run_group(s, taps.elements, g, gy, gx);
  }

  void fill(PackedWeights<T>& packed, const std::vector<std::size_t>& elements,
            std::size_t g) const {
    const std::size_t taps = volume(c_.kernel);
    const T* const w = w_ + g * c_.out * c_.in * taps;
    std::vector<std::size_t> at;
    for (std::size_t o = 0; o < c_.out; ++o)
      for (const std::size_t element : elements) at.push_back(o * c_.in * taps + element);
    packed.fill([&](std::size_t c, std::size_t k) { return w[c * taps + at[k]]; });
  }

  void run_group(const TapSum<T>& s, const std::vector<std::size_t>& elements, std::size_t g,
                 const T* gy, T* gx) const {
    const std::size_t inner = volume(c_.output), outer = volume(c_.input);
    PackedWeights<T> packed(c_.in, s.k());
    fill(packed, elements, g);
    sum_taps(s, packed, c_.n, gy + g * c_.out * inner, c_.groups * c_.out * inner,
             bias_ != nullptr ? bias_ + g * c_.in : nullptr, gx + g * c_.in * outer,
             c_.groups * c_.in * outer, accumulate_);
  }

  // Numbers that a stride of 2 puts between each other are stored side by side first, in the cache:
  // stores of every other number cost more than one more copy. An image is laid out once for all
  // residues.
  bool interleaves() const {
    return !accumulate_ && residues_[2] == 2 && c_.stride[2] == 2 && all_have_taps() &&
           blocks().count() >= kMostBlocks;
  }
  Blocks blocks() const { return {c_.n, layout_.numbers(), 1, 0, 1}; }

  struct Residue {
    explicit Residue(const TapSum<T>& s) : sum(s), weights(s.m, s.k()) {}
    TapSum<T> sum;
    PackedWeights<T> weights;
  };
  // Of the channels of one image that are not interleaved yet: a grid for each residue.
  std::deque<Residue> residues_of_group(std::size_t g) const {
    std::deque<Residue> all;
    std::size_t first = 0;
    for (std::size_t i = 0; i < volume(residues_); ++i) {
      const GradientTaps taps = gradient_taps(c_, layout_, residue(i));
      TapSum<T> s{layout_, taps.offsets, taps.grid, {layout_.plane(), layout_.row(), 1}};
      s.m = c_.in;
      s.first = std::exchange(first, first + s.places());
      s.out_steps = {s.grid[1] * s.grid[2], s.grid[2], 1};
      s.out_channel = volume(c_.input);
      join_rows(s);
      all.emplace_back(s);
      fill(all.back().weights, taps.elements, g);
    }
    return all;
  }

  void run_interleaved(std::size_t g, const T* gy, T* gx) const {
    const std::size_t inner = volume(c_.output), outer = volume(c_.input), one = c_.in * outer;
    std::deque<Residue> all = residues_of_group(g);
    const Blocks cut = blocks();
    parallel_for(cut.count(), [&](std::size_t block) {
      const std::size_t first = block * cut.at_a_time,
                        images = std::min(cut.at_a_time, c_.n - first);
      LaidOut<T> copy(layout_, images);
      for (std::size_t j = 0; j < images; ++j)
        copy.set(j, gy + ((first + j) * c_.groups + g) * c_.out * inner);
      Scratch<T> apart(images * one + kSlack);
      for (Residue& r : all) {
        sum_places(r.sum, r.weights, copy.data(), layout_.numbers(), true,
                   bias_ != nullptr ? bias_ + g * c_.in : nullptr, apart.data(), one, 0,
                   images * r.sum.places(), false);
      }
      for (std::size_t j = 0; j < images * c_.in; ++j) {
        const std::size_t image = (first + j / c_.in) * c_.groups + g;
        interleave(apart.data() + j * outer, gx + (image * c_.in + j % c_.in) * outer);
      }
    });
  }

  // One channel.
  void interleave(const T* from, T* to) const {
    const std::size_t height = c_.input[1], width = c_.input[2], even = (width + 1) / 2,
                      odd = width / 2;
    for (std::size_t i = 0; i < volume(residues_); i += 2) {
      const Sizes3 at = residue(i);
      const std::size_t planes = places_of(0, at[0]), rows = places_of(1, at[1]);
      for (std::size_t d = 0; d < planes; ++d) {
        convolution_rows<T>().merge_rows(
            from + d * rows * even, from + planes * rows * even + d * rows * odd, rows, width,
            to + ((at[0] + d * c_.stride[0]) * height + at[1]) * width, c_.stride[1] * width);
      }
      from += planes * rows * width;
    }
  }
  std::size_t places_of(std::size_t axis, std::size_t residue) const {
    return (c_.input[axis] - residue + c_.stride[axis] - 1) / c_.stride[axis];
  }
  Sizes3 residue(std::size_t i) const {
    return {i / residues_[2] / residues_[1], i / residues_[2] % residues_[1], i % residues_[2]};
  }

  const Convolution& c_;
  const T *w_, *bias_;
  bool accumulate_;
  Sizes3 residues_ = residues_of(c_);
  ImageLayout layout_;
};

}  // namespace

template <class T>
void convolve_input(const Convolution& c, const T* gy, const T* w, const T* bias, T* gx,
                    bool accumulate) {
  const std::size_t inner = volume(c.output), outer = volume(c.input);
  if (c.n == 0 || outer == 0 || c.in * c.groups == 0) return;
  if (inner == 0 || c.out * volume(c.kernel) == 0) {
    if (!accumulate) fill_bias(c.n, c.groups * c.in, outer, bias, gx);
    return;
  }
  if (accumulate) bias = nullptr;
  if (c.in == 1 && c.out == 1 && c.groups > 1)
    return depthwise_input(c, gy, w, bias, gx, accumulate);
  InputGradient<T>(c, w, bias, accumulate).run(gy, gx);
}

#define XGRAD_INSTANTIATE(T)                                                          \
  template void convolve(const Convolution&, const T*, const T*, const T*, T*, bool); \
  template void convolve_input(const Convolution&, const T*, const T*, const T*, T*, bool);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
