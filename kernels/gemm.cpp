#include "xgrad/kernels/gemm.hpp"

#include <cblas.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>
#include <string>

#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/one_blas_thread.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/small_product.hpp"

namespace xgrad::kernels {
namespace {

// A band is worth a thread from this many multiplications on; it is also above the size at which
// OpenBLAS changes to kernels for small matrices, which add up in another order.
constexpr double kBandWork = 2e6;

// Where C may be cut without a bit of it changing. Kernels work on blocks of columns and rows, and
// some add up a block at the edge in another order: rows at multiples of 48 leave the blocks of
// every kernel whole. The kernels named here treat all blocks alike (seen in all of 0.3.21 on
// products of random sizes; the tests of threads would show another).
struct Cuts {
  std::size_t at;  // multiples of
  bool columns;    // may be cut as well
};

template <class T>
Cuts cuts() {
  static const Cuts c = [] {
    const std::string core = openblas_get_corename();
    const bool alike = sizeof(T) == sizeof(float) ? core == "SkylakeX" || core == "Cooperlake"
                                                  : core == "Haswell" || core == "Zen";
    return alike ? Cuts{16, true} : Cuts{48, false};
  }();
  return c;
}

template <class T>
double work(const Product<T>& p) {
  return static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
}

template <class T>
void check(const Product<T>& p) {
  for (const std::size_t size : {p.m, p.n, p.k, p.lda, p.ldb, p.ldc}) {
    if (size <= static_cast<std::size_t>(std::numeric_limits<int>::max())) continue;
    xgrad::detail::fail("matmul", "size ", size, " is larger than BLAS can count");
  }
}

void call(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, const float* a, int lda,
          const float* b, int ldb, float beta, float* c, int ldc) {
  cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1, a, lda, b, ldb, beta, c, ldc);
}
void call(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, const double* a, int lda,
          const double* b, int ldb, double beta, double* c, int ldc) {
  cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, 1, a, lda, b, ldb, beta, c, ldc);
}

float piece_of_product(int k, const float* a, int step_a, const float* b, int step_b) {
  return cblas_sdot(k, a, step_a, b, step_b);
}
double piece_of_product(int k, const double* a, int step_a, const double* b, int step_b) {
  return cblas_ddot(k, a, step_a, b, step_b);
}

// In pieces, whose sums are added up in double: BLAS adds up any number one after the other.
template <class T>
T inner_product(int k, const T* a, int step_a, const T* b, int step_b) {
  constexpr int kPiece = 4096;
  double sum = 0;
  for (; k > kPiece; k -= kPiece) {
    sum += static_cast<double>(piece_of_product(kPiece, a, step_a, b, step_b));
    a += std::ptrdiff_t{kPiece} * step_a;
    b += std::ptrdiff_t{kPiece} * step_b;
  }
  return static_cast<T>(sum + static_cast<double>(piece_of_product(k, a, step_a, b, step_b)));
}

template <class T>
std::size_t row_of_a(const Product<T>& p) {
  return p.lda != 0 ? p.lda : p.transpose_a ? p.m : p.k;
}
template <class T>
std::size_t row_of_b(const Product<T>& p) {
  return p.ldb != 0 ? p.ldb : p.transpose_b ? p.k : p.n;
}
template <class T>
std::size_t row_of_c(const Product<T>& p) {
  return p.ldc != 0 ? p.ldc : p.n;
}

void call(CBLAS_TRANSPOSE ta, int m, int n, const float* a, int lda, const float* x, int step_x,
          float* y, int step_y) {
  cblas_sgemv(CblasRowMajor, ta, m, n, 1, a, lda, x, step_x, 1, y, step_y);
}
void call(CBLAS_TRANSPOSE ta, int m, int n, const double* a, int lda, const double* x, int step_x,
          double* y, int step_y) {
  cblas_dgemv(CblasRowMajor, ta, m, n, 1, a, lda, x, step_x, 1, y, step_y);
}

// One column or one row, which C has to be added to.
template <class T>
void multiply_vector(const Product<T>& p) {
  const auto size = [](std::size_t s) { return static_cast<int>(s); };
  const std::size_t lda = row_of_a(p), ldb = row_of_b(p);
  if (p.n == 1) {
    call(p.transpose_a ? CblasTrans : CblasNoTrans, size(p.transpose_a ? p.k : p.m),
         size(p.transpose_a ? p.m : p.k), p.a, size(lda), p.b, p.transpose_b ? 1 : size(ldb), p.c,
         size(row_of_c(p)));
  } else {
    call(p.transpose_b ? CblasNoTrans : CblasTrans, size(p.transpose_b ? p.n : p.k),
         size(p.transpose_b ? p.k : p.n), p.b, size(ldb), p.a, p.transpose_a ? size(lda) : 1, p.c,
         1);
  }
}

