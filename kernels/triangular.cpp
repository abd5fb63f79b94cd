#include "xgrad/kernels/triangular.hpp"

#include <cblas.h>

#include <algorithm>
#include <limits>

#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/lapack.hpp"
#include "xgrad/kernels/one_blas_thread.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad::kernels {
namespace {

int size(std::size_t n) {
  xgrad::detail::require(n <= static_cast<std::size_t>(std::numeric_limits<int>::max()), "BLAS",
                         "size ", n, " is larger than it can count");
  return static_cast<int>(n);
}

// A matrix within another one, whose rows are `step` apart.
template <class T>
struct Block {
  T* data;
  std::size_t step;

  Block at(std::size_t i, std::size_t j) const { return {data + i * step + j, step}; }
  T* operator[](std::size_t i) const { return data + i * step; }
};

struct Flags {
  CBLAS_SIDE side;
  CBLAS_UPLO triangle;
  CBLAS_TRANSPOSE transpose;
  CBLAS_DIAG diagonal;
};

Flags flags_of(TriangleUse use) {
  return {use.left ? CblasLeft : CblasRight, use.upper ? CblasUpper : CblasLower,
          use.transpose ? CblasTrans : CblasNoTrans, use.unit ? CblasUnit : CblasNonUnit};
}

void trsm(Flags f, std::size_t m, std::size_t n, Block<const float> a, Block<float> b) {
  cblas_strsm(CblasRowMajor, f.side, f.triangle, f.transpose, f.diagonal, size(m), size(n), 1,
              a.data, size(a.step), b.data, size(b.step));
}
void trsm(Flags f, std::size_t m, std::size_t n, Block<const double> a, Block<double> b) {
  cblas_dtrsm(CblasRowMajor, f.side, f.triangle, f.transpose, f.diagonal, size(m), size(n), 1,
              a.data, size(a.step), b.data, size(b.step));
}

void trsv(Flags f, std::size_t n, const float* a, float* b) {
  cblas_strsv(CblasRowMajor, f.triangle, f.transpose, f.diagonal, size(n), a, size(n), b, 1);
}
void trsv(Flags f, std::size_t n, const double* a, double* b) {
  cblas_dtrsv(CblasRowMajor, f.triangle, f.transpose, f.diagonal, size(n), a, size(n), b, 1);
}

// c (m, n) -= a' b, a (k, m), b (k, n).
void subtract_product(std::size_t m, std::size_t n, std::size_t k, Block<const float> a,
                      Block<const float> b, Block<float> c) {
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, size(m), size(n), size(k), -1, a.data,
              size(a.step), b.data, size(b.step), 1, c.data, size(c.step));
}
void subtract_product(std::size_t m, std::size_t n, std::size_t k, Block<const double> a,
                      Block<const double> b, Block<double> c) {
  cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, size(m), size(n), size(k), -1, a.data,
              size(a.step), b.data, size(b.step), 1, c.data, size(c.step));
}

// c (m, n) -= s b, s symmetric and in its lower triangle.
void subtract_symmetric_product(std::size_t m, std::size_t n, Block<const float> s,
                                Block<const float> b, Block<float> c) {
  cblas_ssymm(CblasRowMajor, CblasLeft, CblasLower, size(m), size(n), -1, s.data, size(s.step),
              b.data, size(b.step), 1, c.data, size(c.step));
}
void subtract_symmetric_product(std::size_t m, std::size_t n, Block<const double> s,
                                Block<const double> b, Block<double> c) {
  cblas_dsymm(CblasRowMajor, CblasLeft, CblasLower, size(m), size(n), -1, s.data, size(s.step),
              b.data, size(b.step), 1, c.data, size(c.step));
}

template <class T>
Block<const T> read_only(Block<T> b) {
  return {b.data, b.step};
}

std::size_t half_of(std::size_t n) { return n < 32 ? n / 2 : n / 2 / 16 * 16; }

}  // namespace

