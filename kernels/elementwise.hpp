#pragma once

// The kernels an elementwise formula is turned into, for one instruction set A. A formula F is a functor of N
// scalar-like arguments; it is evaluated on Pack<T, A> going forward and on Dual<Pack<T, A>> going back.
// Included by the kernel sources, and by xgrad/ops/map.hpp for users' formulas.

#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

#include "xgrad/kernels/dual.hpp"
#include "xgrad/kernels/loop.hpp"

namespace xgrad::kernels {

/// Calls row(offset of each input, offset of the output) for each run along the innermost axis, in order.
template <std::size_t N, class Row>
[[gnu::always_inline]] inline void for_each_row(const Loop& loop, const Row& row) {
  std::size_t offset[N] = {}, out = 0;
  const std::size_t inner = loop.rank - 1, n = loop.extent[inner];
  if (inner == 0) return row(offset, out);
  std::size_t index[kMaxRank] = {};
  for (;;) {
    row(offset, out);
    out += n;
    std::size_t axis = inner;
    for (;;) {
      if (axis == 0) return;
      --axis;
      if (++index[axis] < loop.extent[axis]) break;
      index[axis] = 0;
      for (std::size_t i = 0; i < N; ++i) offset[i] -= loop.stride[i][axis] * (loop.extent[axis] - 1);
    }
    for (std::size_t i = 0; i < N; ++i) offset[i] += loop.stride[i][axis];
  }
}

/// The last numbers of a row, fewer than a pack: copied to and from a full one.
template <class P>
struct Tail {
  using T = typename P::value_type;
  [[gnu::always_inline]] static P load(const T* p, std::size_t n) {
    alignas(64) T lane[P::size] = {};
    for (std::size_t i = 0; i < n; ++i) lane[i] = p[i];
    return P::load(lane);
  }
  [[gnu::always_inline]] static void store(P x, T* p, std::size_t n) {
    alignas(64) T lane[P::size];
    x.store(lane);
    for (std::size_t i = 0; i < n; ++i) p[i] = lane[i];
  }
};

template <class A, class F, class T, std::size_t N>
struct Elementwise {
  using P = Pack<T, A>;
  using Is = std::make_index_sequence<N>;

  // flatten: a call to the formula inside the loop would pass its packs through memory.
  [[gnu::flatten]] static void forward(const void* functor, const Loop& loop, const T* const* in, T* out) {
    const F& f = *static_cast<const F*>(functor);
    const std::size_t n = loop.extent[loop.rank - 1];
    bool contiguous = true;
    for (std::size_t i = 0; i < N; ++i) contiguous = contiguous && loop.stride[i][loop.rank - 1] == 1;
    for_each_row<N>(loop, [&](const std::size_t* offset, std::size_t o) __attribute__((always_inline)) {
      const T* p[N];
      for (std::size_t i = 0; i < N; ++i) p[i] = in[i] + offset[i];
      if (contiguous) {
        forward_row<true>(f, loop, p, out + o, n, Is{});
      } else {
        forward_row<false>(f, loop, p, out + o, n, Is{});
      }
    });
  }

  /// `Needed` has bit i set when the derivative with respect to input i is wanted.
  template <unsigned Needed>
  [[gnu::flatten]] static void backward(const void* functor, const Loop& loop, const BackwardArguments<T>& a) {
    const F& f = *static_cast<const F*>(functor);
    const std::size_t n = loop.extent[loop.rank - 1];
    for_each_row<N>(loop, [&](const std::size_t* offset, std::size_t o) __attribute__((always_inline)) {
      backward_row<Needed>(f, loop, a, offset, o, n, Is{});
    });
  }

 private:
  template <bool Contiguous, std::size_t... I>
  [[gnu::always_inline]] static void forward_row(const F& f, const Loop& loop, const T* const* p, T* out, std::size_t n,
                                                 std::index_sequence<I...>) {
    const P repeated[N] = {load_repeated<Contiguous>(loop, I, p[I])...};
    std::size_t k = 0;
    for (; k + P::size <= n; k += P::size) {
      const P y = f((Contiguous || stride(loop, I) == 1 ? P::load(p[I] + k) : repeated[I])...);
      y.store(out + k);
    }
    if (k == n) return;
    const P y = f((Contiguous || stride(loop, I) == 1 ? Tail<P>::load(p[I] + k, n - k) : repeated[I])...);
    Tail<P>::store(y, out + k, n - k);
  }

  [[gnu::always_inline]] static std::size_t stride(const Loop& loop, std::size_t i) {
    return loop.stride[i][loop.rank - 1];
  }
  template <bool Contiguous>
  [[gnu::always_inline]] static P load_repeated(const Loop& loop, std::size_t i, const T* p) {
    if (Contiguous || stride(loop, i) != 0) return P(0);
    return P(*p);
  }

