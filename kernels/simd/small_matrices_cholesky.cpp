#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/small_groups.hpp"

#define XGRAD_INLINE [[gnu::always_inline]] inline

namespace xgrad::kernels {
namespace {

template <class T>
using P = Pack<T, Arch>;
template <class T>
using Interleaved = Lanes<P<T>>;
template <class T>
using Matrix = MatrixInLanes<P<T>>;

template <class T, class Order>
XGRAD_INLINE void factor_cholesky(Interleaved<T> a, Order n, Failures<P<T>>& failures) {
  for (std::size_t j = 0; j < n; ++j) {
    P<T> d = a[j * n + j];
    failures.look_at(d);
    for (std::size_t k = 0; k < j; ++k) {
      const P<T> l = a[j * n + k];
      d = d - l * l;
    }
    failures.fail_where(!(d > P<T>(0)), j + 1);
    const P<T> root = sqrt(d), reciprocal = P<T>(1) / root;
    a.set(j * n + j, root);
    for (std::size_t i = j + 1; i < n; ++i) {
      P<T> v = a[i * n + j];
      failures.look_at(v);
      for (std::size_t k = 0; k < j; ++k) v = v - a[i * n + k] * a[j * n + k];
      a.set(i * n + j, v * reciprocal);
      a.set(j * n + i, P<T>(0));
    }
  }
}

template <class T>
SmallOutcome cholesky_kernel(std::size_t count, std::size_t n, const T* a, T* l) {
  SmallOutcome outcome;
  Matrix<T> m;
  over_groups<P<T>>(count, n, [&](std::size_t first, std::size_t lanes, auto order) {
    const std::size_t size = order * order;
    Failures<P<T>> failures;
    m.read(a + first * size, size, lanes, size);
    factor_cholesky(m, order, failures);
    m.write(l + first * size, false, size, lanes, size);
    failures.tell(first, lanes, outcome);
  });
  return outcome;
}

// A column at a time, from the last one; g has the gradient by l in its lower triangle.
template <class T, class Order>
XGRAD_INLINE void cholesky_gradient(Interleaved<T> l, Interleaved<T> g, Order n) {
  for (std::size_t j = n; j-- > 0;) {
    const P<T> reciprocal = P<T>(1) / l[j * n + j];
    P<T> along(0);
    for (std::size_t i = j + 1; i < n; ++i) along = along + l[i * n + j] * g[i * n + j];
    const P<T> gd = (g[j * n + j] - along * reciprocal) * reciprocal;
    for (std::size_t i = j + 1; i < n; ++i) g.set(i * n + j, g[i * n + j] * reciprocal);
    for (std::size_t k = 0; k < j; ++k) {
      const P<T> r = l[j * n + k];
      P<T> gr = g[j * n + k] - gd * r;
      for (std::size_t i = j + 1; i < n; ++i) {
        const P<T> gc = g[i * n + j];
        gr = gr - gc * l[i * n + k];
        g.set(i * n + k, g[i * n + k] - gc * r);
      }
      g.set(j * n + k, gr);
    }
    g.set(j * n + j, gd * P<T>(0.5));
  }
}

template <class T, class Order>
XGRAD_INLINE void halve_and_mirror(Interleaved<T> g, Order n) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const P<T> half = g[i * n + j] * P<T>(0.5);
      g.set(i * n + j, half);
      g.set(j * n + i, half);
    }
  }
}

template <class T>
void cholesky_backward_kernel(std::size_t count, std::size_t n, const T* l, const T* gl,
                              SmallResult<T> ga) {
  Matrix<T> factor, g;
  over_groups<P<T>>(count, n, [&](std::size_t first, std::size_t lanes, auto order) {
    const std::size_t size = order * order, at = first * size;
    factor.read(l + at, size, lanes, size);
    g.read(gl + at, size, lanes, size);
    cholesky_gradient(factor, g, order);
    halve_and_mirror(g, order);
    g.write(ga.data + at, ga.accumulate, size, lanes, size);
  });
}

}  // namespace

template <Isa I, class T>
SmallCholeskyKernels<T> make_small_cholesky_kernels() {
  return {&cholesky_kernel<T>, &cholesky_backward_kernel<T>};
}

template SmallCholeskyKernels<float> make_small_cholesky_kernels<kIsa, float>();
template SmallCholeskyKernels<double> make_small_cholesky_kernels<kIsa, double>();

}  // namespace xgrad::kernels
