#include <algorithm>

#include "xgrad/kernels/instantiate.hpp"
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

// add(first row, column, width, number of rows: 4 or 1) for all rows, four at a time: what is added
// up is loaded and stored once for the four.
template <class T, class Add>
[[gnu::always_inline]] inline void by_four(std::size_t rows, std::size_t c, const Add& add) {
  std::size_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    each_column<T>(
        c, [&](std::size_t j, auto width) XGRAD_INLINE { add(r * c + j, j, width, Quarter<4>()); });
  }
  for (; r < rows; ++r) {
    each_column<T>(
        c, [&](std::size_t j, auto width) XGRAD_INLINE { add(r * c + j, j, width, Quarter<1>()); });
  }
}

template <class T>
void moments(const T* x, T* mean, T* squares, std::size_t rows, std::size_t c) {
  std::fill_n(mean, c, T(0));
  std::fill_n(squares, c, T(0));
  by_four<T>(rows, c, [&](std::size_t i, std::size_t j, auto width, auto count) XGRAD_INLINE {
    P<T> s = load(x + i, width);
    for (std::size_t r = 1; r < count; ++r) s = s + load(x + i + r * c, width);
    put(s, mean + j, width, true);
  });
  const T n = static_cast<T>(rows);
  for (std::size_t j = 0; j < c; ++j) mean[j] /= n;
  by_four<T>(rows, c, [&](std::size_t i, std::size_t j, auto width, auto count) XGRAD_INLINE {
    const P<T> m = load(mean + j, width);
    P<T> s(0);
    for (std::size_t r = 0; r < count; ++r) s = s + square(load(x + i + r * c, width) - m);
    put(s, squares + j, width, true);
  });
}

template <class T>
void forward(const T* x, const T* mean, const T* scale, const T* shift, T* y, std::size_t rows,
             std::size_t c) {
  for (std::size_t r = 0; r < rows; ++r, x += c, y += c) {
    each_column<T>(c, [&](std::size_t j, auto width) XGRAD_INLINE {
      const P<T> e = load(x + j, width) - load(mean + j, width);
      store(e * load(scale + j, width) + load(shift + j, width), y + j, width);
    });
  }
}

template <class T>
void sums(const T* x, const T* mean, const T* gy, T* gsum, T* gdot, std::size_t rows,
          std::size_t c) {
  std::fill_n(gsum, c, T(0));
  std::fill_n(gdot, c, T(0));
  by_four<T>(rows, c, [&](std::size_t i, std::size_t j, auto width, auto count) XGRAD_INLINE {
    const P<T> m = load(mean + j, width);
    P<T> s(0), dot(0);
    for (std::size_t r = 0; r < count; ++r) {
      const P<T> g = load(gy + i + r * c, width);
      s = s + g;
      dot = dot + g * (load(x + i + r * c, width) - m);
    }
    put(s, gsum + j, width, true);
    put(dot, gdot + j, width, true);
  });
}

template <class T>
void backward(const T* x, const T* mean, const T* gy, const T* a, const T* b, const T* shift, T* gx,
              std::size_t rows, std::size_t c, bool accumulate) {
  for (std::size_t r = 0; r < rows; ++r, x += c, gy += c, gx += c) {
    each_column<T>(c, [&](std::size_t j, auto width) XGRAD_INLINE {
      const P<T> e = load(x + j, width) - load(mean + j, width);
      const P<T> v = load(a + j, width) * load(gy + j, width) + load(b + j, width) * e;
      put(v + load(shift + j, width), gx + j, width, accumulate);
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
