#include "xgrad/kernels/moments.hpp"

#include <limits>

#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/rows.hpp"

#define XGRAD_INLINE __attribute__((always_inline))

namespace xgrad::kernels {
namespace {

template <class T>
void squares_kernel(const T* x, T* y, AxisView view) {
  using P = Pack<T, Arch>;
  each_row_by_length<P>(view, [&](std::size_t first, std::size_t result, const auto& row) {
    const P s = sum_along<P>(row, [&](std::size_t at, auto width)
                                      XGRAD_INLINE { return square(load(x + first + at, width)); });
    row.store_result(s, y + result);
  });
}

template <class T>
void moments_kernel(const T* x, const T* center, T* sum, T* squares, AxisView view) {
  using P = Pack<T, Arch>;
  each_row_by_length<P>(view, [&](std::size_t first, std::size_t result, const auto& row) {
    const P c = row.load_result(center + result);
    const T fill = center[result];
    const Two<P> s = sum_along<Two<P>>(row, [&](std::size_t at, auto width) XGRAD_INLINE {
      const P d = load(x + first + at, width, fill) - c;
      return Two<P>{d, d * d};
    });
    row.store_result(s.first, sum + result);
    row.store_result(s.second, squares + result);
  });
}

template <class T>
bool any_far_off_kernel(const T* sum, const T* squares, std::size_t n, T inverse) {
  using P = Pack<T, Arch>;
  bool far_off = false;
  each_pack<P>(n, [&](std::size_t k, auto width, auto) XGRAD_INLINE {
    const P s = load(sum + k, width);
    far_off |= any(s * (s * P(inverse)) > P(T(0.5)) * load(squares + k, width));
  });
  return far_off;
}

template <class T>
void take_out_centers_kernel(T* sum, T* squares, std::size_t n, T inverse) {
  using P = Pack<T, Arch>;
  const P zero(0), largest(std::numeric_limits<T>::max());
  each_pack<P>(n, [&](std::size_t k, auto width, auto) XGRAD_INLINE {
    const P s = load(sum + k, width), all = load(squares + k, width);
    const P rest = s * P(inverse), due = s * rest, left = all - due;
    const P otherwise = where(all <= largest && due >= all, zero, all);
    store(rest, sum + k, width);
    store(where(left > zero, left, otherwise), squares + k, width);
  });
}

// One row of numbers that share center, rest and scale (P) or have their own (memory).
template <class P, class T, class At>
[[gnu::always_inline]] inline void deviate(const T* x, T* y, std::size_t n, bool accumulate,
                                           const At& at) {
  each_pack<P>(n, [&](std::size_t k, auto width, auto) XGRAD_INLINE {
    const auto [center, rest, scale] = at(k, width);
    put(scale * ((load(x + k, width) - center) - rest), y + k, width, accumulate);
  });
}

template <class P>
struct CenterAndScale {
  P center, rest, scale;
};

// The numbers of a pack at p + k, or 0.
template <class P, class T, class Width>
[[gnu::always_inline]] inline P load_if(const T* p, std::size_t k, Width width) {
  return p != nullptr ? load(p + k, width) : P(0);
}

template <class T>
void deviations_kernel(const T* x, const T* center, const T* rest, const T* scale, T* y,
                       AxisView view, bool accumulate) {
  using P = Pack<T, Arch>;
  using Numbers = CenterAndScale<P>;
  for (std::size_t o = 0; o < view.outer; ++o) {
    const T* const c = center != nullptr ? center + o * view.inner : nullptr;
    const T* const r = rest != nullptr ? rest + o * view.inner : nullptr;
    const T* const f = scale + o * view.inner;
    const std::size_t first = o * view.n * view.inner;
    if (view.inner == 1) {
      const Numbers same{c != nullptr ? *c : T(0), r != nullptr ? *r : T(0), *f};
      deviate<P>(x + first, y + first, view.n, accumulate,
                 [&](std::size_t, auto) XGRAD_INLINE { return same; });
      continue;
    }
    for (std::size_t i = first; i < first + view.n * view.inner; i += view.inner) {
      deviate<P>(x + i, y + i, view.inner, accumulate, [&](std::size_t k, auto width) XGRAD_INLINE {
        return Numbers{load_if<P>(c, k, width), load_if<P>(r, k, width), load(f + k, width)};
      });
    }
  }
}

}  // namespace

template <Isa I, class T>
MomentKernels<T> make_moment_kernels() {
  return {&squares_kernel<T>, &moments_kernel<T>, &any_far_off_kernel<T>,
          &take_out_centers_kernel<T>, &deviations_kernel<T>};
}

template MomentKernels<float> make_moment_kernels<kIsa, float>();
template MomentKernels<double> make_moment_kernels<kIsa, double>();

}  // namespace xgrad::kernels
