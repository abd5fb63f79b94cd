#pragma once

// The kernels an elementwise formula is turned into, for one instruction set A. A formula F is a
// functor of N scalar-like arguments; it is evaluated on Pack<T, A> going forward and on
// Dual<Pack<T, A>> going back. Included by the kernel sources, and by xgrad/ops/map.hpp for users'
// formulas.

#include <cstddef>
#include <type_traits>
#include <utility>

#include "xgrad/kernels/dual.hpp"
#include "xgrad/kernels/loop.hpp"

namespace xgrad::kernels {

/// Calls row(offset of each input, offset of the output) for each run along the innermost axis, in
/// order.
template <std::size_t N, class Row>
inline void for_each_row(const Loop& loop, const Row& row) {
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
      for (std::size_t i = 0; i < N; ++i)
        offset[i] -= loop.stride[i][axis] * (loop.extent[axis] - 1);
    }
    for (std::size_t i = 0; i < N; ++i) offset[i] += loop.stride[i][axis];
  }
}

/// Full packs of a row, and the last numbers of it, fewer than a pack.
template <class P>
struct Whole {
  using T = typename P::value_type;
  [[gnu::always_inline]] P load(const T* p) const { return P::load(p); }
  [[gnu::always_inline]] void store(const P& x, T* p) const { x.store(p); }
  [[gnu::always_inline]] P lanes(const P& x) const { return x; }
};
template <class P>
struct Tail {
  using T = typename P::value_type;
  std::size_t n;

  [[gnu::always_inline]] P load(const T* p) const { return P::load_first(p, n); }
  [[gnu::always_inline]] void store(const P& x, T* p) const { x.store_first(p, n); }
  /// Zeros in the lanes that are not in memory.
  [[gnu::always_inline]] P lanes(const P& x) const {
    alignas(64) T lane[P::size];
    x.store(lane);
    return P::load_first(lane, n);
  }
};

template <class A, class F, class T, std::size_t N>
struct Elementwise {
  using P = Pack<T, A>;
  using Is = std::make_index_sequence<N>;

  // The formula must be inlined into the loop: a call would pass its packs through memory.
  // `flatten` asks for that, and GCC obeys only where it has looked at the formula before, which it
  // makes sure of unless an always_inline function calls it. So none of the functions between here
  // and the formula is one.
  [[gnu::flatten]] static void forward(const void* functor, const Loop& loop, const T* const* in,
                                       T* out) {
    const F& f = *static_cast<const F*>(functor);
    bool contiguous = true;
    for (std::size_t i = 0; i < N; ++i) contiguous = contiguous && stride(loop, i) == 1;
    for_each_row<N>(loop, [&](const std::size_t* offset, std::size_t o) {
      if (contiguous) {
        forward_row<true>(f, loop, in, offset, out + o, Is{});
      } else {
        forward_row<false>(f, loop, in, offset, out + o, Is{});
      }
    });
  }

  /// `Needed` has bit i set when the derivative with respect to input i is wanted.
  template <unsigned Needed>
  [[gnu::flatten]] static void backward(const void* functor, const Loop& loop,
                                        const BackwardArguments<T>& a) {
    const F& f = *static_cast<const F*>(functor);
    for_each_row<N>(loop, [&](const std::size_t* offset, std::size_t o) {
      backward_row<Needed>(f, loop, a, offset, o, Is{});
    });
  }

 private:
  static std::size_t stride(const Loop& loop, std::size_t i) {
    return loop.stride[i][loop.rank - 1];
  }

  template <bool Contiguous, std::size_t... I>
  static void forward_row(const F& f, const Loop& loop, const T* const* in,
                          const std::size_t* offset, T* out, std::index_sequence<I...>) {
    const std::size_t n = loop.extent[loop.rank - 1];
    const T* const p[N] = {in[I] + offset[I]...};
    const P repeated[N] = {Contiguous || stride(loop, I) == 1 ? P(0) : P(*p[I])...};
    const auto argument = [&](std::size_t i, const P& r, std::size_t k, auto width) {
      return Contiguous || stride(loop, i) == 1 ? width.load(p[i] + k) : r;
    };
    std::size_t k = 0;
    for (; k + P::size <= n; k += P::size) {
      const P y = f(argument(I, repeated[I], k, Whole<P>())...);
      y.store(out + k);
    }
    if (k == n) return;
    const Tail<P> rest{n - k};
    const P y = f(argument(I, repeated[I], k, rest)...);
    rest.store(y, out + k);
  }

