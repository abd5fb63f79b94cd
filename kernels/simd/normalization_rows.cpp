#include <cmath>

#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/moments.hpp"
#include "xgrad/kernels/normalization.hpp"
#include "xgrad/kernels/rows.hpp"

#define XGRAD_INLINE __attribute__((always_inline))

namespace xgrad::kernels {
namespace {

template <class T>
using P = Pack<T, Arch>;

// f(offset, width) summed up over a row.
template <class T, class Row, class F>
[[gnu::always_inline]] inline T sum_over(Row row, const F& f) {
  return sum_lanes(sum_of_blocks<P<T>>(row, f));
}

// A row is read more than once, from the cache but for the first time. Meanwhile what comes next,
// its place in the output and the next row, is fetched from memory (measured on 8 MB: forward 10 %,
// backward 6 % less).

// Mean, rest and sum of squares of a row.
template <class T>
struct RowMoments {
  T mean, rest, squares;
};

// sum x^2
template <class T, class Row>
[[gnu::always_inline]] inline T squares_of(const T* x, Row row, const T* next) {
  return sum_over<T>(row, [&](std::size_t k, auto width) XGRAD_INLINE {
    __builtin_prefetch(next + k);
    return square(load(x + k, width));
  });
}

// The sums of x - center and of its squares, as rest and squares.
template <class T, class Row>
[[gnu::always_inline]] inline RowMoments<T> around(T center, const T* x, Row row, const T* next) {
  const Two<P<T>> s = sum_of_blocks<Two<P<T>>>(row, [&](std::size_t k, auto width) XGRAD_INLINE {
    __builtin_prefetch(next + k);
    const P<T> e = load(x + k, width, center) - P<T>(center);
    return Two<P<T>>{e, square(e)};
  });
  const Two<T> sums = sum_lanes(s);
  return {center, sums.first, sums.second};
}

template <class T, class Row>
[[gnu::always_inline]] inline RowMoments<T> moments_of(T mean, const T* x, Row row, T inverse,
                                                       const T* next) {
  RowMoments<T> m = around(mean, x, row, next);
  if (is_far_off(m.rest, m.squares, inverse)) m = around(mean + m.rest * inverse, x, row, next);
  m.rest = take_out_center(m.rest, m.squares, inverse);
  return m;
}

// y = (x - mean - rest) scale weight + bias
template <class T>
[[gnu::always_inline]] inline void write_row(const T* x, T* y, T mean, T rest, T scale,
                                             const T* weight, const T* bias, std::size_t n) {
  const P<T> m(mean), k(scale), shift(rest * scale);
  each_pack<P<T>>(n, [&](std::size_t i, auto width, auto) XGRAD_INLINE {
    P<T> v = (load(x + i, width) - m) * k - shift;
    if (weight != nullptr) v = v * load(weight + i, width);
    if (bias != nullptr) v = v + load(bias + i, width);
    store(v, y + i, width);
  });
}

template <class T>
const T* at_row(const T* p, std::size_t row, RowsView view) {
  return p == nullptr ? nullptr : p + row % view.period * view.d;
}
template <class T>
T* at_row(T* p, std::size_t row, RowsView view) {
  return p == nullptr ? nullptr : p + row % view.period * view.d;
}

template <class T, bool Short>
void forward_rows(const NormInputs<T>& in, T* y, RowsView view, T eps) {
  const std::size_t d = view.d;
  const ContiguousRow<P<T>, Short> row{d};
  const T size = static_cast<T>(d), inverse = 1 / size;
  for (std::size_t r = 0; r < view.rows; ++r) {
    T* const out = y + r * d;
    const T *const x = in.x + r * d, *const next = r + 1 < view.rows ? x + d : x;
    RowMoments<T> m{T(0), T(0), T(0)};
    if (in.mean == nullptr) {
      m.squares = squares_of(x, row, next);
    } else {
      const T sum = sum_over<T>(row, [&](std::size_t k, auto width) XGRAD_INLINE {
        __builtin_prefetch(out + k, 1);
        return load(x + k, width);
      });
      m = moments_of(sum / size, x, row, inverse, next);
      in.mean[r] = m.mean;
      in.rest[r] = m.rest;
    }
    in.rstd[r] = 1 / std::sqrt(m.squares * inverse + eps);
    write_row(x, out, m.mean, m.rest, in.rstd[r], at_row(in.weight, r, view),
              at_row(in.bias, r, view), d);
  }
}

template <class T>
void forward(const NormInputs<T>& in, T* y, RowsView view, T eps) {
  if (view.d <= ContiguousRow<P<T>>::kBlock) return forward_rows<T, true>(in, y, view, eps);
  forward_rows<T, false>(in, y, view, eps);
}

// The sums over a row that its gradient needs, z = (x - mean) rstd and u = weight gy.
template <class T>
struct RowSums {
  T u, uz;
};

// Adds gy z to gweight and gy to gbias on the way. z = (x - m) k - shift.
template <class T, bool Weights, class Row>
[[gnu::always_inline]] inline RowSums<T> sum_row(const T* x, const T* gy, P<T> m, P<T> k,
                                                 P<T> shift, const T* weight, T* gweight, T* gbias,
                                                 Row row) {
  const Two<P<T>> s = sum_of_blocks<Two<P<T>>>(row, [&](std::size_t i, auto width) XGRAD_INLINE {
    const P<T> z = (load(x + i, width) - m) * k - shift, g = load(gy + i, width), gz = g * z;
    const P<T> w = Weights ? load(weight + i, width) : P<T>(1);
    if (gweight != nullptr) store(load(gweight + i, width) + gz, gweight + i, width);
    if (gbias != nullptr) store(load(gbias + i, width) + g, gbias + i, width);
    return Two<P<T>>{w * g, w * gz};
  });
  const Two<T> sums = sum_lanes(s);
  return {sums.first, sums.second};
}

// gx = rstd (u - mean(u) - z mean(u z)), with mean(u) - rest slope in the place of mean(u)
template <class T, bool Weights>
[[gnu::always_inline]] inline void write_gradient(const T* x, const T* gy, P<T> m, P<T> k,
                                                  const T* weight, RowSums<T> mean, T* gx,
                                                  std::size_t n, std::size_t next,
                                                  bool accumulate) {
  const P<T> mu(mean.u), slope = P<T>(mean.uz) * k;
  each_pack<P<T>>(n, [&](std::size_t i, auto width, auto) XGRAD_INLINE {
    __builtin_prefetch(x + next + i);
    __builtin_prefetch(gy + next + i);
    const P<T> w = Weights ? load(weight + i, width) : P<T>(1);
    const P<T> v = w * load(gy + i, width) - mu - (load(x + i, width) - m) * slope;
    put(k * v, gx + i, width, accumulate);
  });
}

template <class T, bool Weights, bool Short>
void backward_rows(const NormInputs<T>& in, const NormGradients<T>& out, RowsView view) {
  const std::size_t d = view.d;
  const ContiguousRow<P<T>, Short> row{d};
  const T size = static_cast<T>(d);
  for (std::size_t r = 0; r < view.rows; ++r) {
    const T *const x = in.x + r * d, *const gy = out.gy + r * d;
    const T* const weight = at_row(in.weight, r, view);
    const T rest = in.mean != nullptr ? in.rest[r] : T(0);
    const P<T> m(in.mean != nullptr ? in.mean[r] : T(0)), k(in.rstd[r]), shift(rest * in.rstd[r]);
    const RowSums<T> s = sum_row<T, Weights>(
        x, gy, m, k, shift, weight, at_row(out.gweight, r, view), at_row(out.gbias, r, view), row);
    if (out.gx == nullptr) continue;
    const T slope = s.uz / size * in.rstd[r];
    const RowSums<T> mean{in.mean != nullptr ? s.u / size - rest * slope : T(0), s.uz / size};
    write_gradient<T, Weights>(x, gy, m, k, weight, mean, out.gx + r * d, d,
                               r + 1 < view.rows ? d : 0, out.accumulate);
  }
}

template <class T>
void backward(const NormInputs<T>& in, const NormGradients<T>& out, RowsView view) {
  const bool is_short = view.d <= ContiguousRow<P<T>>::kBlock;
  if (in.weight == nullptr) return backward_rows<T, false, false>(in, out, view);
  if (is_short) return backward_rows<T, true, true>(in, out, view);
  backward_rows<T, true, false>(in, out, view);
}

}  // namespace

template <Isa I, class T>
RowNormKernels<T> make_row_norm_kernels() {
  return {&forward<T>, &backward<T>};
}

template RowNormKernels<float> make_row_norm_kernels<kIsa, float>();
template RowNormKernels<double> make_row_norm_kernels<kIsa, double>();

}  // namespace xgrad::kernels
