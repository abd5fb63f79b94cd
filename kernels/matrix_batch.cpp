#include "xgrad/kernels/matrix_batch.hpp"

#include <algorithm>
#include <mutex>

#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/scratch.hpp"

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

template <class T>
const SmallCholeskyKernels<T>& small_cholesky() {
  static const SmallCholeskyKernels<T> kernels =
      choose([]<Isa I>() { return make_small_cholesky_kernels<I, T>(); });
  return kernels;
}
template <class T>
const SmallSystemKernels<T>& small() {
  static const SmallSystemKernels<T> kernels =
      choose([]<Isa I>() { return make_small_system_kernels<I, T>(); });
  return kernels;
}

// run(first, count) for parts of a batch of small matrices, whole registers of them.
template <class Run>
void over_parts(std::size_t count, std::size_t n, const Run& run) {
  const std::size_t groups = (count + kSmallMatrix - 1) / kSmallMatrix;
  const std::size_t pieces = std::max<std::size_t>(1, std::min(groups, pieces_for(count * n * n)));
  parallel_for(pieces, [&](std::size_t k) {
    const std::size_t first = groups * k / pieces * kSmallMatrix;
    const std::size_t last = std::min(count, groups * (k + 1) / pieces * kSmallMatrix);
    if (first < last) run(first, last - first);
  });
}

// The same for a kernel that tells which matrix of its part failed first.
template <class Run>
BatchOutcome outcome_of_parts(std::size_t count, std::size_t n, const Run& run) {
  BatchOutcome all;
  std::mutex mutex;
  over_parts(count, n, [&](std::size_t first, std::size_t part) {
    const SmallOutcome o = run(first, part);
    if (o.info == 0) return;
    const std::lock_guard lock(mutex);
    if (!all.failed() || first + o.matrix < all.matrix) all = {first + o.matrix, o.info};
  });
  return all;
}

template <class T>
SmallResult<T> at(SmallResult<T> r, std::size_t offset) {
  return {r.data == nullptr ? nullptr : r.data + offset, r.accumulate};
}

}  // namespace

template <class T>
BatchOutcome factor_cholesky(std::size_t count, std::size_t n, const T* a, T* l) {
  const std::size_t size = n * n;
  if (n <= kSmallMatrix) {
    return outcome_of_parts(count, n, [&](std::size_t i, std::size_t part) {
      return small_cholesky<T>().cholesky(part, n, a + i * size, l + i * size);
    });
  }
  return lapack::for_each_matrix(count, cube(n) / 3, [&](std::size_t i) {
    std::copy_n(a + i * size, size, l + i * size);
    return lapack::Outcome{factor_cholesky(n, l + i * size)};
  });
}

namespace {

template <class T>
void cholesky_backward_of(std::size_t n, const T* l, const T* gl, SmallResult<T> ga) {
  const std::size_t size = n * n;
  if (!ga.accumulate) {
    std::copy_n(gl, size, ga.data);
    return cholesky_backward(n, l, ga.data);
  }
  Scratch<T> g(size);
  std::copy_n(gl, size, g.data());
  cholesky_backward(n, l, g.data());
  for (std::size_t e = 0; e < size; ++e) ga.data[e] += g[e];
}

}  // namespace

template <class T>
void cholesky_backward(std::size_t count, std::size_t n, const T* l, const T* gl,
                       SmallResult<T> ga) {
  const std::size_t size = n * n;
  if (n <= kSmallMatrix) {
    return over_parts(count, n, [&](std::size_t i, std::size_t part) {
      small_cholesky<T>().cholesky_backward(part, n, l + i * size, gl + i * size, at(ga, i * size));
    });
  }
  over_matrices(count, cube(n), [&](std::size_t i) {
    cholesky_backward_of(n, l + i * size, gl + i * size, at(ga, i * size));
  });
}

template <class T>
BatchOutcome factor_lu(std::size_t count, std::size_t n, const T* a, T* lu) {
  const std::size_t size = n * n, factor_size = lu_rows(n) * n;
  if (n <= kSmallMatrix) {
    return outcome_of_parts(count, n, [&](std::size_t i, std::size_t part) {
      return small<T>().lu(part, n, a + i * size, lu + i * factor_size);
    });
  }
  return lapack::for_each_matrix(count, cube(n) * 2 / 3, [&](std::size_t i) {
    return lapack::Outcome{factor_lu(n, a + i * size, lu + i * factor_size)};
  });
}

std::size_t lu_numbers(std::size_t count, std::size_t n, std::size_t columns) {
  return is_small(n, columns) ? lu_numbers(count, n) : count * lu_rows(n) * n;
}

template <class T>
BatchOutcome solve_lu(std::size_t count, std::size_t n, std::size_t columns, const T* a, const T* b,
                      T* factor, T* x) {
  const std::size_t size = n * columns, factor_size = lu_rows(n) * n;
  if (is_small(n, columns)) {
    return outcome_of_parts(count, n, [&](std::size_t i, std::size_t part) {
      return small<T>().lu_solve(part, n, columns, a + i * n * n, b + i * size,
                                 factor + i * factor_size, x + i * size);
    });
  }
  const BatchOutcome o = factor_lu(count, n, a, factor);
  if (!o.failed()) solve_factored(Factored::lu, count, n, columns, factor, b, x);
  return o;
}