// Rows [top, top + m) and columns [left, left + n) of the product's C.
struct Block {
  std::size_t top, left, m, n;
};

template <class T>
StridedMatrix<T> strided(T* data, std::size_t pitch, bool transposed) {
  return transposed ? StridedMatrix<T>{data, 1, pitch} : StridedMatrix<T>{data, pitch, 1};
}

template <class T>
void multiply_small(const Product<T>& p) {
  small_product<T>({p.m,
                    p.n,
                    p.k,
                    strided(p.a, row_of_a(p), p.transpose_a),
                    strided(p.b, row_of_b(p), p.transpose_b),
                    p.beta,
                    strided(p.c, row_of_c(p), false),
                    {p.row, 0, 1}});
}

template <class T>
void multiply(const Product<T>& p, const Block& block) {
  const auto& [top, left, m, n] = block;
  if (m == 0 || n == 0) return;
  if (p.k != 0 && is_small_product(p.transpose_a, p.transpose_b, p.m, p.n, p.k))
    return multiply_small(p);
  const std::size_t lda = row_of_a(p), ldb = row_of_b(p), ldc = row_of_c(p);
  T* const c = p.c + top * ldc + left;
  if (p.row != nullptr) {
    for (std::size_t i = 0; i < m; ++i) std::copy_n(p.row + left, n, c + i * ldc);
  }
  const T beta = p.row != nullptr ? T(1) : p.beta;
  if (p.k == 0) {
    for (std::size_t i = 0; i < m; ++i) {
      for (T& e : std::span(c + i * ldc, n)) e = beta == T(0) ? T(0) : beta * e;
    }
    return;
  }
  const auto size = [](std::size_t s) { return static_cast<int>(s); };
  const OneBlasThread guard;
  if (p.m == 1 && p.n == 1) {
    const T product = inner_product(size(p.k), p.a, p.transpose_a ? size(lda) : 1, p.b,
                                    p.transpose_b ? 1 : size(ldb));
    *c = beta == T(0) ? product : product + beta * *c;
    return;
  }
  if ((p.m == 1 || p.n == 1) && work(p) < 2 * kBandWork) {  // it is never cut
    for (std::size_t i = 0; beta != T(1) && i < m; ++i) {
      for (T& e : std::span(c + i * ldc, n)) e = beta == T(0) ? T(0) : beta * e;
    }
    return multiply_vector(p);
  }
  call(p.transpose_a ? CblasTrans : CblasNoTrans, p.transpose_b ? CblasTrans : CblasNoTrans,
       size(m), size(n), size(p.k), p.a + (p.transpose_a ? top : top * lda), size(lda),
       p.b + (p.transpose_b ? left * ldb : left), size(ldb), beta, c, size(ldc));
}

// C is cut along its columns where there are more of them than rows: each band packs its part of
// one operand and all of the other, which is then the smaller one.
template <class T>
class Bands {
 public:
  Bands(const Product<T>& p, std::size_t parts) : product_(p) {
    const Cuts c = cuts<T>();
    at_ = c.at;
    columns_ = c.columns && p.n > p.m;
    length_ = columns_ ? p.n : p.m;
    const auto by_work = static_cast<std::size_t>(std::min(work(p) / kBandWork, 64.0));
    count_ = std::max<std::size_t>(std::min({parts, by_work, length_ / (2 * at_)}), 1);
  }
  std::size_t count() const { return count_; }
  void run(std::size_t i) const {
    const std::size_t first = begin(i), size = begin(i + 1) - first;
    multiply(product_,
             columns_ ? Block{0, first, product_.m, size} : Block{first, 0, size, product_.n});
  }

 private:
  std::size_t begin(std::size_t i) const {
    return i == count_ ? length_ : length_ * i / count_ / at_ * at_;
  }

  const Product<T>& product_;
  bool columns_;
  std::size_t length_, at_, count_;
};

}  // namespace

template <class T>
void gemm(std::span<const Product<T>> products) {
  double all = 0;
  for (std::size_t i = 0; i < products.size(); ++i) {
    check(products[i]);
    for (std::size_t j = 0; j < i; ++j) {
      if (products[j].c == products[i].c)
        xgrad::detail::fail("gemm", "two products would write the same matrix");
    }
    all += work(products[i]);
  }
  const int threads = num_threads();
  if (threads == 1 || all < 2 * kBandWork) {
    for (const Product<T>& p : products) multiply(p, {0, 0, p.m, p.n});
    return;
  }
  // As few cuts as give every thread the same: each costs packing an operand once more.
  const auto parts = static_cast<std::size_t>(threads) /
                     std::gcd(static_cast<std::size_t>(threads), products.size());
  std::size_t pieces = 0;
  for (const Product<T>& p : products) pieces += Bands<T>(p, parts).count();
  parallel_for(pieces, [&](std::size_t i) {
    for (const Product<T>& p : products) {
      const Bands<T> bands(p, parts);
      if (i < bands.count()) return bands.run(i);
      i -= bands.count();
    }
  });
}

