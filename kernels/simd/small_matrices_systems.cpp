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
template <class T>
using LuFactors = RoomForLanes<P<T>, (kSmallMatrix + 1) * kSmallMatrix>;
static_assert(P<float>::size <= kSmallMatrix);

// LU of the transpose, as LAPACK's getrf makes it of row-major memory: element (i, j) is j n + i.

template <class T, class Order>
XGRAD_INLINE P<T> pivot_row(Interleaved<T> m, std::size_t k, Order n) {
  P<T> largest = abs(m[k * n + k]), row(k);
  for (std::size_t i = k + 1; i < n; ++i) {
    const P<T> v = abs(m[k * n + i]);
    row = where(v > largest, P<T>(i), row);
    largest = maximum(largest, v);
  }
  return row;
}

// Rows k and i, `width` elements that are `step` apart, change places where asked.
template <class L, class M>
XGRAD_INLINE void exchange(L& m, std::size_t k, std::size_t i, std::size_t step, std::size_t width,
                           M swap) {
  for (std::size_t j = 0; j < width; ++j) {
    const auto a = m[j * step + k], b = m[j * step + i];
    m.set(j * step + k, where(swap, b, a));
    m.set(j * step + i, where(swap, a, b));
  }
}

template <class T, class Order>
XGRAD_INLINE void factor_lu(Interleaved<T> m, Order n, bool keep_reciprocals,
                            Failures<P<T>>& failures) {
  for (std::size_t e = 0; e < n * n; ++e) failures.look_at(m[e]);
  for (std::size_t k = 0; k < n; ++k) {
    const P<T> row = pivot_row(m, k, n);
    m.set(n * n + k, row + P<T>(1));
    for (std::size_t i = k + 1; i < n; ++i) {
      if (const auto swap = row == P<T>(i); any(swap)) exchange(m, k, i, n, n, swap);
    }
    const P<T> pivot = m[k * n + k];
    failures.fail_where(pivot == P<T>(0), k + 1);
    const P<T> reciprocal = P<T>(1) / where(pivot == P<T>(0), P<T>(1), pivot);
    if (keep_reciprocals) m.set(k * n + k, reciprocal);
    for (std::size_t i = k + 1; i < n; ++i) m.set(k * n + i, m[k * n + i] * reciprocal);
    for (std::size_t j = k + 1; j < n; ++j) {
      const P<T> u = m[j * n + k];
      for (std::size_t i = k + 1; i < n; ++i) m.set(j * n + i, m[j * n + i] - m[k * n + i] * u);
    }
  }
}

template <class T>
SmallOutcome lu_kernel(std::size_t count, std::size_t n, const T* a, T* lu) {
  SmallOutcome outcome;
  LuFactors<T> m;
  over_groups<P<T>>(count, n, [&](std::size_t first, std::size_t lanes, auto order) {
    const std::size_t size = order * order, factor_size = size + order;
    Failures<P<T>> failures;
    m.read(a + first * size, size, lanes, size);
    factor_lu(m, order, false, failures);
    m.write(lu + first * factor_size, false, factor_size, lanes, factor_size);
    failures.tell(first, lanes, outcome);
  });
  return outcome;
}

// Systems with a factor. Elements of a triangle are taken as (i, j), or (j, i) when transposed.

enum class Pivots { numbers, reciprocals, ones };  // on the diagonal

template <class T, class Order>
struct Triangular {
  Interleaved<T> factor;
  Order n;
  bool transposed;
  Pivots pivots;

  [[gnu::always_inline]] P<T> at(std::size_t i, std::size_t j) const {
    return transposed ? factor[j * n + i] : factor[i * n + j];
  }

  // Row i of x less the products with rows [begin, end).
  [[gnu::always_inline]] void eliminate(Interleaved<T> x, std::size_t columns, std::size_t i,
                                        std::size_t begin, std::size_t end) const {
    const P<T> diagonal = pivots == Pivots::ones ? P<T>(1) : factor[i * n + i];
    const P<T> reciprocal = pivots == Pivots::numbers ? P<T>(1) / diagonal : diagonal;
    for (std::size_t c = 0; c < columns; ++c) {
      P<T> v = x[i * columns + c];
      for (std::size_t j = begin; j < end; ++j) v = v - at(i, j) * x[j * columns + c];
      x.set(i * columns + c, v * reciprocal);
    }
  }
  [[gnu::always_inline]] void solve_lower(Interleaved<T> x, std::size_t columns) const {
    for (std::size_t i = 0; i < n; ++i) eliminate(x, columns, i, 0, i);
  }
  [[gnu::always_inline]] void solve_upper(Interleaved<T> x, std::size_t columns) const {
    for (std::size_t i = n; i-- > 0;) eliminate(x, columns, i, i + 1, n);
  }
};

