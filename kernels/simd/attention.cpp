#include "xgrad/kernels/attention.hpp"

#include <algorithm>
#include <limits>

#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/lanes.hpp"
#include "xgrad/kernels/rows.hpp"

#define XGRAD_INLINE __attribute__((always_inline))

namespace xgrad::kernels {
namespace {

/// Rows and packs of columns in registers: 24 sums of 32 registers, or 12 of 16.
constexpr std::size_t kRows = 6, kPacks = kIsa == Isa::avx512 ? 4 : 2;
template <class T>
constexpr std::size_t kColumns = kPacks* Pack<T, Arch>::size;
template <class T>
constexpr T kNothing = -std::numeric_limits<T>::infinity();

template <class T>
void pack(const T* from, std::size_t rows, std::size_t width, T factor, T* to, std::size_t stride) {
  using P = Pack<T, Arch>;
  constexpr std::size_t C = kColumns<T>;
  for (std::size_t j = 0; j < width; j += C) {
    const std::size_t here = std::min(C, width - j);
    for (std::size_t r = 0; r < rows; ++r) {
      const T* const row = from + r * width + j;
      T* const panel = to + j / C * stride + r * C;
      for (std::size_t e = here / P::size * P::size; e < C; e += P::size) P(0).store(panel + e);
      each_pack<P>(here, [&](std::size_t e, auto w, auto)
                             XGRAD_INLINE { store(load(row + e, w) * factor, panel + e, w); });
    }
  }
}

template <class T>
void pack_transposed(const T* from, std::size_t rows, std::size_t width, T* to,
                     std::size_t stride) {
  using P = Pack<T, Arch>;
  constexpr std::size_t C = kColumns<T>, W = P::size;
  for (std::size_t j = 0; j < rows; j += W) {
    const T* const block = from + j * width;
    T* const panel = to + j / C * stride + j % C;
    std::size_t e = 0;
    for (; j + W <= rows && e + W <= width; e += W) {
      Tile<P> tile;
      for (std::size_t r = 0; r < W; ++r) tile.load(r, block + r * width + e);
      tile.template spread<W>();
      for (std::size_t r = 0; r < W; ++r) tile.store(r, panel + (e + r) * C);
    }
    for (; e < width; ++e) {
      for (std::size_t r = 0; r < W; ++r)
        panel[e * C + r] = j + r < rows ? block[r * width + e] : T(0);
    }
  }
}

// M rows and V packs of columns of a product.
template <class T, std::size_t M, std::size_t V>
[[gnu::noinline]] void products(std::size_t k, Operand<T> a, const T* b, T* c, std::size_t pitch,
                                bool add) {
  using P = Pack<T, Arch>;
  P sum[M][V];
#pragma GCC unroll 6
  for (std::size_t m = 0; m < M; ++m) {
#pragma GCC unroll 4
    for (std::size_t v = 0; v < V; ++v) sum[m][v] = P(0);
  }
  const T* from = a.data;
  for (std::size_t l = 0; l < k; ++l, from += a.column, b += kColumns<T>) {
    P x[V];
#pragma GCC unroll 4
    for (std::size_t v = 0; v < V; ++v) x[v] = P::load(b + v * P::size);
#pragma GCC unroll 6
    for (std::size_t m = 0; m < M; ++m) {
      const P y(from[m * a.row]);
#pragma GCC unroll 4
      for (std::size_t v = 0; v < V; ++v) sum[m][v] = sum[m][v] + y * x[v];
    }
  }
#pragma GCC unroll 6
  for (std::size_t m = 0; m < M; ++m) {
#pragma GCC unroll 4
    for (std::size_t v = 0; v < V; ++v) put(sum[m][v], c + m * pitch + v * P::size, Full<P>(), add);
  }
}

template <class T, std::size_t M>
void products(std::size_t packs, std::size_t k, Operand<T> a, const T* b, T* c, std::size_t pitch,
              bool add) {
  if constexpr (kPacks == 4) {
    if (packs == 4) return products<T, M, 4>(k, a, b, c, pitch, add);
    if (packs == 3) return products<T, M, 3>(k, a, b, c, pitch, add);
  }
  if (packs == 2) return products<T, M, 2>(k, a, b, c, pitch, add);
  products<T, M, 1>(k, a, b, c, pitch, add);
}

template <class T>
void multiply(std::size_t m, std::size_t n, std::size_t k, Operand<T> a, Panels<T> b, T* c,
              std::size_t pitch, bool add) {
  constexpr std::size_t W = Pack<T, Arch>::size, C = kColumns<T>;
  for (std::size_t j = 0; j < n; j += C, b.data += b.stride) {
    const std::size_t packs = (std::min(C, n - j) + W - 1) / W;
    Operand<T> from = a;
    T* to = c + j;
    std::size_t i = 0;
    const auto each = [&](auto rows) {
      for (; i + rows <= m; i += rows, from.data += rows * a.row, to += rows * pitch)
        products<T, rows>(packs, k, from, b.data, to, pitch, add);
    };
    each(Quarter<kRows>());
    each(Quarter<2>());
    each(Quarter<1>());
  }
}

template <class P, class T>
[[gnu::always_inline]] inline T largest_of(const T* x, std::size_t n) {
  P m[4] = {P(kNothing<T>), P(kNothing<T>), P(kNothing<T>), P(kNothing<T>)};
  each_pack<P>(n, [&](std::size_t at, auto width, auto q)
                      XGRAD_INLINE { m[q] = larger(m[q], load(x + at, width, kNothing<T>)); });
  return fold_lanes(larger(larger(m[0], m[1]), larger(m[2], m[3])),
                    [](auto u, auto v) XGRAD_INLINE { return u > v ? u : v; });
}

template <class T>
void soften(BlockRows<T> s, T* largest, T* sum, BlockRows<T> y) {
  using P = Pack<T, Arch>;
  for (std::size_t r = 0; r < s.rows; ++r) {
    T* const x = s.data + r * s.pitch;
    const T here = largest_of<P>(x, s.count), most = here > largest[r] ? here : largest[r];
    const T shift = most == kNothing<T> ? T(0) : most;  // -inf - -inf is no number
    const T all = sum_lanes(
        sum_of_blocks<P>(ContiguousRow<P>{s.count}, [&](std::size_t at, auto width) XGRAD_INLINE {
          const P e = exp(load(x + at, width, kNothing<T>) - P(shift));
          store(e, x + at, width);
          return e;
        }));
    const T correction = exp(P(largest[r] - shift)).raw.data[0];
    sum[r] = sum[r] * correction + all;
    if (most != largest[r]) {
      T* const row = y.data + r * y.pitch;
      each_pack<P>(y.count, [&](std::size_t at, auto width, auto) XGRAD_INLINE {
        store(load(row + at, width) * correction, row + at, width);
      });
    }
    largest[r] = most;
  }
}

template <class T>
void weigh(BlockRows<T> s, const T* largest, const T* over_sum) {
  using P = Pack<T, Arch>;
  for (std::size_t r = 0; r < s.rows; ++r) {
    T* const x = s.data + r * s.pitch;
    const P shift(largest[r]), factor(over_sum[r]);
    each_pack<P>(s.count, [&](std::size_t at, auto width, auto) XGRAD_INLINE {
      const P score = load(x + at, width);
      store(where(score == P(kNothing<T>), P(0), exp(score - shift) * factor), x + at, width);
    });
  }
}

// A weight of 0 hands on nothing.
template <class P>
[[gnu::always_inline]] inline P through(P weight, P g) {
  return where(weight == P(0), P(0), weight * g);
}

template <class T>
void backward(BlockRows<T> p, T* g, const T* reference, const T* inner) {
  using P = Pack<T, Arch>;
  for (std::size_t r = 0; r < p.rows; ++r) {
    const T* const x = p.data + r * p.pitch;
    T* const to = g + r * p.pitch;
    const P near(reference[r]), less(inner[r]);
    each_pack<P>(p.count, [&](std::size_t at, auto width, auto) XGRAD_INLINE {
      const P from_near = load(to + at, width) - near;
      store(through(load(x + at, width), from_near - less), to + at, width);
    });
  }
}

template <class T>
void add(const T* weights, const T* numbers, std::size_t n, SumBesideLargest<T>& sum) {
  using P = Pack<T, Arch>;
  const T here = largest_of<P>(weights, n);
  if (here > sum.largest) {
    const T reference = numbers[std::find(weights, weights + n, here) - weights];
    if (sum.weights > T(0)) sum.rest += sum.weights * (sum.reference - reference);
    sum.reference = reference;
    sum.largest = here;
  }
  const P near(sum.reference);
  const ContiguousRow<P> row{n};
  sum.rest += sum_lanes(sum_of_blocks<P>(row, [&](std::size_t at, auto w) XGRAD_INLINE {
    return through(load(weights + at, w), load(numbers + at, w) - near);
  }));
  sum.weights += sum_lanes(sum_of_blocks<P>(
      row, [&](std::size_t at, auto w) XGRAD_INLINE { return load(weights + at, w); }));
}

template <class T>
void inner(const T* a, const T* b, std::size_t rows, std::size_t width, T* inner) {
  using P = Pack<T, Arch>;
  for (std::size_t r = 0; r < rows; ++r, a += width, b += width) {
    inner[r] = sum_lanes(sum_of_blocks<P>(
        ContiguousRow<P>{width},
        [&](std::size_t at, auto w) XGRAD_INLINE { return load(a + at, w) * load(b + at, w); }));
  }
}

}  // namespace

template <Isa I, class T>
AttentionKernels<T> make_attention_kernels() {
  return {kColumns<T>,  &pack<T>,   &pack_transposed<T>,
          &multiply<T>, &soften<T>, &weigh<T>,
          &backward<T>, &add<T>,    &inner<T>};
}

template AttentionKernels<float> make_attention_kernels<kIsa, float>();
template AttentionKernels<double> make_attention_kernels<kIsa, double>();

}  // namespace xgrad::kernels
