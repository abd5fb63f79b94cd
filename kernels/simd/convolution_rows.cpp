// Rows of images from one layout to another.

#include <algorithm>
#include <cstring>
#include <utility>

#include "xgrad/kernels/convolution.hpp"
#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/lanes.hpp"

#define XGRAD_INLINE [[gnu::always_inline]] inline

namespace xgrad::kernels {
namespace {

template <class T>
using P = Pack<T, Arch>;

template <class T>
void copy_rows(const T* x, std::size_t rows, std::size_t n, T* to, std::size_t pitch) {
  for (std::size_t r = 0; r < rows; ++r, x += n, to += pitch) {
    std::size_t e = 0;
    for (; e + P<T>::size <= n; e += P<T>::size) P<T>::load(x + e).store(to + e);
    if (e < n) P<T>::load_first(x + e, n - e).store(to + e);
  }
}

// In the order of memory, so that what is written behind a row is overwritten by the next one.
template <class T>
void split_rows(const T* x, std::size_t rows, std::size_t n, T* even, T* odd, std::size_t pitch) {
  constexpr std::size_t W = P<T>::size;
  typedef T Numbers __attribute__((vector_size(W * sizeof(T))));
  const auto half = [&](T * to, std::size_t first) __attribute__((always_inline)) {
    for (std::size_t e = 0; e < n; e += 2 * W) {
      const auto part = [&](std::size_t at) __attribute__((always_inline)) {
        Numbers v;
        const P<T> p = at + W <= n ? P<T>::load(x + at)
                                   : P<T>::load_first(x + std::min(at, n), at < n ? n - at : 0);
        std::memcpy(&v, &p, sizeof(v));
        return v;
      };
      const Numbers a = part(e), b = part(e + W);
      const Numbers chosen = [&]<std::size_t... I>(std::index_sequence<I...>) {
        return first == 0 ? __builtin_shufflevector(a, b, static_cast<int>(2 * I)...)
                          : __builtin_shufflevector(a, b, static_cast<int>(2 * I + 1)...);
      }
      (std::make_index_sequence<W>());
      std::memcpy(to + e / 2, &chosen, sizeof(chosen));
    }
  };
  for (std::size_t r = 0; r < rows; ++r, x += n, even += pitch, odd += pitch) {
    if (even < odd) {
      half(even, 0);
      half(odd, 1);
    } else {
      half(odd, 1);
      half(even, 0);
    }
  }
}

// The lower and the upper half of two packs, their numbers in turns.
template <class T>
XGRAD_INLINE void merge_packs(const T* even, const T* odd, P<T>& lower, P<T>& upper) {
  constexpr std::size_t W = P<T>::size;
  typedef T Numbers __attribute__((vector_size(W * sizeof(T))));
  Numbers a, b;
  std::memcpy(&a, even, sizeof(a));
  std::memcpy(&b, odd, sizeof(b));
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const Numbers low = __builtin_shufflevector(a, b, static_cast<int>(I / 2 + I % 2 * W)...),
                  high =
                      __builtin_shufflevector(a, b, static_cast<int>(W / 2 + I / 2 + I % 2 * W)...);
    std::memcpy(&lower, &low, sizeof(low));
    std::memcpy(&upper, &high, sizeof(high));
  }
  (std::make_index_sequence<W>());
}

template <class T>
void merge_rows(const T* even, const T* odd, std::size_t rows, std::size_t n, T* to,
                std::size_t pitch) {
  constexpr std::size_t W = P<T>::size;
  for (std::size_t r = 0; r < rows; ++r, even += (n + 1) / 2, odd += n / 2, to += pitch) {
    for (std::size_t e = 0; e < n; e += 2 * W) {
      P<T> lower, upper;
      merge_packs(even + e / 2, odd + e / 2, lower, upper);
      if (e + 2 * W <= n) {
        lower.store(to + e);
        upper.store(to + e + W);
        continue;
      }
      lower.store_first(to + e, std::min(W, n - e));
      if (e + W < n) upper.store_first(to + e + W, n - e - W);
    }
  }
}

// One pack of rows.
template <class T>
XGRAD_INLINE void transpose_rows(const T* x, std::size_t rows, std::size_t count, std::size_t pitch,
                                 T* to) {
  constexpr std::size_t W = P<T>::size, kWide = 2 * W;
  std::size_t done = 0;
  for (; rows == W && done + W <= count; done += W) {
    Tile<P<T>> tile;
    for (std::size_t i = 0; i < W; ++i) tile.load(i, x + i * pitch + done);
    tile.template spread<W>();
    for (std::size_t i = 0; i < W; ++i) tile.store(i, to + (done + i) * kWide);
  }
  for (std::size_t e = done; e < count; ++e)
    for (std::size_t i = 0; i < W; ++i) to[e * kWide + i] = i < rows ? x[i * pitch + e] : T(0);
}

template <class T>
void transpose(const T* x, std::size_t rows, std::size_t count, std::size_t pitch, T* to) {
  constexpr std::size_t W = P<T>::size;
  transpose_rows(x, std::min(rows, W), count, pitch, to);
  transpose_rows(x + W * pitch, rows > W ? rows - W : 0, count, pitch, to + W);
}

}  // namespace

template <Isa I, class T>
ConvolutionRows<T> make_convolution_rows() {
  return {&copy_rows<T>, &split_rows<T>, &merge_rows<T>, &transpose<T>};
}

template ConvolutionRows<float> make_convolution_rows<kIsa, float>();
template ConvolutionRows<double> make_convolution_rows<kIsa, double>();

}  // namespace xgrad::kernels