  // Input I as the argument of the formula: a variable when its derivative is wanted, a constant
  // otherwise.
  template <unsigned Needed, std::size_t I>
  static auto argument(const P& x) {
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

  /// The derivative with respect to each needed input.
  template <unsigned Needed>
  using Derivatives = Dual<P, count(Needed)>;

  // The derivatives of F at x, where it is y.
  template <unsigned Needed, std::size_t... I>
  static Derivatives<Needed> derivatives(const F& f, const P* x, const P& y,
                                         std::index_sequence<I...>) {
    if constexpr (requires { F::reads; }) {
      return Derivatives<Needed>::make(y, [&](std::size_t) { return f.slope(x[0], y); });
    } else {
      return f(argument<Needed, I>(
          x[I])...);  // a pack, for a formula that does not depend on the needed inputs
    }
  }

  template <unsigned Needed, std::size_t... I>
  static void backward_row(const F& f, const Loop& loop, const BackwardArguments<T>& a,
                           const std::size_t* offset, std::size_t o, std::index_sequence<I...>) {
    // Sums of long rows are taken in pieces, so that rounding errors do not grow with the length.
    constexpr std::size_t kPiece = 4096;
    const std::size_t n = loop.extent[loop.rank - 1];
    for (std::size_t begin = 0; begin < n; begin += kPiece) {
      const std::size_t end = n - begin < kPiece ? n : begin + kPiece;
      P sum[N] = {(static_cast<void>(I), P(0))...};
      std::size_t k = begin;
      for (; k + P::size <= end; k += P::size) {
        step<Needed, I...>(f, loop, a, offset, o, k, Whole<P>(), sum);
      }
      if (k < end) step<Needed, I...>(f, loop, a, offset, o, k, Tail<P>{end - k}, sum);
      (flush<Needed, I>(loop, a, offset, sum[I]), ...);
    }
  }

  // One pack of a row. What belongs to an input that is repeated along it joins the input's sum.
  template <unsigned Needed, std::size_t... I, class Width>
  static void step(const F& f, const Loop& loop, const BackwardArguments<T>& a,
                   const std::size_t* offset, std::size_t o, std::size_t k, const Width& width,
                   P* sum) {
    const P x[N] = {
        (stride(loop, I) == 1 ? width.load(a.in[I] + offset[I] + k) : P(a.in[I][offset[I]]))...};
    const P gy = width.load(a.gy + o + k), y = a.y != nullptr ? width.load(a.y + o + k) : P(0);
    const Derivatives<Needed> d = derivatives<Needed>(f, x, y, std::index_sequence<I...>{});
    (deliver<Needed, I>(loop, a, offset, k, width, gy, d, sum[I]), ...);
  }

  template <unsigned Needed, std::size_t I, class Width>
  static void deliver(const Loop& loop, const BackwardArguments<T>& a, const std::size_t* offset,
                      std::size_t k, const Width& width, const P& gy, const Derivatives<Needed>& d,
                      P& sum) {
    if constexpr ((Needed >> I & 1U) != 0) {
      if (N > 2 && a.gin[I] == nullptr) return;
      const P g = gy * d.partial[partial_of<Needed, I>()];
      T* const to = a.gin[I] + offset[I] + k;
      if (stride(loop, I) == 0) {
        sum = sum + width.lanes(g);
      } else {
        width.store(a.accumulate[I] ? width.load(to) + g : g, to);
      }
    }
  }

  template <unsigned Needed, std::size_t I>
  static void flush(const Loop& loop, const BackwardArguments<T>& a, const std::size_t* offset,
                    const P& sum) {
    if constexpr ((Needed >> I & 1U) != 0) {
      if (stride(loop, I) == 0 && (N <= 2 || a.gin[I] != nullptr))
        a.gin[I][offset[I]] += sum_lanes(sum);
    }
  }
};

}  // namespace xgrad::kernels
