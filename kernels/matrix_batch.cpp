#include "xgrad/kernels/matrix_batch.hpp"

#include <algorithm>

namespace xgrad::kernels {
namespace {

double cube(std::size_t n) {
  const auto x = static_cast<double>(n);
  return x * x * x;
}

// each(i), which returns nothing.
template <class Each>
void over_matrices(std::size_t count, double work, const Each& each) {
  static_cast<void>(lapack::for_each_matrix(count, work, [&](std::size_t i) {
    each(i);
    return lapack::Outcome{};
  }));
}

}  // namespace

template <class T>
BatchOutcome factor_cholesky(std::size_t count, std::size_t n, const T* a, T* l) {
  const std::size_t size = n * n;
  return lapack::for_each_matrix(count, cube(n) / 3, [&](std::size_t i) {
    std::copy_n(a + i * size, size, l + i * size);
    return lapack::Outcome{factor_cholesky(n, l + i * size)};
  });
}

template <class T>
void cholesky_backward(std::size_t count, std::size_t n, const T* l, const T* gl, T* ga) {
  const std::size_t size = n * n;
  over_matrices(count, cube(n), [&](std::size_t i) {
    std::copy_n(gl + i * size, size, ga + i * size);
    cholesky_backward(n, l + i * size, ga + i * size);
  });
}

template <class T>
BatchOutcome factor_lu(std::size_t count, std::size_t n, const T* a, T* lu) {
  return lapack::for_each_matrix(count, cube(n) * 2 / 3, [&](std::size_t i) {
    return lapack::Outcome{factor_lu(n, a + i * n * n, lu + i * lu_rows(n) * n)};
  });
}

template <class T>
void solve_factored(Factored kind, std::size_t count, std::size_t n, std::size_t columns,
                    const T* factor, const T* b, T* x) {
  const std::size_t size = n * columns, factor_size = factor_rows(kind, n) * n;
  const double work = static_cast<double>(n * n) * static_cast<double>(columns);
  over_matrices(count, 2 * work, [&](std::size_t i) {
    std::copy_n(b + i * size, size, x + i * size);
    const T* const f = factor + i * factor_size;
    if (kind == Factored::cholesky) return solve_cholesky(n, columns, f, x + i * size);
    solve_lu(kind == Factored::lu_transposed, n, columns, f, x + i * size);
  });
}

template <class T>
void solve_triangle(TriangleUse use, std::size_t count, std::size_t m, std::size_t n, const T* a,
                    const T* b, T* x) {
  const std::size_t order = use.left ? m : n;
  const double work = static_cast<double>(m * n) * static_cast<double>(order);
  over_matrices(count, work, [&](std::size_t i) {
    std::copy_n(b + i * m * n, m * n, x + i * m * n);
    solve_triangle(use, m, n, a + i * order * order, x + i * m * n);
  });
}

template <class T>
void invert_factored(Factored kind, std::size_t count, std::size_t n, const T* factor, T* inverse) {
  const std::size_t factor_size = factor_rows(kind, n) * n;
  over_matrices(count, cube(n) * 4 / 3, [&](std::size_t i) {
    if (kind == Factored::cholesky)
      return invert_cholesky(n, factor + i * factor_size, inverse + i * n * n);
    invert_lu(n, factor + i * factor_size, inverse + i * n * n);
  });
}

#define XGRAD_INSTANTIATE(T)                                                                 \
  template BatchOutcome factor_cholesky(std::size_t, std::size_t, const T*, T*);             \
  template void cholesky_backward(std::size_t, std::size_t, const T*, const T*, T*);         \
  template BatchOutcome factor_lu(std::size_t, std::size_t, const T*, T*);                   \
  template void solve_factored(Factored, std::size_t, std::size_t, std::size_t, const T*,    \
                               const T*, T*);                                                \
  template void solve_triangle(TriangleUse, std::size_t, std::size_t, std::size_t, const T*, \
                               const T*, T*);                                                \
  template void invert_factored(Factored, std::size_t, std::size_t, const T*, T*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
