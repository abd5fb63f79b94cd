#include "xgrad/kernels/copy.hpp"

#include <cstring>
#include <utility>

#include "xgrad/kernels/instantiate.hpp"

namespace xgrad::kernels {
namespace {

template <class T>
constexpr std::size_t kLanes = Pack<T, Arch>::size;

// A register as a vector of the compiler's, which shuffles the lanes of two of them in any way.
template <class T>
struct Register {
  typedef T type __attribute__((vector_size(kLanes<T> * sizeof(T))));
};

// A transposition of a tile of as many rows as lanes swaps, for distances D = 1, 2, 4 ..., the
// blocks of D lanes that lie off the diagonal of each 2 D x 2 D block: between row i and row i + D.
template <class T, std::size_t D, class V, std::size_t... C>
[[gnu::always_inline]] inline void swap_blocks(V& a, V& b, std::index_sequence<C...>) {
  constexpr std::size_t n = kLanes<T>;
  const V low = __builtin_shufflevector(a, b, static_cast<int>((C & D) != 0 ? n + C - D : C)...);
  b = __builtin_shufflevector(a, b, static_cast<int>((C & D) != 0 ? n + C : C + D)...);
  a = low;
}

template <class T, std::size_t D, std::size_t I, class V>
[[gnu::always_inline]] inline void swap_with_row(V* r) {
  if constexpr ((I & D) == 0)
    swap_blocks<T, D>(r[I], r[I + D], std::make_index_sequence<kLanes<T>>());
}

template <class T, std::size_t D, class V, std::size_t... I>
[[gnu::always_inline]] inline void transpose_registers(V* r, std::index_sequence<I...> rows) {
  (swap_with_row<T, D, I>(r), ...);
  if constexpr (2 * D < kLanes<T>) transpose_registers<T, 2 * D>(r, rows);
}

template <bool Accumulate, class V, class T>
[[gnu::always_inline]] inline void store(V value, T* y) {
  if constexpr (Accumulate) {
    V before;
    std::memcpy(&before, y, sizeof(V));
    value += before;
  }
  std::memcpy(y, &value, sizeof(V));
}

template <bool Accumulate, class T, std::size_t... I>
[[gnu::always_inline]] inline void transpose_tile(const T* x, std::ptrdiff_t from, T* y,
                                                  std::ptrdiff_t to,
                                                  std::index_sequence<I...> rows) {
  typename Register<T>::type r[kLanes<T>];
  (std::memcpy(&r[I], x + static_cast<std::ptrdiff_t>(I) * from, sizeof(r[I])), ...);
  transpose_registers<T, 1>(r, rows);
  (store<Accumulate>(r[I], y + static_cast<std::ptrdiff_t>(I) * to), ...);
}

// A matrix transposed: y[j to + i] = x[i from + j] for i < n, j < m.
template <bool Accumulate, class T>
void transpose_edge(const T* x, std::ptrdiff_t from, T* y, std::ptrdiff_t to, std::size_t n,
                    std::size_t m) {
  for (std::size_t j = 0; j < m; ++j) {
    T* row = y + static_cast<std::ptrdiff_t>(j) * to;
    for (std::size_t i = 0; i < n; ++i) {
      const T v = x[static_cast<std::ptrdiff_t>(i) * from + static_cast<std::ptrdiff_t>(j)];
      row[i] = Accumulate ? row[i] + v : v;
    }
  }
}

template <bool Accumulate, class T>
void transpose_block(const T* x, std::ptrdiff_t from, T* y, std::ptrdiff_t to, std::size_t n,
                     std::size_t m) {
  constexpr std::size_t w = kLanes<T>;
  const std::size_t tiled_n = n / w * w, tiled_m = m / w * w;
  const auto x_at = [&](std::size_t i, std::size_t j) {
    return x + static_cast<std::ptrdiff_t>(i) * from + j;
  };
  const auto y_at = [&](std::size_t i, std::size_t j) {
    return y + static_cast<std::ptrdiff_t>(j) * to + i;
  };
  for (std::size_t j = 0; j < tiled_m; j += w) {
    for (std::size_t i = 0; i < tiled_n; i += w) {
      transpose_tile<Accumulate>(x_at(i, j), from, y_at(i, j), to, std::make_index_sequence<w>());
    }
  }
  transpose_edge<Accumulate>(x_at(tiled_n, 0), from, y_at(tiled_n, 0), to, n - tiled_n, tiled_m);
  transpose_edge<Accumulate>(x_at(0, tiled_m), from, y_at(0, tiled_m), to, n, m - tiled_m);
}

// In blocks that fit the first-level cache, rows of x and of y.
template <bool Accumulate, class T>
void transpose(const T* x, std::ptrdiff_t from, T* y, std::ptrdiff_t to, std::size_t n,
               std::size_t m) {
  constexpr std::size_t b = 64;
  for (std::size_t j = 0; j < m; j += b) {
    for (std::size_t i = 0; i < n; i += b) {
      const T* first = x + static_cast<std::ptrdiff_t>(i) * from + j;
      T* out = y + static_cast<std::ptrdiff_t>(j) * to + i;
      transpose_block<Accumulate>(first, from, out, to, n - i < b ? n - i : b,
                                  m - j < b ? m - j : b);
    }
  }
}

template <bool Accumulate, class T>
void run_of_neighbours(const T* x, T* y, std::size_t n) {
  using P = Pack<T, Arch>;
  constexpr std::size_t kCall = 256;  // numbers from which on memcpy is worth its call
  if constexpr (!Accumulate) {
    if (n >= kCall) {
      std::memcpy(y, x, n * sizeof(T));
      return;
    }
  }
  std::size_t k = 0;
  for (; k + P::size <= n; k += P::size)
    (Accumulate ? P::load(y + k) + P::load(x + k) : P::load(x + k)).store(y + k);
  for (; k < n; ++k) y[k] = Accumulate ? y[k] + x[k] : x[k];
}

// y[i] = x[-i]. A loop of its own: with the stride in view the compiler reverses whole registers.
template <bool Accumulate, class T>
void run_backwards(const T* x, T* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const T v = x[-static_cast<std::ptrdiff_t>(i)];
    y[i] = Accumulate ? y[i] + v : v;
  }
}

template <bool Accumulate, class T>
void run_with_strides(const T* x, std::ptrdiff_t from, T* y, std::ptrdiff_t to, std::size_t n) {
  const auto last = static_cast<std::ptrdiff_t>(n) - 1;
  if (from == -1 && to == 1) return run_backwards<Accumulate>(x, y, n);
  if (from == 1 && to == -1) return run_backwards<Accumulate>(x + last, y - last, n);
  for (std::ptrdiff_t k = 0; k <= last; ++k) {
    y[k * to] = Accumulate ? y[k * to] + x[k * from] : x[k * from];
  }
}

// inner(x, y) for each index of the axes outside the last `inside`.
template <class T, class Inner>
void each_outer(const T* x, T* y, const CopyLoop& loop, std::size_t inside, const Inner& inner) {
  const std::size_t axes = loop.rank - inside;
  std::size_t index[kMaxRank] = {};
  std::ptrdiff_t from = 0, to = 0;
  for (;;) {
    inner(x + from, y + to);
    std::size_t a = axes;
    for (; a > 0; --a) {
      from += loop.from[a - 1];
      to += loop.to[a - 1];
      if (++index[a - 1] < loop.extent[a - 1]) break;
      from -= loop.from[a - 1] * static_cast<std::ptrdiff_t>(loop.extent[a - 1]);
      to -= loop.to[a - 1] * static_cast<std::ptrdiff_t>(loop.extent[a - 1]);
      index[a - 1] = 0;
    }
    if (a == 0) return;
  }
}

template <bool Accumulate, class T>
void run_loop(const T* x, T* y, const CopyLoop& loop) {
  const std::size_t last = loop.rank - 1, n = loop.extent[last];
  const std::ptrdiff_t from = loop.from[last], to = loop.to[last];
  if (from == 1 && to == 1) {
    return each_outer(x, y, loop, 1,
                      [&](const T* a, T* b) { run_of_neighbours<Accumulate>(a, b, n); });
  }
  if (last > 0 && to == 1 && loop.from[last - 1] == 1) {
    return each_outer(x, y, loop, 2, [&](const T* a, T* b) {
      transpose<Accumulate>(a, from, b, loop.to[last - 1], n, loop.extent[last - 1]);
    });
  }
  each_outer(x, y, loop, 1,
             [&](const T* a, T* b) { run_with_strides<Accumulate>(a, from, b, to, n); });
}

template <class T>
void run_kernel(const T* x, T* y, const CopyLoop& loop, bool accumulate) {
  accumulate ? run_loop<true>(x, y, loop) : run_loop<false>(x, y, loop);
}

}  // namespace

template <Isa I, class T>
CopyKernels<T> make_copy_kernels() {
  return {&run_kernel<T>};
}

template CopyKernels<float> make_copy_kernels<kIsa, float>();
template CopyKernels<double> make_copy_kernels<kIsa, double>();

}  // namespace xgrad::kernels
