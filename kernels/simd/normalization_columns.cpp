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

// by_rows for kernels that write as much as they read: wide rows one by one, as memory likes them.
template <class T, class Write>
[[gnu::always_inline]] inline void write_rows(Columns v, const Write& write) {
  if (v.c <= 256) return by_rows<P<T>, 4>(v.rows, v.c, v.stride, write);
  for (std::size_t r = 0; r < v.rows; ++r) {
    each_pack<P<T>>(v.c, [&](std::size_t j, auto width, auto)
                             XGRAD_INLINE { write(r * v.stride + j, j, width, Quarter<1>()); });
  }
}

// sum of x - mean, and of its squares.
template <class T>
void moments_around(const T* x, const T* mean, T* sum, T* squares, Columns v) {
  std::fill_n(sum, v.c, T(0));
  std::fill_n(squares, v.c, T(0));
  by_rows<P<T>, 8>(v.rows, v.c, v.stride,
                   [&](std::size_t i, std::size_t j, auto width, auto count) XGRAD_INLINE {
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
  by_rows<P<T>, 8>(v.rows, v.c, v.stride,
                   [&](std::size_t i, std::size_t j, auto width, auto count) XGRAD_INLINE {
                     P<T> s = load(x + i, width);
                     for (std::size_t r = 1; r < count; ++r)
                       s = s + load(x + i + r * v.stride, width);
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
  write_rows<T>(v, [&](std::size_t i, std::size_t j, auto width, auto count) XGRAD_INLINE {
    const P<T> m = load(mean + j, width), k = load(scale + j, width), b = load(shift + j, width);
    for (std::size_t r = 0; r < count; ++r, i += v.stride)
      store((load(x + i, width) - m) * k + b, y + i, width);
  });
}

template <class T>
void sums(const T* x, const T* mean, const T* gy, T* gsum, T* gdot, Columns v) {
  std::fill_n(gsum, v.c, T(0));
  std::fill_n(gdot, v.c, T(0));
  by_rows<P<T>, 4>(v.rows, v.c, v.stride,
                   [&](std::size_t i, std::size_t j, auto width, auto count) XGRAD_INLINE {
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
  write_rows<T>(v, [&](std::size_t i, std::size_t j, auto width, auto count) XGRAD_INLINE {
    const P<T> m = load(mean + j, width), s = load(shift + j, width);
    const P<T> by_gy = load(a + j, width), by_x = load(b + j, width);
    for (std::size_t r = 0; r < count; ++r, i += v.stride) {
      const P<T> e = load(x + i, width) - m, g = by_gy * load(gy + i, width) + by_x * e;
      put(g + s, gx + i, width, accumulate);
    }
  });
}

}  // namespace

template <Isa I, class T>
ColumnNormKernels<T> make_column_norm_kernels() {
  return {&moments<T>, &forward<T>, &sums<T>, &backward<T>};
}

template ColumnNormKernels<float> make_column_norm_kernels<kIsa, float>();
template ColumnNormKernels<double> make_column_norm_kernels<kIsa, double>();

}  // namespace xgrad::kernels