template <class T, class Order>
XGRAD_INLINE void exchange_rows(Interleaved<T> factor, Order n, bool forwards, Interleaved<T> x,
                                std::size_t columns) {
  for (std::size_t q = 0; q < n; ++q) {
    const std::size_t k = forwards ? q : n - 1 - q;
    const P<T> row = factor[n * n + k];
    for (std::size_t i = k + 1; i < n; ++i) {
      const auto swap = row == P<T>(i + 1);
      if (!any(swap)) continue;
      for (std::size_t c = 0; c < columns; ++c) {
        const P<T> a = x[k * columns + c], b = x[i * columns + c];
        x.set(k * columns + c, where(swap, b, a));
        x.set(i * columns + c, where(swap, a, b));
      }
    }
  }
}

template <class T, class Order>
XGRAD_INLINE void solve_with(SmallFactor kind, Interleaved<T> f, Order n, Interleaved<T> x,
                             std::size_t columns) {
  using Triangle = Triangular<T, Order>;
  if (kind == SmallFactor::cholesky) {
    Triangle{f, n, false, Pivots::numbers}.solve_lower(x, columns);
    Triangle{f, n, true, Pivots::numbers}.solve_upper(x, columns);
  } else if (kind == SmallFactor::lu) {
    Triangle{f, n, false, Pivots::reciprocals}.solve_lower(x, columns);
    Triangle{f, n, false, Pivots::ones}.solve_upper(x, columns);
    exchange_rows(f, n, false, x, columns);
  } else {
    exchange_rows(f, n, true, x, columns);
    Triangle{f, n, true, Pivots::ones}.solve_lower(x, columns);
    Triangle{f, n, true, Pivots::reciprocals}.solve_upper(x, columns);
  }
}

// The factor of the group of matrices that begins with `first`: that of LU stays interleaved.
template <class T, class Order>
XGRAD_INLINE Interleaved<T> factor_of(SmallFactor kind, const T* factor, std::size_t first,
                                      std::size_t lanes, Order n, Interleaved<T> room) {
  if (kind != SmallFactor::cholesky)
    return Interleaved<T>(const_cast<T*>(factor) + first * (n + 1) * n);
  room.read(factor + first * n * n, n * n, lanes, n * n);
  return room;
}

template <class T>
SmallOutcome lu_solve_kernel(std::size_t count, std::size_t n, std::size_t columns, const T* a,
                             const T* b, T* factor, T* x) {
  SmallOutcome outcome;
  Matrix<T> m;
  over_groups<P<T>>(count, n, [&](std::size_t first, std::size_t lanes, auto order) {
    const std::size_t size = order * columns;
    const Interleaved<T> f(factor + first * (order + 1) * order);
    Failures<P<T>> failures;
    f.read(a + first * order * order, order * order, lanes, order * order);
    factor_lu(f, order, true, failures);
    m.read(b + first * size, size, lanes, size);
    solve_with(SmallFactor::lu, f, order, m, columns);
    m.write(x + first * size, false, size, lanes, size);
    failures.tell(first, lanes, outcome);
  });
  return outcome;
}

template <class T>
void solve_kernel(SmallFactor kind, std::size_t count, std::size_t n, std::size_t columns,
                  const T* factor, const T* b, T* x) {
  Matrix<T> room, m;
  over_groups<P<T>>(count, n, [&](std::size_t first, std::size_t lanes, auto order) {
    const std::size_t size = order * columns;
    const Interleaved<T> f = factor_of<T>(kind, factor, first, lanes, order, room);
    m.read(b + first * size, size, lanes, size);
    solve_with(kind, f, order, m, columns);
    m.write(x + first * size, false, size, lanes, size);
  });
}

// op(a) x = b, where element (i, c) of x is i row_step + c column_step; `lower` is op(a).
template <class T, class Order>
XGRAD_INLINE void solve_triangle(Triangular<T, Order> a, bool lower, Interleaved<T> x,
                                 std::size_t columns, std::size_t row_step,
                                 std::size_t column_step) {
  for (std::size_t r = 0; r < a.n; ++r) {
    const std::size_t i = lower ? r : a.n - 1 - r;
    const P<T> reciprocal = a.pivots == Pivots::ones ? P<T>(1) : P<T>(1) / a.factor[i * a.n + i];
    for (std::size_t c = 0; c < columns; ++c) {
      P<T> v = x[i * row_step + c * column_step];
      for (std::size_t q = 0; q < r; ++q) {
        const std::size_t j = lower ? q : a.n - 1 - q;
        v = v - a.at(i, j) * x[j * row_step + c * column_step];
      }
      x.set(i * row_step + c * column_step, v * reciprocal);
    }
  }
}

