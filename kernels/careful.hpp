#pragma once

// The backward pass of one element, for where a kernel met 0 times infinity: evaluated on Number,
// whose product of slopes is 0 where one of them is.

#include <cstddef>
#include <utility>

#include "xgrad/kernels/dual.hpp"
#include "xgrad/kernels/formulas/contract.hpp"

namespace xgrad::kernels {

/// The gradient of each input at one element, with the product of slopes that is 0 where one is.
template <class F, class T, std::size_t... I>
void careful_gradients(const F& f, const T* x, T y, T gy, T* g, std::index_sequence<I...>) {
  using X = Number<T>;
  constexpr std::size_t N = sizeof...(I);
  if constexpr (xgrad::detail::kIsOfOne<F>) {
    g[0] = times(X(gy), f.slope(X(x[0]), X(y))).value;
  } else if constexpr (xgrad::detail::kIsOfTwo<F>) {
    g[0] = times(X(gy), f.by_first(X(x[0]), X(x[1]), X(y))).value;
    g[1] = times(X(gy), f.by_second(X(x[0]), X(x[1]), X(y))).value;
  } else {
    const Dual<X, N> d = f(Dual<X, N>::variable(X(x[I]), I)...);
    ((g[I] = times(X(gy), d.partial[I]).value), ...);
  }
}
template <class F, class T, std::size_t N>
void careful_gradients(const void* functor, const T* x, T y, T gy, T* g) {
  careful_gradients(*static_cast<const F*>(functor), x, y, gy, g, std::make_index_sequence<N>{});
}

}  // namespace xgrad::kernels