namespace {

std::size_t factor_size_of(Factored kind, std::size_t n) {
  return kind == Factored::cholesky ? n * n : lu_rows(n) * n;
}

}  // namespace

template <class T>
void solve_factored(Factored kind, std::size_t count, std::size_t n, std::size_t columns,
                    const T* factor, const T* b, T* x) {
  const std::size_t size = n * columns, factor_size = factor_size_of(kind, n);
  if (is_small(n, columns)) {
    return over_parts(count, n, [&](std::size_t i, std::size_t part) {
      small<T>().solve(kind, part, n, columns, factor + i * factor_size, b + i * size,
                       x + i * size);
    });
  }
  const double work = static_cast<double>(n * n) * static_cast<double>(columns);
  over_matrices(count, 2 * work, [&](std::size_t i) {
    std::copy_n(b + i * size, size, x + i * size);
    const T* const f = factor + i * factor_size;
    if (kind == Factored::cholesky) return solve_cholesky(n, columns, f, x + i * size);
    solve_lu(kind == Factored::lu_transposed, n, columns, f, x + i * size);
  });
}

template <class T>
void solve_backward(Factored kind, std::size_t count, std::size_t n, std::size_t columns,
                    const T* factor, const T* x, const T* gx, SmallResult<T> ga,
                    SmallResult<T> gb) {
  const std::size_t size = n * columns, factor_size = factor_size_of(kind, n);
  over_parts(count, n, [&](std::size_t i, std::size_t part) {
    small<T>().solve_backward(kind, part, n, columns, factor + i * factor_size, x + i * size,
                              gx + i * size, at(ga, i * n * n), at(gb, i * size));
  });
}

template <class T>
void solve_triangle(TriangleUse use, std::size_t count, std::size_t m, std::size_t n, const T* a,
                    const T* b, T* x) {
  const std::size_t order = use.left ? m : n;
  if (is_small(order, use.left ? n : m)) {
    return over_parts(count, order, [&](std::size_t i, std::size_t part) {
      small<T>().triangle(use, part, m, n, a + i * order * order, b + i * m * n, x + i * m * n);
    });
  }
  const double work = static_cast<double>(m * n) * static_cast<double>(order);
  over_matrices(count, work, [&](std::size_t i) {
    std::copy_n(b + i * m * n, m * n, x + i * m * n);
    solve_triangle(use, m, n, a + i * order * order, x + i * m * n);
  });
}

template <class T>
BatchOutcome invert(std::size_t count, std::size_t n, const T* a, T* y) {
  const std::size_t size = n * n;
  if (n <= kSmallMatrix) {
    return outcome_of_parts(count, n, [&](std::size_t i, std::size_t part) {
      return small<T>().inverse(part, n, a + i * size, y + i * size);
    });
  }
  return lapack::for_each_matrix(count, cube(n) * 2, [&](std::size_t i) {
    Scratch<T> lu(lu_rows(n) * n);
    const lapack::Outcome o = {factor_lu(n, a + i * size, lu.data())};
    if (!o.failed()) invert_lu(n, lu.data(), y + i * size);
    return o;
  });
}

template <class T>
void invert_factored(Factored kind, std::size_t count, std::size_t n, const T* factor, T* inverse) {
  const std::size_t factor_size = factor_size_of(kind, n);
  over_matrices(count, cube(n) * 4 / 3, [&](std::size_t i) {
    if (kind == Factored::cholesky)
      return invert_cholesky(n, factor + i * factor_size, inverse + i * n * n);
    invert_lu(n, factor + i * factor_size, inverse + i * n * n);
  });
}

template <class T>
void inverse_backward(std::size_t count, std::size_t n, const T* y, const T* gy,
                      SmallResult<T> ga) {
  over_parts(count, n, [&](std::size_t i, std::size_t part) {
    small<T>().inverse_backward(part, n, y + i * n * n, gy + i * n * n, at(ga, i * n * n));
  });
}

#define XGRAD_INSTANTIATE(T)                                                                     \
  template BatchOutcome factor_cholesky(std::size_t, std::size_t, const T*, T*);                 \
  template void cholesky_backward(std::size_t, std::size_t, const T*, const T*, SmallResult<T>); \
  template BatchOutcome factor_lu(std::size_t, std::size_t, const T*, T*);                       \
  template BatchOutcome solve_lu(std::size_t, std::size_t, std::size_t, const T*, const T*, T*,  \
                                 T*);                                                            \
  template void solve_factored(Factored, std::size_t, std::size_t, std::size_t, const T*,        \
                               const T*, T*);                                                    \
  template void solve_backward(Factored, std::size_t, std::size_t, std::size_t, const T*,        \
                               const T*, const T*, SmallResult<T>, SmallResult<T>);              \
  template void solve_triangle(TriangleUse, std::size_t, std::size_t, std::size_t, const T*,     \
                               const T*, T*);                                                    \
  template BatchOutcome invert(std::size_t, std::size_t, const T*, T*);                          \
  template void invert_factored(Factored, std::size_t, std::size_t, const T*, T*);               \
  template void inverse_backward(std::size_t, std::size_t, const T*, const T*, SmallResult<T>);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