template <class T>
void solve_triangle(TriangleUse use, std::size_t m, std::size_t n, const T* a, T* b) {
  if (m == 0 || n == 0) return;
  const OneBlasThread guard;
  if (use.left && n == 1) return trsv(flags_of(use), m, a, b);
  if (!use.left && m == 1) {
    use.transpose = !use.transpose;
    return trsv(flags_of(use), n, a, b);
  }
  trsm(flags_of(use), m, n, Block<const T>{a, use.left ? m : n}, Block<T>{b, n});
}

template <class T>
void solve_cholesky(std::size_t n, std::size_t columns, const T* l, T* b) {
  solve_triangle({}, n, columns, l, b);
  solve_triangle({.transpose = true}, n, columns, l, b);
}

// What is row-major here is the transpose there: A' = P L U, and so A = U' L' P'. In row-major
// terms U' is a lower triangle, and L' an upper one with 1 on its diagonal.
template <class T>
std::size_t factor_lu(std::size_t n, const T* a, T* lu) {
  std::copy_n(a, n * n, lu);
  Scratch<int> pivots(n + 1);
  const lapack::Outcome o = lapack::getrf(n, n, lu, pivots.data());
  std::copy_n(pivots.data(), n, lu + n * n);
  return o.info;
}

namespace {

// Row i changes places with row pivots[i] - 1, for all i, forwards or backwards.
template <class T>
void exchange_rows(bool forwards, std::size_t n, std::size_t columns, const T* pivots, T* b) {
  for (std::size_t k = 0; k < n; ++k) {
    const std::size_t i = forwards ? k : n - 1 - k, j = static_cast<std::size_t>(pivots[i]) - 1;
    if (i != j) std::swap_ranges(b + i * columns, b + (i + 1) * columns, b + j * columns);
  }
}

}  // namespace

template <class T>
void solve_lu(bool transpose, std::size_t n, std::size_t columns, const T* lu, T* b) {
  const TriangleUse lower{.transpose = transpose};
  const TriangleUse upper{.upper = true, .transpose = transpose, .unit = true};
  if (transpose) exchange_rows(true, n, columns, lu + n * n, b);
  solve_triangle(transpose ? upper : lower, n, columns, lu, b);
  solve_triangle(transpose ? lower : upper, n, columns, lu, b);
  if (!transpose) exchange_rows(false, n, columns, lu + n * n, b);
}

template <class T>
void invert_lu(std::size_t n, const T* lu, T* inverse) {
  std::copy_n(lu, n * n, inverse);
  Scratch<int> pivots(n + 1);
  for (std::size_t i = 0; i < n; ++i) pivots[i] = static_cast<int>(lu[n * n + i]);
  static_cast<void>(lapack::getri(n, inverse, pivots.data()));
}

template <class T>
std::size_t factor_cholesky(std::size_t n, T* a) {
  for (std::size_t i = 0; i < n; ++i) std::fill(a + i * n + i + 1, a + (i + 1) * n, T(0));
  return lapack::potrf(lapack::Triangle::upper, n, a).info;
}

namespace {

// Rows [top, bottom), as many as fill a line of the cache on the other side: rows that are a power
// of two apart share few lines.
template <class T>
void mirror_rows(std::size_t n, std::size_t top, std::size_t bottom, T factor, T* a) {
  constexpr std::size_t kTile = 64 / sizeof(T);
  for (std::size_t left = 0; left < bottom; left += kTile) {
    for (std::size_t j = left; j < std::min(bottom, left + kTile); ++j) {
      for (std::size_t i = std::max(top, j + 1); i < bottom; ++i)
        a[j * n + i] = a[i * n + j] *= factor;
    }
  }
}

// The elements below the diagonal times a factor, on both sides.
template <class T>
void mirror(std::size_t n, T factor, T* a) {
  constexpr std::size_t kTile = 64 / sizeof(T);
  for (std::size_t top = 0; top < n; top += kTile)
    mirror_rows(n, top, std::min(n, top + kTile), factor, a);
}

}  // namespace

