#pragma once

// How many lanes of a pack are in memory: all of them, or, at the end of a row, the first few.

#include <cstddef>

#include "xgrad/kernels/pack.hpp"

namespace xgrad::kernels {

template <class P>
struct Full {};
template <class P>
struct First {
  std::size_t n;
};

template <class P, class T>
[[gnu::always_inline]] inline P load(const T* p, Full<P>, T = T(0)) {
  return P::load(p);
}
/// `fill` in the lanes that are not in memory.
template <class P, class T>
[[gnu::always_inline]] inline P load(const T* p, First<P> width, T fill = T(0)) {
  return P::load_first(p, width.n, fill);
}
template <class P, class T>
[[gnu::always_inline]] inline void store(P x, T* p, Full<P>) {
  x.store(p);
}
template <class P, class T>
[[gnu::always_inline]] inline void store(P x, T* p, First<P> width) {
  x.store_first(p, width.n);
}
/// Stores, or adds to what is there.
template <class P, class T, class Width>
[[gnu::always_inline]] inline void put(P x, T* p, Width width, bool accumulate) {
  store(accumulate ? load(p, width) + x : x, p, width);
}

/// x, with zeros in the lanes that are not in memory.
template <class P>
[[gnu::always_inline]] inline P in_memory(const P& x, Full<P>) {
  return x;
}
template <class P>
[[gnu::always_inline]] inline P in_memory(const P& x, First<P> width) {
  alignas(64) typename P::value_type lane[P::size];
  x.store(lane);
  return P::load_first(lane, width.n);
}

}  // namespace xgrad::kernels
