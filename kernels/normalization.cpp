#include "xgrad/kernels/normalization.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/reduce.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad::kernels {
namespace {

template <class T>
const RowNormKernels<T>& row_kernels() {
  static const RowNormKernels<T> kernels =
      choose([]<Isa I>() { return make_row_norm_kernels<I, T>(); });
  return kernels;
}
template <class T>
const ColumnNormKernels<T>& column_kernels() {
  static const ColumnNormKernels<T> kernels =
      choose([]<Isa I>() { return make_column_norm_kernels<I, T>(); });
  return kernels;
}
template <class T>
const RunNormKernels<T>& run_kernels() {
  static const RunNormKernels<T> kernels =
      choose([]<Isa I>() { return make_run_norm_kernels<I, T>(); });
  return kernels;
}

template <class T>
T* moved(T* p, std::size_t by) {
  return p == nullptr ? nullptr : p + by;
}

template <class T>
NormInputs<T> at(const NormInputs<T>& in, std::size_t x, std::size_t weight, std::size_t set) {
  return {in.x + x,
          moved(in.weight, weight),
          moved(in.bias, weight),
          moved(in.mean, set),
          moved(in.rest, set),
          in.rstd + set,
          moved(in.variance, set)};
}

template <class T>
NormGradients<T> at(const NormGradients<T>& out, std::size_t x) {
  return {out.gy + x, moved(out.gx, x), out.accumulate, out.gweight, out.gbias};
}

// Rows of a piece: whole periods, no more than are added up to a weight's gradient in one go.
constexpr std::size_t kRowsPerPiece = 256;

std::size_t row_pieces(RowsView view) {
  const std::size_t periods = view.rows / view.period;
  const std::size_t wanted =
      std::max(pieces_for(view.rows * view.d), (periods + kRowsPerPiece - 1) / kRowsPerPiece);
  return std::max<std::size_t>(1, std::min(periods, wanted));
}

std::size_t row_begin(RowsView view, std::size_t pieces, std::size_t k) {
  return view.rows / view.period * k / pieces * view.period;
}

// Adds up the rows of partial (pieces, n) where a gradient is wanted.
template <class T>
void total(const T* partial, T* to, std::size_t pieces, std::size_t n) {
  if (to == nullptr || n == 0) return;
  if (pieces == 0) {
    std::fill_n(to, n, T(0));
  } else {
    reduce(Reduction::sum, partial, to, 1, pieces, n);
  }
}

}  // namespace

template <class T>
void normalize_rows(const NormInputs<T>& in, T* y, RowsView view, T eps) {
  const std::size_t pieces = row_pieces(view);
  parallel_for(pieces, [&](std::size_t k) {
    const std::size_t begin = row_begin(view, pieces, k), end = row_begin(view, pieces, k + 1);
    row_kernels<T>().forward(at(in, begin * view.d, 0, begin), y + begin * view.d,
                             {end - begin, view.d, view.period}, eps);
  });
}

template <class T>
void normalize_rows_backward(const NormInputs<T>& in, const NormGradients<T>& out, RowsView view) {
  const std::size_t pieces = row_pieces(view), weights = view.period * view.d;
  Scratch<T> gweight(out.gweight != nullptr ? pieces * weights : 0, T(0));
  Scratch<T> gbias(out.gbias != nullptr ? pieces * weights : 0, T(0));
  parallel_for(pieces, [&](std::size_t k) {
    const std::size_t begin = row_begin(view, pieces, k), end = row_begin(view, pieces, k + 1);
    NormGradients<T> mine = at(out, begin * view.d);
    if (out.gweight != nullptr) mine.gweight = gweight.data() + k * weights;
    if (out.gbias != nullptr) mine.gbias = gbias.data() + k * weights;
    row_kernels<T>().backward(at(in, begin * view.d, 0, begin), mine,
                              {end - begin, view.d, view.period});
  });
  total(gweight.data(), out.gweight, pieces, weights);
  total(gbias.data(), out.gbias, pieces, weights);
}

namespace {

// Columns cut into blocks of rows that fit the second level cache and are not too many to be added
// up one after the other.
struct Blocks {
  Columns v;
  std::size_t rows, count;

  explicit Blocks(Columns view)
      : v(view), rows(std::clamp<std::size_t>((std::size_t{1} << 16) / v.c, 16, 1024)) {
    count = (v.rows + rows - 1) / rows;
  }
  Columns block(std::size_t k) const { return {std::min(rows, v.rows - k * rows), v.c, v.stride}; }