// x op(a) = b is op(a)' x' = b'.
template <class T>
void triangle_kernel(TriangleUse use, std::size_t count, std::size_t m, std::size_t columns,
                     const T* a, const T* b, T* x) {
  const bool transposed = use.transpose == use.left;
  const std::size_t size = m * columns, others = use.left ? columns : m;
  Matrix<T> room, solution;
  over_groups<P<T>>(count, use.left ? m : columns,
                    [&](std::size_t first, std::size_t lanes, auto n) {
                      room.read(a + first * n * n, n * n, lanes, n * n);
                      solution.read(b + first * size, size, lanes, size);
                      const Triangular<T, decltype(n)> triangle = {
                          room, n, transposed, use.unit ? Pivots::ones : Pivots::numbers};
                      solve_triangle(triangle, use.upper == transposed, solution, others,
                                     use.left ? columns : 1, use.left ? 1 : columns);
                      solution.write(x + first * size, false, size, lanes, size);
                    });
}

// -g x', or -x g', or half of both.
template <class T, class Order>
XGRAD_INLINE void matrix_gradient(SmallFactor kind, Interleaved<T> g, Interleaved<T> x, Order n,
                                  std::size_t columns, Interleaved<T> ga) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      P<T> gx(0), xg(0);
      for (std::size_t c = 0; c < columns; ++c) {
        gx = gx - g[i * columns + c] * x[j * columns + c];
        xg = xg - x[i * columns + c] * g[j * columns + c];
      }
      ga.set(i * n + j, kind == SmallFactor::lu              ? gx
                        : kind == SmallFactor::lu_transposed ? xg
                                                             : (gx + xg) * P<T>(0.5));
    }
  }
}

XGRAD_INLINE SmallFactor adjoint(SmallFactor kind) {
  if (kind == SmallFactor::cholesky) return kind;
  return kind == SmallFactor::lu ? SmallFactor::lu_transposed : SmallFactor::lu;
}

template <class T>
void solve_backward_kernel(SmallFactor kind, std::size_t count, std::size_t n, std::size_t columns,
                           const T* factor, const T* x, const T* gx, SmallResult<T> ga,
                           SmallResult<T> gb) {
  Matrix<T> room, g, solution, m;
  over_groups<P<T>>(count, n, [&](std::size_t first, std::size_t lanes, auto order) {
    const std::size_t size = order * columns;
    const Interleaved<T> f = factor_of<T>(kind, factor, first, lanes, order, room);
    g.read(gx + first * size, size, lanes, size);
    solve_with(adjoint(kind), f, order, g, columns);
    if (gb.data != nullptr) g.write(gb.data + first * size, gb.accumulate, size, lanes, size);
    if (ga.data == nullptr) return;
    solution.read(x + first * size, size, lanes, size);
    matrix_gradient(kind, g, solution, order, columns, m);
    m.write(ga.data + first * order * order, ga.accumulate, order * order, lanes, order * order);
  });
}

template <class T>
SmallOutcome inverse_kernel(std::size_t count, std::size_t n, const T* a, T* y) {
  SmallOutcome outcome;
  LuFactors<T> f;
  Matrix<T> m;
  over_groups<P<T>>(count, n, [&](std::size_t first, std::size_t lanes, auto order) {
    const std::size_t size = order * order, at = first * size;
    Failures<P<T>> failures;
    f.read(a + at, size, lanes, size);
    factor_lu(f, order, true, failures);
    for (std::size_t e = 0; e < size; ++e) m.set(e, P<T>(e % (order + 1) == 0 ? 1 : 0));
    solve_with(SmallFactor::lu, f, order, m, order);
    m.write(y + at, false, size, lanes, size);
    failures.tell(first, lanes, outcome);
  });
  return outcome;
}

// c = -a' b, or a b'.
template <class T, class Order>
XGRAD_INLINE void product(bool first, Interleaved<T> a, Interleaved<T> b, Order n,
                          Interleaved<T> c) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      P<T> sum(0);
      for (std::size_t k = 0; k < n; ++k)
        sum = first ? sum - a[k * n + i] * b[k * n + j] : sum + a[i * n + k] * b[j * n + k];
      c.set(i * n + j, sum);
    }
  }
}

template <class T>
void inverse_backward_kernel(std::size_t count, std::size_t n, const T* y, const T* gy,
                             SmallResult<T> ga) {
  Matrix<T> inverse, g, m;
  over_groups<P<T>>(count, n, [&](std::size_t first, std::size_t lanes, auto order) {
    const std::size_t size = order * order, at = first * size;
    inverse.read(y + at, size, lanes, size);
    g.read(gy + at, size, lanes, size);
    product(true, inverse, g, order, m);
    product(false, m, inverse, order, g);
    g.write(ga.data + at, ga.accumulate, size, lanes, size);
  });
}

}  // namespace

template <Isa I, class T>
SmallSystemKernels<T> make_small_system_kernels() {
  return {&lu_kernel<T>,
          &lu_solve_kernel<T>,
          &solve_kernel<T>,
          &solve_backward_kernel<T>,
          &triangle_kernel<T>,
          &inverse_kernel<T>,
          &inverse_backward_kernel<T>};
}

template SmallSystemKernels<float> make_small_system_kernels<kIsa, float>();
template SmallSystemKernels<double> make_small_system_kernels<kIsa, double>();

}  // namespace xgrad::kernels