template <class T>
void invert_cholesky(std::size_t n, const T* l, T* inverse) {
  std::copy_n(l, n * n, inverse);
  static_cast<void>(lapack::potri(lapack::Triangle::upper, n, inverse));
  mirror(n, T(1), inverse);
}

namespace {

constexpr std::size_t kSmallest = 16;

// A column at a time, from the last one. What is left of row j, of the rows below it and of the
// diagonal are r, B, c and d.
template <class T>
void backward_by_columns(std::size_t n, Block<const T> l, Block<T> g) {
  for (std::size_t j = n; j-- > 0;) {
    const T *const r = l[j], d = r[j];
    T* const gr = g[j];
    T along = 0;
    for (std::size_t i = j + 1; i < n; ++i) along += l[i][j] * g[i][j];
    const T gd = (gr[j] - along / d) / d;
    for (std::size_t k = 0; k < j; ++k) gr[k] -= gd * r[k];
    for (std::size_t i = j + 1; i < n; ++i) {
      const T* const b = l[i];
      T* const gb = g[i];
      const T gc = gb[j] / d;
      gb[j] = gc;
      for (std::size_t k = 0; k < j; ++k) {
        gr[k] -= gc * b[k];
        gb[k] -= gc * r[k];
      }
    }
    gr[j] = gd / 2;
  }
}

// The lower triangle of c (n, n) -= a' b, a and b (k, n); what is above it is overwritten.
template <class T>
void subtract_lower_product(std::size_t n, std::size_t k, Block<const T> a, Block<const T> b,
                            Block<T> c) {
  if (n <= 4 * kSmallest) return subtract_product(n, n, k, a, b, c);
  const std::size_t h = half_of(n);
  subtract_lower_product(h, k, a, b, c);
  subtract_product(n - h, h, k, a.at(0, h), b, c.at(h, 0));
  subtract_lower_product(n - h, k, a.at(0, h), b.at(0, h), c.at(h, h));
}

// From L22 L22' = A22 - L21 L21', L21 = A21 L11'^-1, L11 L11' = A11.
template <class T>
void backward_by_halves(std::size_t n, Block<const T> l, Block<T> g) {
  if (n <= kSmallest) return backward_by_columns(n, l, g);
  const std::size_t h = half_of(n), rest = n - h;
  const Block<const T> l21 = l.at(h, 0);
  const Block<T> g21 = g.at(h, 0), g22 = g.at(h, h);
  backward_by_halves(rest, l.at(h, h), g22);
  for (std::size_t i = 0; i < rest; ++i) g22[i][i] *= 2;
  subtract_symmetric_product(rest, h, read_only(g22), l21, g21);
  for (std::size_t i = 0; i < rest; ++i) g22[i][i] /= 2;
  trsm(flags_of({.left = false}), rest, h, l, g21);
  subtract_lower_product(h, rest, read_only(g21), l21, g);
  backward_by_halves(h, l, g);
}

}  // namespace

template <class T>
void cholesky_backward(std::size_t n, const T* l, T* g) {
  if (n == 0) return;
  const OneBlasThread guard;
  backward_by_halves(n, Block<const T>{l, n}, Block<T>{g, n});
  mirror(n, T(0.5), g);
}

#define XGRAD_INSTANTIATE(T)                                                         \
  template void solve_triangle(TriangleUse, std::size_t, std::size_t, const T*, T*); \
  template void solve_cholesky(std::size_t, std::size_t, const T*, T*);              \
  template std::size_t factor_lu(std::size_t, const T*, T*);                         \
  template void solve_lu(bool, std::size_t, std::size_t, const T*, T*);              \
  template void invert_lu(std::size_t, const T*, T*);                                \
  template void invert_cholesky(std::size_t, const T*, T*);                          \
  template std::size_t factor_cholesky(std::size_t, T*);                             \
  template void cholesky_backward(std::size_t, const T*, T*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