template <class T>
RowPanels<T>::RowPanels(const Product<T>& product, std::size_t bytes) : product_(product) {
  check(product_);
  product_.beta = T(0);
  product_.row = nullptr;
  product_.ldc = 0;
  const auto [transpose_a, transpose_b, m, n, k, a, b, beta, c, row, lda, ldb, ldc] = product_;
  if (m <= 1 || n <= 1 || k == 0 || is_small_product(transpose_a, transpose_b, m, n, k)) return;
  std::size_t rows = std::max<std::size_t>(bytes / (n * sizeof(T)), 1);
  if (k > 1) {
    at_ = cuts<T>().at;
    const double least = kBandWork / (static_cast<double>(n) * static_cast<double>(k));
    rows = std::max(rows, static_cast<std::size_t>(std::min(least, 1e9))) + at_;
  }
  count_ = std::max<std::size_t>(m / rows, 1);
}

template <class T>
void RowPanels<T>::run(std::size_t i, T* to) const {
  Product<T> p = product_;
  p.c = to;
  if (count_ == 1) return gemm(p);
  const std::size_t first = begin(i), lda = row_of_a(p), ldb = row_of_b(p);
  const T* const a = p.a + (p.transpose_a ? first : first * lda);
  const auto size = [](std::size_t s) { return static_cast<int>(s); };
  p.m = begin(i + 1) - first;
  const OneBlasThread guard;
  call(p.transpose_a ? CblasTrans : CblasNoTrans, p.transpose_b ? CblasTrans : CblasNoTrans,
       size(p.m), size(p.n), size(p.k), a, size(lda), p.b, size(ldb), T(0), to, size(p.n));
}

template <class T>
void batched_gemm(bool transpose_a, bool transpose_b, std::size_t m, std::size_t n, std::size_t k,
                  const T* a, std::size_t stride_a, const T* b, std::size_t stride_b, T beta, T* c,
                  std::size_t stride_c, std::size_t count) {
  const auto one = [&](std::size_t i) {
    gemm(transpose_a, transpose_b, m, n, k, a + i * stride_a, b + i * stride_b, beta,
         c + i * stride_c);
  };
  const double all =
      static_cast<double>(m * n) * static_cast<double>(k) * static_cast<double>(count);
  if (count == 1 || all < 2 * kBandWork) {
    for (std::size_t i = 0; i < count; ++i) one(i);
  } else {
    parallel_for(count, one);
  }
}

void ProductLoop::add_axis(std::size_t n, std::size_t step_a, std::size_t step_b,
                           std::size_t step_c) {
  extent[rank] = n;
  a[rank] = step_a;
  b[rank] = step_b;
  c[rank++] = step_c;
}

namespace {

// Product i of those of the axes [first, last), counted in row-major order.
template <class T>
void move_to(Product<T>& p, const ProductLoop& loop, std::size_t first, std::size_t last,
             std::size_t i) {
  for (std::size_t axis = last; axis-- > first; i /= loop.extent[axis]) {
    const std::size_t at = i % loop.extent[axis];
    p.a += at * loop.a[axis];
    p.b += at * loop.b[axis];
    p.c += at * loop.c[axis];
  }
}

std::size_t elements(const ProductLoop& loop, std::size_t first, std::size_t last) {
  return std::accumulate(loop.extent + first, loop.extent + last, std::size_t{1},
                         std::multiplies<>());
}

}  // namespace

template <class T>
void gemm(const Product<T>& product, const ProductLoop& loop) {
  const std::size_t outer = loop.rank - loop.sums, count = elements(loop, 0, outer),
                    terms = elements(loop, outer, loop.rank);
  const auto one = [&](std::size_t i) {
    for (std::size_t term = 0; term < terms; ++term) {
      Product<T> p = product;
      if (term != 0) p.beta = 1;
      move_to(p, loop, 0, outer, i);
      move_to(p, loop, outer, loop.rank, term);
      gemm(p);
    }
  };
  const double all = work(product) * static_cast<double>(count) * static_cast<double>(terms);
  if (count == 1 || all < 2 * kBandWork) {
    for (std::size_t i = 0; i < count; ++i) one(i);
  } else {
    parallel_for(count, one);
  }
}

#define XGRAD_INSTANTIATE(T)                                                              \
  template class RowPanels<T>;                                                            \
  template void gemm(std::span<const Product<T>>);                                        \
  template void gemm(const Product<T>&, const ProductLoop&);                              \
  template void batched_gemm(bool, bool, std::size_t, std::size_t, std::size_t, const T*, \
                             std::size_t, const T*, std::size_t, T, T*, std::size_t, std::size_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
