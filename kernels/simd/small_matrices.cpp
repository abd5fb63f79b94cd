#include "xgrad/kernels/small_matrices.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "xgrad/kernels/instantiate.hpp"
#include "xgrad/kernels/lanes.hpp"

#define XGRAD_INLINE [[gnu::always_inline]] inline

namespace xgrad::kernels {
namespace {

template <class T>
using P = Pack<T, Arch>;
template <class T>
constexpr std::size_t kLanes = P<T>::size;
template <class T>
using Interleaved = Lanes<P<T>>;
static_assert(kLanes<float> <= kSmallMatrix);
template <class T>
using Matrix = RoomForLanes<P<T>, kSmallMatrix * kSmallMatrix>;
template <class T>
using LuFactors = RoomForLanes<P<T>, kSmallMatrix * kSmallMatrix + kSmallMatrix>;

// group(first matrix, lanes, n) for groups of matrices; n is known to the compiler where it often
// is that.
template <class T, class Group>
XGRAD_INLINE void over_groups(std::size_t count, std::size_t n, const Group& group) {
  const auto run = [&](auto order) __attribute__((always_inline)) {
    for (std::size_t first = 0; first < count; first += kLanes<T>)
      group(first, std::min(kLanes<T>, count - first), order);
  };
  if (n == 4) return run(std::integral_constant<std::size_t, 4>());
  if (n == 8) return run(std::integral_constant<std::size_t, 8>());
  run(n);
}

// What went wrong in each lane.
template <class T>
class Failures {
 public:
  [[gnu::always_inline]] void look_at(P<T> x) { zero_ = zero_ + x * P<T>(0); }
  [[gnu::always_inline]] void fail_where(PackMask<T, Arch> failed, std::size_t info) {
    info_ = where(failed && info_ == P<T>(0), P<T>(info), info_);
  }
  void tell(std::size_t first, std::size_t lanes, SmallOutcome& outcome) const {
    const auto not_finite = !(zero_ == P<T>(0));
    if (outcome.info != 0 || !any(not_finite || info_ != P<T>(0))) return;
    T info[kLanes<T>];
    where(not_finite, P<T>(-1), info_).store(info);
    for (std::size_t i = 0; i < lanes; ++i) {
      if (info[i] == T(0)) continue;
      outcome = {first + i, info[i] < T(0) ? kNotFinite : static_cast<std::size_t>(info[i])};
      return;
    }
  }

 private:
  P<T> zero_ = P<T>(0), info_ = P<T>(0);
};

// Cholesky.

template <class T, class Order>
XGRAD_INLINE void factor_cholesky(Interleaved<T> a, Order n, Failures<T>& failures) {
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
  over_groups<T>(count, n, [&](std::size_t first, std::size_t lanes, auto order) {
    const std::size_t size = order * order;
    Failures<T> failures;
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
  over_groups<T>(count, n, [&](std::size_t first, std::size_t lanes, auto order) {
    const std::size_t size = order * order, at = first * size;
    factor.read(l + at, size, lanes, size);
    g.read(gl + at, size, lanes, size);
    cholesky_gradient(factor, g, order);
    halve_and_mirror(g, order);
    g.write(ga.data + at, ga.accumulate, size, lanes, size);
  });
}

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
                            Failures<T>& failures) {
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
  over_groups<T>(count, n, [&](std::size_t first, std::size_t lanes, auto order) {
    const std::size_t size = order * order, factor_size = size + order;
    Failures<T> failures;
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
  over_groups<T>(count, n, [&](std::size_t first, std::size_t lanes, auto order) {
    const std::size_t size = order * columns;
    const Interleaved<T> f(factor + first * (order + 1) * order);
    Failures<T> failures;
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
  over_groups<T>(count, n, [&](std::size_t first, std::size_t lanes, auto order) {
    const std::size_t size = order * columns;
    const Interleaved<T> f = factor_of<T>(kind, factor, first, lanes, order, room);
    m.read(b + first * size, size, lanes, size);
    solve_with(kind, f, order, m, columns);
    m.write(x + first * size, false, size, lanes, size);
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
  over_groups<T>(count, n, [&](std::size_t first, std::size_t lanes, auto order) {
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
  over_groups<T>(count, n, [&](std::size_t first, std::size_t lanes, auto order) {
    const std::size_t size = order * order, at = first * size;
    Failures<T> failures;
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
  over_groups<T>(count, n, [&](std::size_t first, std::size_t lanes, auto order) {
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
SmallMatrixKernels<T> make_small_matrix_kernels() {
  return {&cholesky_kernel<T>, &cholesky_backward_kernel<T>,
          &lu_kernel<T>,       &lu_solve_kernel<T>,
          &solve_kernel<T>,    &solve_backward_kernel<T>,
          &inverse_kernel<T>,  &inverse_backward_kernel<T>};
}

template SmallMatrixKernels<float> make_small_matrix_kernels<kIsa, float>();
template SmallMatrixKernels<double> make_small_matrix_kernels<kIsa, double>();

}  // namespace xgrad::kernels
