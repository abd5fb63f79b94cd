#include "xgrad/kernels/convolution.hpp"

#include <algorithm>
#include <utility>

#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/width.hpp"

#define XGRAD_INLINE [[gnu::always_inline]] inline

namespace xgrad::kernels {
namespace {

template <class T>
using P = Pack<T, Arch>;

/// Rows of the left matrix in registers: 24 sums of 32 registers, or 12 of 16.
constexpr std::size_t kRows = kIsa == Isa::avx512 ? 8 : 4;
template <class T>
constexpr std::size_t kColumns = kPanelPacks* P<T>::size;

template <class T, class Body>
XGRAD_INLINE void each_pack_of(std::size_t n, const Body& body) {
  std::size_t e = 0;
  for (; e + P<T>::size <= n; e += P<T>::size) body(e, Full<P<T>>());
  if (e < n) body(e, First<P<T>>{n - e});
}

template <class T>
XGRAD_INLINE void copy_run(const T* from, T* to, std::size_t n) {
  each_pack_of<T>(
      n, [&](std::size_t e, auto width)
             __attribute__((always_inline)) { store(load(from + e, width), to + e, width); });
}

template <class T>
void gather(const T* image, const Run* runs, std::size_t run_count, const std::size_t* offsets,
            std::size_t k, T* panel) {
  constexpr std::size_t kWide = kColumns<T>;
  if (run_count == 1 && runs[0].length == kWide) {
    for (std::size_t i = 0; i < k; ++i) {
      const T* const from = image + offsets[i] + runs[0].from;
      for (std::size_t v = 0; v < kWide; v += P<T>::size)
        P<T>::load(from + v).store(panel + i * kWide + v);
    }
    return;
  }
  for (std::size_t i = 0; i < k; ++i) {
    const T* const from = image + offsets[i];
    for (std::size_t r = 0; r < run_count; ++r)
      copy_run(from + runs[r].from, panel + i * kWide + runs[r].to, runs[r].length);
  }
}

#if defined(__AVX512F__)
XGRAD_INLINE __m512 load_over(__m512 v, unsigned mask, const float* x) {
  return _mm512_mask_loadu_ps(v, static_cast<__mmask16>(mask), x);
}
XGRAD_INLINE __m512d load_over(__m512d v, unsigned mask, const double* x) {
  return _mm512_mask_loadu_pd(v, static_cast<__mmask8>(mask), x);
}

// What a pack of the panel is put together from: the first piece as a whole, others over it.
constexpr std::size_t kMostPieces = 3;
struct Pieces {
  std::ptrdiff_t from[kPanelPacks][kMostPieces] = {};  // of the pack's first number
  unsigned mask[kPanelPacks][kMostPieces] = {};
  std::size_t count[kPanelPacks] = {};
  std::size_t most = 0;  // more than kMostPieces: not all of them are here

