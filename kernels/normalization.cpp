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
  return {in.x + x,      moved(in.weight, weight), moved(in.bias, weight), moved(in.mean, set),
          in.rstd + set, moved(in.variance, set)};
}

template <class T>
NormGradients<T> at(const NormGradients<T>& out, std::size_t x) {
  return {out.gy + x, moved(out.gx, x), out.accumulate, out.gweight, out.gbias};
}

// Rows of a piece: whole periods, no more than are added up to a weight's gradient in one go.
constexpr std::size_t kRowsPerPiece = 1024;

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

// (n, c) cut into blocks of rows that fit the second level cache.
struct Blocks {
  std::size_t n, c, rows, count;

  explicit Blocks(ChannelsView v)
      : n(v.n), c(v.c), rows(std::max<std::size_t>(16, (std::size_t{1} << 16) / v.c)) {
    count = (n + rows - 1) / rows;
  }
  std::size_t rows_of(std::size_t k) const { return std::min(rows, n - k * rows); }

  /// run(block, offset of its first number, number of rows)
  template <class Run>
  void each(const Run& run) const {
    parallel_for(count, [&](std::size_t k) { run(k, k * rows * c, rows_of(k)); });
  }
};

// Mean and sum of squares of two samples together, from those of each.
// Source: T. F. Chan, G. H. Golub, R. J. LeVeque, Updating formulae and a pairwise algorithm for
// computing sample variances, 1979.
template <class T>
void merge(T* mean, T* squares, double count, const T* mean_b, const T* squares_b, double count_b,
           std::size_t c) {
  const T part = static_cast<T>(count_b / (count + count_b));
  const T weight = static_cast<T>(count * count_b / (count + count_b));
  for (std::size_t j = 0; j < c; ++j) {
    const T d = mean_b[j] - mean[j];
    mean[j] += d * part;
    squares[j] += squares_b[j] + d * d * weight;
  }
}

template <class T>
void column_moments(const T* x, T* mean, T* squares, const Blocks& b) {
  Scratch<T> means(b.count * b.c), sums(b.count * b.c);
  b.each([&](std::size_t k, std::size_t first, std::size_t rows) {
    column_kernels<T>().moments(x + first, means.data() + k * b.c, sums.data() + k * b.c, rows,
                                b.c);
  });
  std::copy_n(means.data(), b.c, mean);
  std::copy_n(sums.data(), b.c, squares);
  double count = static_cast<double>(b.rows_of(0));
  for (std::size_t k = 1; k < b.count; ++k) {
    const double rows = static_cast<double>(b.rows_of(k));
    merge(mean, squares, count, means.data() + k * b.c, sums.data() + k * b.c, rows, b.c);
    count += rows;
  }
}

template <class T>
void normalize_columns(const NormInputs<T>& in, T* y, ChannelsView view, T eps) {
  const Blocks b(view);
  Scratch<T> variance(view.c), scale(view.c), shift(view.c, T(0));
  column_moments(in.x, in.mean, variance.data(), b);
  for (std::size_t j = 0; j < view.c; ++j) {
    variance[j] /= static_cast<T>(view.n);
    in.rstd[j] = 1 / std::sqrt(variance[j] + eps);
    scale[j] = in.weight != nullptr ? in.rstd[j] * in.weight[j] : in.rstd[j];
  }
  if (in.variance != nullptr) std::copy_n(variance.data(), view.c, in.variance);
  if (in.bias != nullptr) std::copy_n(in.bias, view.c, shift.data());
  b.each([&](std::size_t, std::size_t first, std::size_t rows) {
    column_kernels<T>().forward(in.x + first, in.mean, scale.data(), shift.data(), y + first, rows,
                                view.c);
  });
}

// gsum = sum gy, gdot = sum gy (x - mean) rstd
template <class T>
void column_sums(const NormInputs<T>& in, const T* gy, T* gsum, T* gdot, const Blocks& b) {
  Scratch<T> sums(b.count * b.c), dots(b.count * b.c);
  b.each([&](std::size_t k, std::size_t first, std::size_t rows) {
    column_kernels<T>().sums(in.x + first, in.mean, gy + first, sums.data() + k * b.c,
                             dots.data() + k * b.c, rows, b.c);
  });
  total(sums.data(), gsum, b.count, b.c);
  total(dots.data(), gdot, b.count, b.c);
  for (std::size_t j = 0; j < b.c; ++j) gdot[j] *= in.rstd[j];
}

// gx = rstd weight (gy - mean(gy) - z mean(gy z)), z = (x - mean) rstd
template <class T>
void normalize_columns_backward(const NormInputs<T>& in, const NormGradients<T>& out,
                                ChannelsView view) {
  const Blocks blocks(view);
  const std::size_t c = view.c;
  Scratch<T> gsum(c), gdot(c), a(c), b(c), shift(c);
  column_sums(in, out.gy, gsum.data(), gdot.data(), blocks);
  if (out.gweight != nullptr) std::copy_n(gdot.data(), c, out.gweight);
  if (out.gbias != nullptr) std::copy_n(gsum.data(), c, out.gbias);
  if (out.gx == nullptr) return;
  const T n = static_cast<T>(view.n);
  for (std::size_t j = 0; j < c; ++j) {
    a[j] = in.weight != nullptr ? in.rstd[j] * in.weight[j] : in.rstd[j];
    b[j] = -a[j] * in.rstd[j] * gdot[j] / n;
    shift[j] = -a[j] * gsum[j] / n;
  }
  blocks.each([&](std::size_t, std::size_t first, std::size_t rows) {
    column_kernels<T>().backward(in.x + first, in.mean, out.gy + first, a.data(), b.data(),
                                 shift.data(), out.gx + first, rows, c, out.accumulate);
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

RowsView as_rows(ChannelsView v) { return {v.n * v.groups, v.c / v.groups, v.groups}; }

}  // namespace

template <class T>
void normalize_channels(const NormInputs<T>& in, T* y, ChannelsView view, T eps) {
  if (view.inner == 1) {
    if (view.groups == 0) return normalize_columns(in, y, view, eps);
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
    if (view.groups == 0) return normalize_columns_backward(in, out, view);
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