  /// run(block, offset of its first number, its columns)
  template <class Run>
  void each(const Run& run) const {
    parallel_for(count, [&](std::size_t k) { run(k, k * rows * v.stride, block(k)); });
  }
};

// How many bands of columns are worth a thread each: more than one where all rows are one block.
std::size_t bands_of(Columns v) {
  if (Blocks(v).count > 1) return 1;
  return std::clamp<std::size_t>(v.c / 64, 1, pieces_for(v.rows * v.c));
}

// run(first column, band) for each, all but the last whole cache lines wide.
template <class Run>
void each_band(Columns v, std::size_t bands, const Run& run) {
  parallel_for(bands, [&](std::size_t k) {
    const std::size_t begin = piece_begin(v.c, bands, k), end = piece_begin(v.c, bands, k + 1);
    run(begin, Columns{v.rows, end - begin, v.stride});
  });
}

// Mean + rest and sum of squares of each of c columns.
template <class T>
struct ColumnMoments {
  T *mean, *rest, *squares;
};

// Those of two samples together, from those of each.
// Source: T. F. Chan, G. H. Golub, R. J. LeVeque, Updating formulae and a pairwise algorithm for
// computing sample variances, 1979.
template <class T>
void merge(ColumnMoments<T> a, double count, ColumnMoments<T> b, double count_b, std::size_t c) {
  const T part = static_cast<T>(count_b / (count + count_b));
  const T weight = static_cast<T>(count * count_b / (count + count_b));
  for (std::size_t j = 0; j < c; ++j) {
    const T d = (b.mean[j] - a.mean[j]) + (b.rest[j] - a.rest[j]), shift = a.rest[j] + d * part;
    const T mean = a.mean[j] + shift;
    a.rest[j] = shift - (mean - a.mean[j]);
    a.mean[j] = mean;
    a.squares[j] += b.squares[j] + d * d * weight;
  }
}

template <class T>
void column_moments(const T* x, ColumnMoments<T> all, const Blocks& b) {
  const std::size_t c = b.v.c;
  Scratch<T> moments(3 * b.count * c);
  const auto of = [&](std::size_t k) {
    T* const first = moments.data() + 3 * k * c;
    return ColumnMoments<T>{first, first + c, first + 2 * c};
  };
  b.each([&](std::size_t k, std::size_t first, Columns block) {
    const ColumnMoments<T> m = of(k);
    column_kernels<T>().moments(x + first, m.mean, m.rest, m.squares, block);
  });
  const auto rows = [&](std::size_t k) { return std::min(k * b.rows, b.v.rows); };
  for (std::size_t step = 1; step < b.count; step *= 2) {
    for (std::size_t k = 0; k + step < b.count; k += 2 * step) {
      merge(of(k), static_cast<double>(rows(k + step) - rows(k)), of(k + step),
            static_cast<double>(rows(k + 2 * step) - rows(k + step)), c);
    }
  }
  std::copy_n(of(0).mean, c, all.mean);
  std::copy_n(of(0).rest, c, all.rest);
  std::copy_n(of(0).squares, c, all.squares);
}

template <class T>
void normalize_columns(const NormInputs<T>& in, T* y, Columns v, T eps) {
  if (const std::size_t bands = bands_of(v); bands > 1) {
    return each_band(v, bands, [&](std::size_t first, Columns band) {
      normalize_columns(at(in, first, first, first), y + first, band, eps);
    });
  }
  const Blocks b(v);
  Scratch<T> variance(v.c), scale(v.c), shift(v.c, T(0));
  column_moments(in.x, {in.mean, in.rest, variance.data()}, b);
  for (std::size_t j = 0; j < v.c; ++j) {
    variance[j] /= static_cast<T>(v.rows);
    in.rstd[j] = 1 / std::sqrt(variance[j] + eps);
    scale[j] = in.weight != nullptr ? in.rstd[j] * in.weight[j] : in.rstd[j];
  }
  if (in.variance != nullptr) std::copy_n(variance.data(), v.c, in.variance);
  if (in.bias != nullptr) std::copy_n(in.bias, v.c, shift.data());
  for (std::size_t j = 0; j < v.c; ++j) {
    if (std::isfinite(scale[j])) shift[j] -= in.rest[j] * scale[j];
  }
  b.each([&](std::size_t, std::size_t first, Columns block) {
    column_kernels<T>().forward(in.x + first, in.mean, scale.data(), shift.data(), y + first,
                                block);
  });
}

// gsum = sum gy, gdot = sum gy (x - mean) rstd
template <class T>
void column_sums(const NormInputs<T>& in, const T* gy, T* gsum, T* gdot, const Blocks& b) {
  const std::size_t c = b.v.c;
  Scratch<T> sums(b.count * c), dots(b.count * c);
  b.each([&](std::size_t k, std::size_t first, Columns block) {
    column_kernels<T>().sums(in.x + first, in.mean, gy + first, sums.data() + k * c,
                             dots.data() + k * c, block);
  });
  total(sums.data(), gsum, b.count, c);
  total(dots.data(), gdot, b.count, c);
  for (std::size_t j = 0; j < c; ++j) gdot[j] = (gdot[j] - in.rest[j] * gsum[j]) * in.rstd[j];
}

// gx = rstd weight (gy - mean(gy) - z mean(gy z)), z = (x - mean) rstd
template <class T>
void normalize_columns_backward(const NormInputs<T>& in, const NormGradients<T>& out, Columns v) {
  if (const std::size_t bands = bands_of(v); bands > 1) {
    return each_band(v, bands, [&](std::size_t first, Columns band) {
      NormGradients<T> part = at(out, first);
      part.gweight = moved(out.gweight, first);
      part.gbias = moved(out.gbias, first);
      normalize_columns_backward(at(in, first, first, first), part, band);
    });
  }
  const Blocks blocks(v);
  const std::size_t c = v.c;
  Scratch<T> gsum(c), gdot(c), a(c), b(c), shift(c);
  column_sums(in, out.gy, gsum.data(), gdot.data(), blocks);
  if (out.gweight != nullptr) std::copy_n(gdot.data(), c, out.gweight);
  if (out.gbias != nullptr) std::copy_n(gsum.data(), c, out.gbias);
  if (out.gx == nullptr) return;
  const T n = static_cast<T>(v.rows);
  for (std::size_t j = 0; j < c; ++j) {
    a[j] = in.weight != nullptr ? in.rstd[j] * in.weight[j] : in.rstd[j];
    b[j] = -a[j] * in.rstd[j] * gdot[j] / n;
    shift[j] = -a[j] * gsum[j] / n - b[j] * in.rest[j];
  }
  blocks.each([&](std::size_t, std::size_t first, Columns block) {
    column_kernels<T>().backward(in.x + first, in.mean, out.gy + first, a.data(), b.data(),
                                 shift.data(), out.gx + first, block, out.accumulate);
  });
}

// The numbers that share statistics, as runs: set s of a batch or group normalisation.
struct Sets {
  ChannelsView v;

