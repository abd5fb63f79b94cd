#pragma once

// For the sources of kernels/formulas only, as instantiate.hpp: their formulas as GroupKernels.

#include "xgrad/kernels/groups.hpp"
#include "xgrad/kernels/instantiate.hpp"

namespace xgrad::kernels {

template <class A, class F, class T>
struct Groups {
  using P = Pack<T, A>;
  static constexpr std::size_t kGroup = kGroupBytes / sizeof(T), kInputs = F::Kind::arity;

  [[gnu::flatten]] static void value(const void* functor, const T* x, const T* y, T* z) {
    const F& f = *static_cast<const F*>(functor);
    for (std::size_t k = 0; k < kGroup; k += P::size) {
      if constexpr (kInputs == 1) {
        f(P::load(x + k)).store(z + k);
      } else {
        f(P::load(x + k), P::load(y + k)).store(z + k);
      }
    }
  }

  template <std::size_t I>
  [[gnu::flatten]] static void slope(const void* functor, const T* x, const T* y, const T* z,
                                     T* d) {
    const F& f = *static_cast<const F*>(functor);
    for (std::size_t k = 0; k < kGroup; k += P::size)
      slope_at<I>(f, P::load(x + k), P::load(y + k), P::load(z + k)).store(d + k);
  }

  [[gnu::flatten]] static void both(const void* functor, const T* x, const T*, T* z, T* d) {
    const F& f = *static_cast<const F*>(functor);
    for (std::size_t k = 0; k < kGroup; k += P::size) {
      const P at = P::load(x + k), value = f(at);
      value.store(z + k);
      f.slope(at, value).store(d + k);
    }
  }

 private:
  template <std::size_t I>
  static P slope_at(const F& f, const P& x, const P& y, const P& z) {
    if constexpr (xgrad::detail::kIsOfOne<F>) {
      return f.slope(x, z);
    } else if constexpr (xgrad::detail::kIsOfTwo<F>) {
      return I == 0 ? f.by_first(x, y, z) : f.by_second(x, y, z);
    } else {
      using D = Dual<P, 1>;
      if constexpr (kInputs == 1) {
        return D(f(D::variable(x, 0))).partial[0];
      } else if constexpr (I == 0) {
        return D(f(D::variable(x, 0), y)).partial[0];
      } else {
        return D(f(x, D::variable(y, 0))).partial[0];
      }
    }
  }
};

template <class A, class F, class T>
GroupKernels<T> make_group_kernels() {
  using G = Groups<A, F, T>;
  GroupKernels<T> kernels;
  if constexpr (F::Kind::arity <= 2) {
    kernels.value = &G::value;
    if constexpr (!xgrad::detail::kMask<typename F::Kind>) {
      kernels.slope[0] = &G::template slope<0>;
      if constexpr (F::Kind::arity == 2) kernels.slope[1] = &G::template slope<1>;
      if constexpr (xgrad::detail::kIsOfOne<F>) kernels.both = &G::both;
    }
  }
  return kernels;
}

template <class A, class F>
void add_group(GroupTable& table) {
  table.add(elementwise_kernels<kIsa, F, float>().forward, make_group_kernels<A, F, float>());
  table.add(elementwise_kernels<kIsa, F, double>().forward, make_group_kernels<A, F, double>());
}

}  // namespace xgrad::kernels

/// Adds formula F in both types.
#define XGRAD_GROUPS(F) add_group<Arch, F>(table);
