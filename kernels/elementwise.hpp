#pragma once

// The kernels an elementwise formula is turned into, for one instruction set A. A formula F is a
// functor of N scalar-like arguments; it is evaluated on Pack<T, A> going forward and on
// Dual<Pack<T, A>> going back. Included by the kernel sources, and by xgrad/ops/map.hpp for
// users' formulas.

#include <bit>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/dual.hpp"
#include "xgrad/kernels/formulas/contract.hpp"
#include "xgrad/kernels/functions.hpp"
#include "xgrad/kernels/loop.hpp"
#include "xgrad/kernels/width.hpp"

namespace xgrad::kernels {

/// Calls row(offset of each input, offset of the output) for each run along the innermost axis,
/// in order.
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

/// The gradient g of input i, taken again one by one where it is NaN: with the product of slopes in
/// which 0 wins over infinity. Pure and by value, so that the loop that calls it, which is hardly
/// ever, need not keep anything in memory for it.
template <class P, class T, class... X>
[[gnu::noinline, gnu::cold, gnu::pure]] P repaired(CarefulGradients<T> careful, const void* functor,
                                                   std::size_t i, P g, P y, P gy, X... x) {
  if (careful == nullptr) return g;
  constexpr std::size_t N = sizeof...(X);
  alignas(64) T gradients[P::size], of_y[P::size], of_gy[P::size], of_x[N][P::size];
  g.store(gradients);
  y.store(of_y);
  gy.store(of_gy);
  std::size_t input = 0;
  (x.store(of_x[input++]), ...);
  for (std::size_t k = 0; k < P::size; ++k) {
    if (gradients[k] == gradients[k]) continue;
    T at[N], all[N];
    for (std::size_t n = 0; n < N; ++n) at[n] = of_x[n][k];
    careful(functor, at, of_y[k], of_gy[k], all);
    gradients[k] = all[i];
  }
  return P::load(gradients);
}

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
      return Contiguous || stride(loop, i) == 1 ? load(p[i] + k, width) : r;
    };
    std::size_t k = 0;
    for (; k + P::size <= n; k += P::size) {
      const P y = f(argument(I, repeated[I], k, Full<P>())...);
      y.store(out + k);
    }
    if (k == n) return;
    const First<P> rest{n - k};
    const P y = f(argument(I, repeated[I], k, rest)...);
    store(y, out + k, rest);
  }

  // Input I as the argument of the formula: a variable when its derivative is wanted, a
  // constant otherwise.
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
    if constexpr (xgrad::detail::kIsOfOne<F>) {
      return Derivatives<Needed>::make(y, [&](std::size_t) { return f.slope(x[0], y); });
    } else if constexpr (xgrad::detail::kIsOfTwo<F>) {
      return Derivatives<Needed>::make(y, [&](std::size_t i) {
        return Needed == 2 || i == 1 ? f.by_second(x[0], x[1], y) : f.by_first(x[0], x[1], y);
      });
    } else {
      return f(argument<Needed, I>(
          x[I])...);  // a pack, for a formula that does not depend on the needed inputs
    }
  }

  template <unsigned Needed, std::size_t... I>
  static void backward_row(const F& f, const Loop& loop, const BackwardArguments<T>& a,
                           const std::size_t* offset, std::size_t o, std::index_sequence<I...>) {
    // Sums of long rows are taken in pieces, so that rounding errors do not grow with the length: as
    // many additions to each lane, however wide a pack is.
    constexpr std::size_t kPiece = 256 * P::size;
    const std::size_t n = loop.extent[loop.rank - 1];
    for (std::size_t begin = 0; begin < n; begin += kPiece) {
      const std::size_t end = n - begin < kPiece ? n : begin + kPiece;
      P sum[N] = {(static_cast<void>(I), P(0))...};
      for (std::size_t k = begin; k < end; k += P::size) {
        while (k + P::size <= end && step<Needed, I...>(f, loop, a, offset, o, k, Full<P>(), sum)) {
          k += P::size;
        }
        if (k >= end) break;
        const std::size_t rest = end - k < P::size ? end - k : P::size;
        step<Needed, I...>(f, loop, a, offset, o, k, First<P>{rest}, sum);
      }
      (flush<Needed, I>(loop, a, offset, sum[I]), ...);
    }
  }

  // One pack of a row. What belongs to an input that is repeated along it joins the input's sum.
  // False, with nothing done, when whole packs are not enough because there is a NaN: then it is the
  // tail's turn, which looks at each number, and the loop of whole packs stays short.
  template <unsigned Needed, std::size_t... I, class Width>
  static bool step(const F& f, const Loop& loop, const BackwardArguments<T>& a,
                   const std::size_t* offset, std::size_t o, std::size_t k, const Width& width,
                   P* sum) {
    // Lanes that are not in memory are filled with a number where slopes are finite.
    const P x[N] = {(stride(loop, I) == 1 ? load(a.in[I] + offset[I] + k, width, T(0.5))
                                          : P(a.in[I][offset[I]]))...};
    const P gy = load(a.gy + o + k, width);
    const P y = a.y != nullptr ? load(a.y + o + k, width, T(0.5)) : P(0);
    const Derivatives<Needed> d = derivatives<Needed>(f, x, y, std::index_sequence<I...>{});
    P g[N] = {gradient<Needed, I>(a, gy, d)...};
    const P all = total<Needed, I...>(g);
    if (!xsimd::all((all == all).raw)) [[unlikely]] {
      if constexpr (std::is_same_v<Width, Full<P>>) return false;
      (repair<Needed, I>(a, f, g[I], y, gy, x, Is{}), ...);
    }
    (deliver<Needed, I>(loop, a, offset, k, width, g[I], sum[I]), ...);
    return true;
  }

  template <unsigned Needed, std::size_t I>
  static P gradient(const BackwardArguments<T>& a, const P& gy, const Derivatives<Needed>& d) {
    if constexpr ((Needed >> I & 1U) == 0) {
      return P(0);
    } else {
      return N > 2 && a.gin[I] == nullptr ? P(0) : gy * d.partial[partial_of<Needed, I>()];
    }
  }

  template <unsigned Needed, std::size_t J, std::size_t... I>
  static void repair(const BackwardArguments<T>& a, const F& f, P& g, const P& y, const P& gy,
                     const P* x, std::index_sequence<I...>) {
    if constexpr ((Needed >> J & 1U) != 0) {
      g = repaired<P, T>(a.careful, &f, J, g, y, gy, x[I]...);
    }
  }

  template <unsigned Needed, std::size_t... I>
  static P total(const P* g) {
    constexpr std::size_t kFirst = std::countr_zero(Needed);
    P sum = g[kFirst];
    const auto add = [&]<std::size_t J>() {
      if constexpr (J > kFirst && (Needed >> J & 1U) != 0) sum = sum + g[J];
    };
    (add.template operator()<I>(), ...);
    return sum;
  }

  template <unsigned Needed, std::size_t I, class Width>
  static void deliver(const Loop& loop, const BackwardArguments<T>& a, const std::size_t* offset,
                      std::size_t k, const Width& width, const P& g, P& sum) {
    if constexpr ((Needed >> I & 1U) != 0) {
      if (N > 2 && a.gin[I] == nullptr) return;
      T* const to = a.gin[I] + offset[I] + k;
      if (stride(loop, I) == 0) {
        sum = sum + in_memory(g, width);
      } else {
        put(g, to, width, a.accumulate[I]);
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

/// The kernels of a formula that is differentiated, for instruction set A.
template <class A, class F, class T, std::size_t N>
ElementwiseKernels<T> make_elementwise_kernels() {
  using K = Elementwise<A, F, T, N>;
  if constexpr (N == 1) {
    return {&K::forward, {nullptr, &K::template backward<1>, nullptr, nullptr}};
  } else if constexpr (N == 2) {
    return {
        &K::forward,
        {nullptr, &K::template backward<1>, &K::template backward<2>, &K::template backward<3>}};
  } else {
    return {&K::forward, {&K::template backward<(1U << N) - 1>, nullptr, nullptr, nullptr}};
  }
}

}  // namespace xgrad::kernels
