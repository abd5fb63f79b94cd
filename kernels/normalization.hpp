#pragma once

// Normalisation: y = (x - mean) / sqrt(variance + eps) weight + bias, with statistics taken from
// x itself.
//
// Variances are taken around the mean, in pieces of a fixed size that are merged in pairs:
// precise, and the same for any number of threads. `mean`, what its rounding leaves (`rest`) and
// `rstd` = 1 / sqrt(variance + eps) are kept for the backward pass. weight and bias may be null,
// for 1 and 0; gradients that are null are not wanted, gx is added to if `accumulate`.

#include <cstddef>

#include "xgrad/kernels/isa.hpp"

namespace xgrad::kernels {

/// What both directions of a normalisation read.
template <class T>
struct NormInputs {
  const T* x;
  const T* weight;
  const T* bias;  // forward only
  T* mean;        // null, with `rest`: 0 (root mean square)
  T* rest;
  T* rstd;
  T* variance;  // of channels; null: not wanted
};

/// Where the gradients go. gweight and gbias are overwritten.
template <class T>
struct NormGradients {
  const T* gy;
  T* gx;
  bool accumulate;
  T* gweight;
  T* gbias;
};

/// Rows that are normalised one by one: (rows, d), with weights (period, d) taken in turn by
/// the rows.
struct RowsView {
  std::size_t rows, d, period;
};

/// x (n, c, inner) with weights (c). groups = 0: statistics of each channel over n and inner (batch
/// normalisation); otherwise of each of n and of `groups` groups of channels.
struct ChannelsView {
  std::size_t n, c, inner, groups;
};

/// mean and rstd (rows).
template <class T>
void normalize_rows(const NormInputs<T>& in, T* y, RowsView view, T eps);
template <class T>
void normalize_rows_backward(const NormInputs<T>& in, const NormGradients<T>& out, RowsView view);

/// mean and rstd (c), or (n, groups).
template <class T>
void normalize_channels(const NormInputs<T>& in, T* y, ChannelsView view, T eps);
template <class T>
void normalize_channels_backward(const NormInputs<T>& in, const NormGradients<T>& out,
                                 ChannelsView view);

// The kernels behind them, for one thread.

/// gweight and gbias (period, d) are added to.
template <class T>
struct RowNormKernels {
  void (*forward)(const NormInputs<T>& in, T* y, RowsView view, T eps);
  void (*backward)(const NormInputs<T>& in, const NormGradients<T>& out, RowsView view);
};

/// c neighbouring columns of a matrix whose rows are `stride` apart.
struct Columns {
  std::size_t rows, c, stride;
};

/// Every number of `moments` is of c.
template <class T>
struct ColumnNormKernels {
  /// mean + rest, and the sum of squares around it.
  void (*moments)(const T* x, T* mean, T* rest, T* squares, Columns v);
  /// y = (x - mean) scale + shift
  void (*forward)(const T* x, const T* mean, const T* scale, const T* shift, T* y, Columns v);
  /// gsum = sum gy, gdot = sum gy (x - mean)
  void (*sums)(const T* x, const T* mean, const T* gy, T* gsum, T* gdot, Columns v);
  /// gx = a gy + b (x - mean) + shift, added to gx if `accumulate`
  void (*backward)(const T* x, const T* mean, const T* gy, const T* a, const T* b, const T* shift,
                   T* gx, Columns v, bool accumulate);
};

/// `count` runs of `length` neighbouring numbers, `stride` apart, that share mean and variance.
/// weight and bias of run i are at i * `weight_stride`.
struct Runs {
  std::size_t count, length, stride, weight_stride;
};

template <class T>
struct RunNormKernels {
  void (*forward)(const NormInputs<T>& in, T* y, Runs runs, T eps);
  /// gsum = sum gy and gdot = sum gy (x - mean) rstd of each run, `sum_stride` apart.
  void (*backward)(const NormInputs<T>& in, const NormGradients<T>& out, Runs runs, T* gsum,
                   T* gdot, std::size_t sum_stride);
};

template <Isa I, class T>
RowNormKernels<T> make_row_norm_kernels();
template <Isa I, class T>
ColumnNormKernels<T> make_column_norm_kernels();
template <Isa I, class T>
RunNormKernels<T> make_run_norm_kernels();

}  // namespace xgrad::kernels