  bool grouped() const { return v.groups != 0; }
  std::size_t channels() const { return grouped() ? v.c / v.groups : 1; }
  std::size_t count() const { return grouped() ? v.n * v.groups : v.c; }
  Runs runs() const {
    return grouped() ? Runs{channels(), v.inner, v.inner, 1} : Runs{v.n, v.inner, v.c * v.inner, 0};
  }
  /// Distance of the sums of two runs in (n, c).
  std::size_t sum_stride() const { return grouped() ? 1 : v.c; }
  std::size_t first_channel(std::size_t s) const {
    return grouped() ? s % v.groups * channels() : s;
  }
  std::size_t first_sum(std::size_t s) const { return s * channels(); }

  template <class Run>
  void each(const Run& run) const {
    const std::size_t pieces = std::min(count(), pieces_for(v.n * v.c * v.inner));
    parallel_for(pieces, [&](std::size_t k) {
      for (std::size_t s = count() * k / pieces; s < count() * (k + 1) / pieces; ++s) run(s);
    });
  }
};

Columns columns_of(ChannelsView v) { return {v.n, v.c, v.c}; }
RowsView as_rows(ChannelsView v) { return {v.n * v.groups, v.c / v.groups, v.groups}; }

}  // namespace

template <class T>
void normalize_channels(const NormInputs<T>& in, T* y, ChannelsView view, T eps) {
  if (view.inner == 1) {
    if (view.groups == 0) return normalize_columns(in, y, columns_of(view), eps);
    return normalize_rows(in, y, as_rows(view), eps);
  }
  const Sets sets{view};
  sets.each([&](std::size_t s) {
    const std::size_t first = sets.first_sum(s) * view.inner;
    run_kernels<T>().forward(at(in, first, sets.first_channel(s), s), y + first, sets.runs(), eps);
  });
}

template <class T>
void normalize_channels_backward(const NormInputs<T>& in, const NormGradients<T>& out,
                                 ChannelsView view) {
  if (view.inner == 1) {
    if (view.groups == 0) return normalize_columns_backward(in, out, columns_of(view));
    return normalize_rows_backward(in, out, as_rows(view));
  }
  const Sets sets{view};
  Scratch<T> gsum(view.n * view.c), gdot(view.n * view.c);
  sets.each([&](std::size_t s) {
    const std::size_t sum = sets.first_sum(s);
    run_kernels<T>().backward(at(in, sum * view.inner, sets.first_channel(s), s),
                              at(out, sum * view.inner), sets.runs(), gsum.data() + sum,
                              gdot.data() + sum, sets.sum_stride());
  });
  total(gsum.data(), out.gbias, view.n, view.c);
  total(gdot.data(), out.gweight, view.n, view.c);
}

#define XGRAD_INSTANTIATE(T)                                                                      \
  template void normalize_rows(const NormInputs<T>&, T*, RowsView, T);                            \
  template void normalize_rows_backward(const NormInputs<T>&, const NormGradients<T>&, RowsView); \
  template void normalize_channels(const NormInputs<T>&, T*, ChannelsView, T);                    \
  template void normalize_channels_backward(const NormInputs<T>&, const NormGradients<T>&,        \
                                            ChannelsView);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
