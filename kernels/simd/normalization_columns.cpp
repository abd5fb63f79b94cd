#include <algorithm>

#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/moments.hpp"
#include "xgrad/kernels/normalization.hpp"
#include "xgrad/kernels/rows.hpp"

#define XGRAD_INLINE __attribute__((always_inline))

namespace xgrad::kernels {
namespace {

template <class T>
using P = Pack<T, Arch>;

// body(column, width) for the packs of one row.
template <class T, class Body>
[[gnu::always_inline]] inline void each_column(std::size_t c, const Body& body) {
  each_pack<P<T>>(c, [&](std::size_t j, auto width, auto) XGRAD_INLINE { body(j, width); });
}

// add(offset of the first row, column, width, number of rows: Rows or 1) for all rows, a few at a
// time: what is added up is loaded and stored once for them.
template <class T, std::size_t Rows, class Add>
[[gnu::always_inline]] inline void by_rows(Columns v, const Add& add) {
  std::size_t r = 0;
  const auto each = [&](std::size_t count, auto how_many) XGRAD_INLINE {
    for (; r + count <= v.rows; r += count) {
      each_column<T>(v.c, [&](std::size_t j, auto width)
                              XGRAD_INLINE { add(r * v.stride + j, j, width, how_many); });
    }
  };
  each(Rows, Quarter<Rows>());
  each(1, Quarter<1>());
}

// sum of x - mean, and of its squares.
template <class T>
void moments_around(const T* x, const T* mean, T* sum, T* squares, Columns v) {
  std::fill_n(sum, v.c, T(0));
  std::fill_n(squares, v.c, T(0));
  by_rows<T, 8>(v, [&](std::size_t i, std::size_t j, auto width, auto count) XGRAD_INLINE {
    const P<T> m = load(mean + j, width);
    P<T> s(0), q(0);
    for (std::size_t r = 0; r < count; ++r) {
      const P<T> d = load(x + i + r * v.stride, width) - m;
      s = s + d;
      q = q + square(d);
    }
    put(s, sum + j, width, true);
    put(q, squares + j, width, true);
  });
}

template <class T>
void moments(const T* x, T* mean, T* rest, T* squares, Columns v) {
  std::fill_n(mean, v.c, T(0));
  by_rows<T, 8>(v, [&](std::size_t i, std::size_t j, auto width, auto count) XGRAD_INLINE {
    P<T> s = load(x + i, width);
    for (std::size_t r = 1; r < count; ++r) s = s + load(x + i + r * v.stride, width);
    put(s, mean + j, width, true);
  });
  const T n = static_cast<T>(v.rows), inverse = 1 / n;
  for (std::size_t j = 0; j < v.c; ++j) mean[j] /= n;
  moments_around(x, mean, rest, squares, v);
  unsigned again = 0;
  for (std::size_t j = 0; j < v.c; ++j) again |= unsigned{is_far_off(rest[j], squares[j], inverse)};
  if (again != 0) {
    for (std::size_t j = 0; j < v.c; ++j) mean[j] += rest[j] * inverse;
    moments_around(x, mean, rest, squares, v);
  }
  for (std::size_t j = 0; j < v.c; ++j) rest[j] = take_out_center(rest[j], squares[j], inverse);
}

template <class T>
void forward(const T* x, const T* mean, const T* scale, const T* shift, T* y, Columns v) {
  for (std::size_t r = 0; r < v.rows; ++r, x += v.stride, y += v.stride) {
    each_column<T>(v.c, [&](std::size_t j, auto width) XGRAD_INLINE {
      const P<T> e = load(x + j, width) - load(mean + j, width);
      store(e * load(scale + j, width) + load(shift + j, width), y + j, width);
    });
  }
}

template <class T>
void sums(const T* x, const T* mean, const T* gy, T* gsum, T* gdot, Columns v) {
  std::fill_n(gsum, v.c, T(0));
  std::fill_n(gdot, v.c, T(0));
  by_rows<T, 4>(v, [&](std::size_t i, std::size_t j, auto width, auto count) XGRAD_INLINE {
    const P<T> m = load(mean + j, width);
    P<T> s(0), dot(0);
    for (std::size_t r = 0; r < count; ++r) {
      const P<T> g = load(gy + i + r * v.stride, width);
      s = s + g;
      dot = dot + g * (load(x + i + r * v.stride, width) - m);
    }
    put(s, gsum + j, width, true);
    put(dot, gdot + j, width, true);
  });
}

template <class T>
void backward(const T* x, const T* mean, const T* gy, const T* a, const T* b, const T* shift, T* gx,
              Columns v, bool accumulate) {
  for (std::size_t r = 0; r < v.rows; ++r, x += v.stride, gy += v.stride, gx += v.stride) {
    each_column<T>(v.c, [&](std::size_t j, auto width) XGRAD_INLINE {
      const P<T> e = load(x + j, width) - load(mean + j, width);
      const P<T> g = load(a + j, width) * load(gy + j, width) + load(b + j, width) * e;
      put(g + load(shift + j, width), gx + j, width, accumulate);
    });
  }
}

}  // namespace

template <Isa I, class T>
ColumnNormKernels<T> make_column_norm_kernels() {
  return {&moments<T>, &forward<T>, &sums<T>, &backward<T>};
}

template ColumnNormKernels<float> make_column_norm_kernels<kIsa, float>();
template ColumnNormKernels<double> make_column_norm_kernels<kIsa, double>();

}  // namespace xgrad::kernels