  template <class T>
  static Pieces of(const Run* runs, std::size_t run_count) {
    constexpr std::size_t W = P<T>::size;
    Pieces all;
    for (std::size_t r = 0; r < run_count; ++r) {
      const Run& run = runs[r];
      for (std::size_t v = run.to / W; v * W < run.to + run.length; ++v) {
        const std::size_t first = std::max(run.to, v * W),
                          end = std::min(run.to + run.length, (v + 1) * W), i = all.count[v]++;
        all.most = std::max(all.most, all.count[v]);
        if (i >= kMostPieces) continue;
        all.from[v][i] =
            static_cast<std::ptrdiff_t>(run.from + v * W) - static_cast<std::ptrdiff_t>(run.to);
        all.mask[v][i] = ((1U << (end - first)) - 1) << (first - v * W);
      }
    }
    return all;
  }
};

template <class T, std::size_t N>
void gather_pieces(const T* image, const Pieces& pieces, const std::size_t* offsets, std::size_t k,
                   T* panel) {
  for (std::size_t i = 0; i < k; ++i, panel += kColumns<T>) {
    const T* const x = image + offsets[i];
#pragma GCC unroll 3
    for (std::size_t v = 0; v < kPanelPacks; ++v) {
      auto pack = P<T>::load(x + pieces.from[v][0]).raw;
#pragma GCC unroll 3
      for (std::size_t p = 1; p < N; ++p)
        pack = load_over(pack, pieces.mask[v][p], x + pieces.from[v][p]);
      P<T>(pack).store(panel + v * P<T>::size);
    }
  }
}
#endif

template <class T>
void gather_packs(const T* image, const Run* runs, std::size_t run_count,
                  const std::size_t* offsets, std::size_t k, T* panel) {
#if defined(__AVX512F__)
  const Pieces pieces = Pieces::of<T>(runs, run_count);
  if (pieces.most == 1) return gather_pieces<T, 1>(image, pieces, offsets, k, panel);
  if (pieces.most == 2) return gather_pieces<T, 2>(image, pieces, offsets, k, panel);
  if (pieces.most == 3) return gather_pieces<T, 3>(image, pieces, offsets, k, panel);
#endif
  std::size_t from[kColumns<T>], to[kColumns<T>];
  for (std::size_t r = 0; r < run_count; ++r) {
    from[r] = runs[r].from;
    to[r] = runs[r].to;
  }
  for (std::size_t i = 0; i < k; ++i, panel += kColumns<T>) {
    const T* const x = image + offsets[i];
    for (std::size_t r = 0; r < run_count; ++r) P<T>::load(x + from[r]).store(panel + to[r]);
  }
}

// Sums of M rows and V packs of columns go to put(row, pack, sum).
template <class T, std::size_t M, std::size_t V, class Put>
XGRAD_INLINE void sum_products(const T* w, std::size_t k, const T* panel, const Put& put) {
  using Pk = P<T>;
  Pk sum[M][V];
#pragma GCC unroll 8
  for (std::size_t m = 0; m < M; ++m) {
#pragma GCC unroll 3
    for (std::size_t v = 0; v < V; ++v) sum[m][v] = Pk(0);
  }
#pragma GCC unroll 2
  for (std::size_t i = 0; i < k; ++i, w += kRows, panel += kColumns<T>) {
    Pk b[V];
    for (std::size_t v = 0; v < V; ++v) b[v] = Pk::load(panel + v * Pk::size);
#pragma GCC unroll 8
    for (std::size_t m = 0; m < M; ++m) {
      const Pk a(w[m]);
#pragma GCC unroll 3
      for (std::size_t v = 0; v < V; ++v) sum[m][v] = sum[m][v] + a * b[v];
    }
  }
#pragma GCC unroll 8
  for (std::size_t m = 0; m < M; ++m) {
#pragma GCC unroll 3
    for (std::size_t v = 0; v < V; ++v) put(m, v, sum[m][v]);
  }
}

// To tile (M, kColumns).
template <class T, std::size_t M, std::size_t V>
[[gnu::noinline]] void products(const T* w, std::size_t k, const T* panel, T* tile) {
  sum_products<T, M, V>(
      w, k,
      panel, [&](std::size_t m, std::size_t v, const P<T>& sum) __attribute__((always_inline)) {
        sum.store(tile + m * kColumns<T> + v * P<T>::size);
      });
}

// Whole rows of places that follow each other, to where they belong.
template <class T>
[[gnu::noinline]] void products_in_place(const T* w, std::size_t k, const T* panel, const T* bias,
                                         T* y, std::size_t pitch, bool accumulate) {
  sum_products<T, kRows, kPanelPacks>(
      w, k,
      panel, [&](std::size_t m, std::size_t v, const P<T>& sum) __attribute__((always_inline)) {
        T* const to = y + m * pitch + v * P<T>::size;
        const P<T> before = accumulate ? P<T>::load(to) : bias != nullptr ? P<T>(bias[m]) : P<T>(0);
        (before + sum).store(to);
      });
}

template <class T, std::size_t M>
XGRAD_INLINE void products(std::size_t packs, const T* w, std::size_t k, const T* panel, T* tile) {
  if (packs == 3) return products<T, M, 3>(w, k, panel, tile);
  if (packs == 2) return products<T, M, 2>(w, k, panel, tile);
  products<T, M, 1>(w, k, panel, tile);
}

template <class T>
XGRAD_INLINE void put_run(const T* tile, const T* bias, T* y, std::size_t n, bool accumulate) {
  const P<T> b = bias != nullptr ? P<T>(*bias) : P<T>(0);
  each_pack_of<T>(
      n, [&](std::size_t e, auto width) __attribute__((always_inline)) {
        const P<T> sum = load(tile + e, width);
        store(accumulate ? load(y + e, width) + sum : b + sum, y + e, width);
      });
}

#if defined(__AVX512F__)
/// The lower or the upper half of a pack at even places of a register; `mask` has a bit for each place
/// of the whole pack.
XGRAD_INLINE __m512 spread(__m512 v, bool upper) {
  const __m512i half = _mm512_set_epi32(7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0);
  return _mm512_permutexvar_ps(_mm512_add_epi32(half, _mm512_set1_epi32(upper ? 8 : 0)), v);
}
XGRAD_INLINE __m512d spread(__m512d v, bool upper) {
  const __m512i half = _mm512_set_epi64(3, 3, 2, 2, 1, 1, 0, 0);
  return _mm512_permutexvar_pd(_mm512_add_epi64(half, _mm512_set1_epi64(upper ? 4 : 0)), v);
}
XGRAD_INLINE void add_masked(float* y, __m512 v, unsigned mask, bool accumulate) {
  const auto m = static_cast<__mmask16>(mask);
  if (accumulate) v = _mm512_add_ps(_mm512_maskz_loadu_ps(m, y), v);
  _mm512_mask_storeu_ps(y, m, v);
}
XGRAD_INLINE void add_masked(double* y, __m512d v, unsigned mask, bool accumulate) {
  const auto m = static_cast<__mmask8>(mask);
  if (accumulate) v = _mm512_add_pd(_mm512_maskz_loadu_pd(m, y), v);
  _mm512_mask_storeu_pd(y, m, v);
}

// Every other number of y; what lies between is not written, since it may be another thread's.
template <class T>
XGRAD_INLINE void put_every_other(const T* tile, const T* bias, T* y, std::size_t n,
                                  bool accumulate) {
  constexpr std::size_t W = P<T>::size;
  constexpr unsigned kEven = W == 16 ? 0x5555 : 0x55;
  const P<T> b(bias != nullptr && !accumulate ? *bias : T(0));
  for (std::size_t e = 0; e < n; e += W, y += 2 * W) {
    const P<T> v = b + P<T>::load(tile + e);
    const std::size_t places = 2 * std::min(W, n - e);
    const unsigned mask = places < W ? kEven & ((1U << places) - 1) : kEven;
    add_masked(y, spread(v.raw, false), mask, accumulate);
    if (places <= W) break;
    const unsigned rest = kEven & ((1U << (places - W)) - 1);
    add_masked(y + W, spread(v.raw, true), rest, accumulate);
  }
}
#endif

template <class T>
XGRAD_INLINE void put_apart(const T* tile, const T* bias, T* y, std::size_t n, std::size_t step,
                            bool accumulate) {
#if defined(__AVX512F__)
  if (step == 2) return put_every_other(tile, bias, y, n, accumulate);
#endif
  const T b = bias != nullptr ? *bias : T(0);
  for (std::size_t e = 0; e < n; ++e) y[e * step] = (accumulate ? y[e * step] : b) + tile[e];
}

template <class T>
void multiply(const T* w, std::size_t w_pitch, std::size_t rows, std::size_t k, const T* panel,
              std::size_t used, const T* bias, T* y, const PanelOutput& out, bool accumulate) {
  alignas(64) T tile[kRows * kColumns<T> + P<T>::size];  // a pack behind is read
  const std::size_t packs = (used + P<T>::size - 1) / P<T>::size;
  const bool whole = out.run_count == 1 && out.runs[0].length == kColumns<T> && out.step == 1;
  for (std::size_t row = 0; row < rows; row += kRows, w += w_pitch) {
    const std::size_t here = std::min(kRows, rows - row);
    if (whole && here == kRows) {
      products_in_place(w, k, panel, bias != nullptr ? bias + row : nullptr,
                        y + row * out.pitch + out.runs[0].to, out.pitch, accumulate);
      continue;
    }
    if (here > kRows / 2) {
      products<T, kRows>(packs, w, k, panel, tile);
    } else if (here > 1) {
      products<T, kRows / 2>(packs, w, k, panel, tile);
    } else {
      products<T, 1>(packs, w, k, panel, tile);
    }
    for (std::size_t m = 0; m < here; ++m) {
      for (std::size_t r = 0; r < out.run_count; ++r) {
        const Run& run = out.runs[r];
        const T *const from = tile + m * kColumns<T> + run.from, *const b = bias != nullptr
                                                                                ? bias + row + m
                                                                                : nullptr;
        T* const to = y + (row + m) * out.pitch + run.to;
        if (out.step == 1) {
          put_run(from, b, to, run.length, accumulate);
        } else {
          put_apart(from, b, to, run.length, out.step, accumulate);
        }
      }
    }
  }
}

// Sums in registers join those in memory after so many terms: none of them gets long.
constexpr std::size_t kTerms = 128;

// R numbers of the image at a time, each times two packs of channels. With `Triples` they are R / 3
// times three that lie as the first three do.
template <class T, std::size_t R, bool Triples>
[[gnu::noinline]] void weight_rows(const T* gy, const T* image, const std::size_t* offsets,
                                   const Sizes3& grid, const Sizes3& steps, T* g) {
  using Pk = P<T>;
  constexpr std::size_t W = Pk::size, kOwn = Triples ? 3 : 1;
  std::size_t apart[kOwn] = {};
  for (std::size_t r = 1; r < kOwn; ++r) apart[r] = offsets[r] - offsets[0];
  Pk sum[R][2];
  const auto clear = [&]() __attribute__((always_inline)) {
#pragma GCC unroll 12
    for (std::size_t r = 0; r < R; ++r) sum[r][0] = sum[r][1] = Pk(0);
  };
  const auto join = [&]() __attribute__((always_inline)) {
#pragma GCC unroll 12
    for (std::size_t r = 0; r < R; ++r) {
      (Pk::load(g + 2 * r * W) + sum[r][0]).store(g + 2 * r * W);
      (Pk::load(g + (2 * r + 1) * W) + sum[r][1]).store(g + (2 * r + 1) * W);
    }
  };
  clear();
  std::size_t left = kTerms;
  for (std::size_t d = 0; d < grid[0]; ++d) {
    for (std::size_t h = 0; h < grid[1]; ++h) {
      const T* from[R / kOwn];
      for (std::size_t r = 0; r < R / kOwn; ++r)
        from[r] = image + offsets[kOwn * r] + d * steps[0] + h * steps[1];
      for (std::size_t q = 0; q < grid[2];) {
        const std::size_t end = std::min(grid[2], q + left);
        left -= end - q;
        for (; q < end; ++q, gy += 2 * W) {
          const Pk g0 = Pk::load(gy), g1 = Pk::load(gy + W);
#pragma GCC unroll 12
          for (std::size_t r = 0; r < R; ++r) {
            const Pk a(from[r / kOwn][q + apart[r % kOwn]]);
            sum[r][0] = sum[r][0] + a * g0;
            sum[r][1] = sum[r][1] + a * g1;
          }
        }
        if (left != 0) continue;
        join();
        clear();
        left = kTerms;
      }
    }
  }
  join();
}

bool are_triples(const std::size_t* offsets, std::size_t k) {
  if (k % 3 != 0) return false;
  for (std::size_t i = 0; i < k; i += 3)
    if (offsets[i + 1] - offsets[i] != offsets[1] - offsets[0] ||
        offsets[i + 2] - offsets[i] != offsets[2] - offsets[0])
      return false;
  return true;
}

template <class T>
void weight(const T* gy, const T* image, const std::size_t* offsets, std::size_t k,
            const Sizes3& grid, const Sizes3& steps, T* g) {
  constexpr std::size_t kMost = kIsa == Isa::avx512 ? 12 : 6, kTriples = kMost == 12 ? 9 : 6,
                        kWide = 2 * P<T>::size;
  std::size_t i = 0;
  if (are_triples(offsets, k)) {
    for (; i + kTriples <= k; i += kTriples)
      weight_rows<T, kTriples, true>(gy, image, offsets + i, grid, steps, g + i * kWide);
    for (; i < k; i += 3)
      weight_rows<T, 3, true>(gy, image, offsets + i, grid, steps, g + i * kWide);
    return;
  }
  const auto by = [&](auto count) {
    constexpr std::size_t R = decltype(count)::value;
    for (; i + R <= k; i += R)
      weight_rows<T, R, false>(gy, image, offsets + i, grid, steps, g + i * kWide);
  };
  by(std::integral_constant<std::size_t, kMost>());
  by(std::integral_constant<std::size_t, 4>());
  by(std::integral_constant<std::size_t, 1>());
}

}  // namespace

template <Isa I, class T>
ConvolutionKernels<T> make_convolution_kernels() {
  return {kColumns<T>,      kRows,        2 * P<T>::size, &gather<T>,
          &gather_packs<T>, &multiply<T>, &weight<T>};
}

template ConvolutionKernels<float> make_convolution_kernels<kIsa, float>();
template ConvolutionKernels<double> make_convolution_kernels<kIsa, double>();

}  // namespace xgrad::kernels