  // Input I as the argument of the formula: a variable when its derivative is wanted, a constant otherwise.
  template <unsigned Needed, std::size_t I>
  [[gnu::always_inline]] static auto argument(const P& x) {
    constexpr std::size_t kPartials = count(Needed);
    if constexpr ((Needed >> I & 1U) != 0) {
      return Dual<P, kPartials>::variable(x, partial_of<Needed, I>());
    } else {
      return x;
    }
  }
  static constexpr std::size_t count(unsigned mask) {
    std::size_t c = 0;
    for (; mask != 0; mask >>= 1) c += mask & 1U;
    return c;
  }
  template <unsigned Needed, std::size_t I>
  static constexpr std::size_t partial_of() {
    return count(Needed & ((1U << I) - 1));
  }

  // The derivatives of F at x, times gy; d has one entry for each needed input.
  template <unsigned Needed, std::size_t... I>
  [[gnu::always_inline]] static void derivatives(const F& f, const P* x, const P& y, const P& gy, P* d,
                                                 std::index_sequence<I...>) {
    if constexpr (requires { F::reads; }) {
      d[0] = gy * f.slope(x[0], y);
    } else {
      constexpr std::size_t kPartials = count(Needed);
      const auto r = f(argument<Needed, I>(x[I])...);
      for (std::size_t i = 0; i < kPartials; ++i) {
        if constexpr (std::is_same_v<std::remove_cv_t<decltype(r)>, Dual<P, kPartials>>) {
          d[i] = gy * r.partial[i];
        } else {
          d[i] = P(0);  // the formula does not depend on the needed inputs
        }
      }
    }
  }

  template <unsigned Needed, std::size_t... I>
  [[gnu::always_inline]] static void backward_row(const F& f, const Loop& loop, const BackwardArguments<T>& a,
                                                  const std::size_t* offset, std::size_t o, std::size_t n,
                                                  std::index_sequence<I...> is) {
    // Sums of long rows are taken in pieces, so that rounding errors do not grow with the length.
    constexpr std::size_t kPiece = 4096;
    for (std::size_t begin = 0; begin < n; begin += kPiece) {
      const std::size_t end = n - begin < kPiece ? n : begin + kPiece;
      P sum[N];
      for (std::size_t i = 0; i < N; ++i) sum[i] = P(0);
      const auto step = [&](std::size_t k, std::size_t width, auto load, auto store) __attribute__((always_inline)) {
        const P x[N] = {(stride(loop, I) == 1 ? load(a.in[I] + offset[I] + k) : P(a.in[I][offset[I]]))...};
        const P gy = load(a.gy + o + k), y = a.y != nullptr ? load(a.y + o + k) : P(0);
        P d[N];
        derivatives<Needed>(f, x, y, gy, d, is);
        const auto deliver = [&](auto index) __attribute__((always_inline)) {
          constexpr std::size_t i = index;
          if constexpr ((Needed >> i & 1U) != 0) {
            if (N > 2 && a.gin[i] == nullptr) return;
            const P& g = d[partial_of<Needed, i>()];
            T* const to = a.gin[i] + offset[i] + k;
            if (stride(loop, i) == 0) {
              sum[i] = sum[i] + lanes(g, width);
            } else {
              store(a.accumulate[i] ? load(to) + g : g, to);
            }
          }
        };
        (deliver(std::integral_constant<std::size_t, I>{}), ...);
      };
      std::size_t k = begin;
      for (; k + P::size <= end; k += P::size) {
        step(k, P::size, [](const T* p) __attribute__((always_inline)) { return P::load(p); },
             [](const P& v, T* p) __attribute__((always_inline)) { v.store(p); });
      }
      if (k < end) {
        const std::size_t rest = end - k;
        step(k, rest, [rest](const T* p) __attribute__((always_inline)) { return Tail<P>::load(p, rest); },
             [rest](const P& v, T* p) __attribute__((always_inline)) { Tail<P>::store(v, p, rest); });
      }
      const auto flush = [&](auto index) __attribute__((always_inline)) {
        constexpr std::size_t i = index;
        if constexpr ((Needed >> i & 1U) != 0) {
          if (stride(loop, i) == 0 && (N <= 2 || a.gin[i] != nullptr)) a.gin[i][offset[i]] += sum_lanes(sum[i]);
        }
      };
      (flush(std::integral_constant<std::size_t, I>{}), ...);
    }
  }

  // The first `width` lanes, zeros in the rest.
  [[gnu::always_inline]] static P lanes(const P& x, std::size_t width) {
    if (width == P::size) return x;
    alignas(64) T lane[P::size];
    x.store(lane);
    for (std::size_t i = width; i < P::size; ++i) lane[i] = T(0);
    return P::load(lane);
  }
};

}  // namespace xgrad::kernels
