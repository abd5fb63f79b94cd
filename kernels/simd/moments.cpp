#include "xgrad/kernels/moments.hpp"

#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/rows.hpp"

#define XGRAD_INLINE __attribute__((always_inline))

namespace xgrad::kernels {
namespace {

template <class T>
using P = Pack<T, Arch>;

template <class T>
void squares_kernel(const T* x, T* y, AxisView view) {
  each_group<P<T>>(view, [&](std::size_t first, std::size_t result, auto rows, auto width) {
    const P<T> s = rows.template sums<P<T>>([&](auto row) XGRAD_INLINE {
      return [from = x + first + row.first](std::size_t at, auto part)
                 XGRAD_INLINE { return square(load(from + at, part)); };
    });
    store(s, y + result, width);
  });
}

// The sums of x - center, and of their squares.
template <class T, class Rows>
[[gnu::always_inline]] inline Two<P<T>> around(const T* x, const T* center, const Rows& rows) {
  return rows.template sums<Two<P<T>>>([&](auto row) XGRAD_INLINE {
    const P<T> c = row.load_result(center);
    return [c, from = x + row.first, fill = center[row.result]](std::size_t at, auto width)
               XGRAD_INLINE {
                 const P<T> d = load(from + at, width, fill) - c;
                 return Two<P<T>>{d, d * d};
               };
  });
}

template <class T>
void moments_kernel(const T* x, T* center, T* sum, T* squares, AxisView view, bool finish) {
  const T inverse = 1 / static_cast<T>(view.n);
  each_group<P<T>>(view, [&](std::size_t first, std::size_t result, auto rows, auto width) {
    T* const c = center + result;
    Two<P<T>> s = around(x + first, c, rows);
    if (finish) {
      if (const auto far = is_far_off(s.first, s.second, inverse); any(far)) {
        const P<T> old = load(c, width);
        store(where(far, old + s.first * P<T>(inverse), old), c, width);
        s = around(x + first, c, rows);
      }
      s.first = take_out_center(s.first, s.second, inverse);
    }
    store(s.first, sum + result, width);
    store(s.second, squares + result, width);
  });
}

template <class P>
struct CenterAndScale {
  P center, rest, scale;
  [[gnu::always_inline]] P operator()(P x) const { return scale * ((x - center) - rest); }
};

// The numbers of a pack at p + k, or 0.
template <class P, class T, class Width>
[[gnu::always_inline]] inline P load_if(const T* p, std::size_t k, Width width) {
  return p != nullptr ? load(p + k, width) : P(0);
}

template <class T>
void deviations_kernel(const T* x, const T* center, const T* rest, const T* scale, T* y,
                       AxisView view, bool accumulate) {
  using Numbers = CenterAndScale<P<T>>;
  for (std::size_t o = 0; o < view.outer; ++o) {
    const T* const c = center != nullptr ? center + o * view.inner : nullptr;
    const T* const r = rest != nullptr ? rest + o * view.inner : nullptr;
    const T* const f = scale + o * view.inner;
    const T* const from = x + o * view.n * view.inner;
    T* const to = y + o * view.n * view.inner;
    if (view.inner == 1) {
      const Numbers same{c != nullptr ? *c : T(0), r != nullptr ? *r : T(0), *f};
      each_pack<P<T>>(view.n, [&](std::size_t k, auto width, auto) XGRAD_INLINE {
        put(same(load(from + k, width)), to + k, width, accumulate);
      });
      continue;
    }
    by_rows<P<T>, 4>(view.n, view.inner, view.inner,
                     [&](std::size_t at, std::size_t k, auto width, auto count) XGRAD_INLINE {
                       const Numbers own{load_if<P<T>>(c, k, width), load_if<P<T>>(r, k, width),
                                         load(f + k, width)};
                       for (std::size_t i = at; i < at + count * view.inner; i += view.inner)
                         put(own(load(from + i, width)), to + i, width, accumulate);
                     });
  }
}

}  // namespace

template <Isa I, class T>
MomentKernels<T> make_moment_kernels() {
  return {&squares_kernel<T>, &moments_kernel<T>, &deviations_kernel<T>};
}

template MomentKernels<float> make_moment_kernels<kIsa, float>();
template MomentKernels<double> make_moment_kernels<kIsa, double>();

}  // namespace xgrad::kernels
