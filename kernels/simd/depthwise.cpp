#include "xgrad/kernels/depthwise.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/width.hpp"

#define XGRAD_INLINE [[gnu::always_inline]] inline

namespace xgrad::kernels {
namespace {

template <class T>
using P = Pack<T, Arch>;

template <class T, class Width>
XGRAD_INLINE void put_apart(P<T> x, T* to, std::size_t step, Width width, bool accumulate) {
  if (step == 1) return put(x, to, width, accumulate);
  alignas(64) T lane[P<T>::size];
  x.store(lane);
  std::size_t n = P<T>::size;
  if constexpr (std::is_same_v<Width, First<P<T>>>) n = width.n;
  for (std::size_t i = 0; i < n; ++i) to[i * step] = accumulate ? to[i * step] + lane[i] : lane[i];
}

// A pack of each of R rows that follow each other.
template <class T, std::size_t R, class Width>
XGRAD_INLINE void sums_of_rows(const T* image, const T* w, const std::size_t* offsets,
                               std::size_t k, std::size_t row, T bias, T* out, std::size_t out_row,
                               std::size_t out_step, Width width, bool accumulate) {
  P<T> sum[R];
#pragma GCC unroll 4
  for (std::size_t r = 0; r < R; ++r) sum[r] = P<T>(bias);
  for (std::size_t i = 0; i < k; ++i) {
    const T* const from = image + offsets[i];
    const P<T> a(w[i]);
#pragma GCC unroll 4
    for (std::size_t r = 0; r < R; ++r) sum[r] = sum[r] + a * load(from + r * row, width);
  }
#pragma GCC unroll 4
  for (std::size_t r = 0; r < R; ++r)
    put_apart(sum[r], out + r * out_row, out_step, width, accumulate);
}

template <class T, std::size_t R>
XGRAD_INLINE void rows_of_sums(const T* image, const T* w, const std::size_t* offsets,
                               std::size_t k, std::size_t n, std::size_t row, T bias, T* out,
                               std::size_t out_row, std::size_t out_step, bool accumulate) {
  std::size_t e = 0;
  for (; e + P<T>::size <= n; e += P<T>::size) {
    sums_of_rows<T, R>(image + e, w, offsets, k, row, bias, out + e * out_step, out_row, out_step,
                       Full<P<T>>(), accumulate);
  }
  if (e < n) {
    sums_of_rows<T, R>(image + e, w, offsets, k, row, bias, out + e * out_step, out_row, out_step,
                       First<P<T>>{n - e}, accumulate);
  }
}

template <class T>
void sums(const T* image, const T* w, const std::size_t* offsets, std::size_t k, const Plane& p,
          T bias, T* out, bool accumulate) {
  for (std::size_t d = 0; d < p.grid[0]; ++d) {
    const T* const from = image + d * p.steps[0];
    T* const to = out + d * p.out_steps[0];
    std::size_t h = 0;
    for (; h + 4 <= p.grid[1]; h += 4) {
      rows_of_sums<T, 4>(from + h * p.steps[1], w, offsets, k, p.grid[2], p.steps[1], bias,
                         to + h * p.out_steps[1], p.out_steps[1], p.out_steps[2], accumulate);
    }
    for (; h < p.grid[1]; ++h) {
      rows_of_sums<T, 1>(from + h * p.steps[1], w, offsets, k, p.grid[2], p.steps[1], bias,
                         to + h * p.out_steps[1], p.out_steps[1], p.out_steps[2], accumulate);
    }
  }
}

// Sums of a pack are added to others after so many terms, and these to further ones: none gets long.
constexpr std::size_t kTerms = 64;

// Rows of at most `columns` numbers, at most kTerms packs of them: one piece of the sums.
template <class T, std::size_t K>
[[gnu::noinline]] void add_products(const T* gy, const T* image, const std::size_t* offsets,
                                    std::size_t rows, std::size_t columns, std::size_t gy_row,
                                    std::size_t row, P<T>* to) {
  P<T> sum[K];
#pragma GCC unroll 9
  for (std::size_t i = 0; i < K; ++i) sum[i] = P<T>(0);
  const auto add = [&](const T* a, const T* from, auto width) __attribute__((always_inline)) {
    const P<T> v = load(a, width);
#pragma GCC unroll 9
    for (std::size_t i = 0; i < K; ++i) sum[i] = sum[i] + v * load(from + offsets[i], width);
  };
  for (std::size_t h = 0; h < rows; ++h, gy += gy_row, image += row) {
    std::size_t e = 0;
    for (; e + P<T>::size <= columns; e += P<T>::size) add(gy + e, image + e, Full<P<T>>());
    if (e < columns) add(gy + e, image + e, First<P<T>>{columns - e});
  }
#pragma GCC unroll 9
  for (std::size_t i = 0; i < K; ++i) to[i] = to[i] + sum[i];
}

// K sums of packs that grow by pieces.
template <class T, std::size_t K>
struct Sums {
  P<T> some[K], all[K];
  std::size_t pieces = 0;

  Sums() {
    for (std::size_t i = 0; i < K; ++i) some[i] = all[i] = P<T>(0);
  }
  void count() {
    if (++pieces % kTerms != 0) return;
    for (std::size_t i = 0; i < K; ++i) all[i] = all[i] + std::exchange(some[i], P<T>(0));
  }
};

template <class T, std::size_t K>
void products_of(const T* gy, const T* image, const std::size_t* offsets, const Plane& p, T* g) {
  const std::size_t columns = std::min(p.grid[2], kTerms * P<T>::size);
  const std::size_t packs = (columns + P<T>::size - 1) / P<T>::size;
  const std::size_t rows = kTerms / std::max<std::size_t>(packs, 1);
  Sums<T, K> sums;
  for (std::size_t d = 0; d < p.grid[0]; ++d, gy += p.grid[1] * p.grid[2]) {
    for (std::size_t h = 0; h < p.grid[1]; h += rows) {
      for (std::size_t e = 0; e < p.grid[2]; e += columns) {
        add_products<T, K>(gy + h * p.grid[2] + e, image + d * p.steps[0] + h * p.steps[1] + e,
                           offsets, std::min(rows, p.grid[1] - h), std::min(columns, p.grid[2] - e),
                           p.grid[2], p.steps[1], sums.some);
        sums.count();
      }
    }
  }
  for (std::size_t i = 0; i < K; ++i) g[i] = sum_lanes(sums.all[i] + sums.some[i]);
}

template <class T>
void products(const T* gy, const T* image, const std::size_t* offsets, std::size_t k,
              const Plane& p, T* g) {
  std::size_t i = 0;
  for (; i + 9 <= k; i += 9) products_of<T, 9>(gy, image, offsets + i, p, g + i);
  for (; i + 3 <= k; i += 3) products_of<T, 3>(gy, image, offsets + i, p, g + i);
  for (; i < k; ++i) products_of<T, 1>(gy, image, offsets + i, p, g + i);
}

}  // namespace

template <Isa I, class T>
DepthwiseKernels<T> make_depthwise_kernels() {
  return {&sums<T>, &products<T>};
}

template DepthwiseKernels<float> make_depthwise_kernels<kIsa, float>();
template DepthwiseKernels<double> make_depthwise_kernels<kIsa, double>();

}  // namespace xgrad::kernels
