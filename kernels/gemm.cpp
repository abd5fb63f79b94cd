#include "xgrad/kernels/gemm.hpp"

#include <cblas.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "xgrad/kernels/parallel.hpp"

namespace xgrad::kernels {
namespace {

// A band is worth a thread from this many multiplications on; it is also above the size at which
// OpenBLAS changes to kernels for small matrices, which add up in another order.
constexpr double kBandWork = 4e6;
constexpr std::size_t kBandRows = 48;  // bands begin at a multiple of every kernel's block of rows

void use_one_blas_thread() {
  static const bool done = [] {
    openblas_set_num_threads(1);
    return true;
  }();
  static_cast<void>(done);
}

int checked(std::size_t size) {
  if (size > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw std::invalid_argument("matmul: size " + std::to_string(size) +
                                " is larger than BLAS can count");
  }
  return static_cast<int>(size);
}

struct Sizes {
  CBLAS_TRANSPOSE ta, tb;
  int m, n, k, lda, ldb, ldc;
};

void call(const Sizes& s, const float* a, const float* b, float beta, float* c) {
  cblas_sgemm(CblasRowMajor, s.ta, s.tb, s.m, s.n, s.k, 1, a, s.lda, b, s.ldb, beta, c, s.ldc);
}
void call(const Sizes& s, const double* a, const double* b, double beta, double* c) {
  cblas_dgemm(CblasRowMajor, s.ta, s.tb, s.m, s.n, s.k, 1, a, s.lda, b, s.ldb, beta, c, s.ldc);
}

std::size_t bands(std::size_t m, std::size_t n, std::size_t k) {
  const auto threads = static_cast<std::size_t>(num_threads());
  if (threads == 1) return 1;
  const double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  const auto by_work = static_cast<std::size_t>(work / kBandWork);
  return std::clamp<std::size_t>(std::min({threads, by_work, m / (2 * kBandRows)}), 1, 64);
}

std::size_t band_begin(std::size_t m, std::size_t count, std::size_t i) {
  return i == count ? m : m * i / count / kBandRows * kBandRows;
}

// C = beta C, for products with k = 0.
template <class T>
void scale(T* c, std::size_t n, T beta) {
  for (std::size_t i = 0; i < n; ++i) c[i] = beta == T(0) ? T(0) : beta * c[i];
}

}  // namespace

template <class T>
void gemm(bool transpose_a, bool transpose_b, std::size_t m, std::size_t n, std::size_t k,
          const T* a, const T* b, T beta, T* c) {
  if (m == 0 || n == 0) return;
  if (k == 0) return scale(c, m * n, beta);
  use_one_blas_thread();
  const Sizes whole = {transpose_a ? CblasTrans : CblasNoTrans,
                       transpose_b ? CblasTrans : CblasNoTrans,
                       checked(m),
                       checked(n),
                       checked(k),
                       checked(transpose_a ? m : k),
                       checked(transpose_b ? k : n),
                       checked(n)};
  const std::size_t count = bands(m, n, k);
  if (count == 1) return call(whole, a, b, beta, c);
  parallel_for(count, [&](std::size_t i) {
    const std::size_t begin = band_begin(m, count, i);
    Sizes band = whole;
    band.m = static_cast<int>(band_begin(m, count, i + 1) - begin);
    call(band, a + (transpose_a ? begin : begin * k), b, beta, c + begin * n);
  });
}

template <class T>
void batched_gemm(bool transpose_a, bool transpose_b, std::size_t m, std::size_t n, std::size_t k,
                  const T* a, std::size_t stride_a, const T* b, std::size_t stride_b, T beta, T* c,
                  std::size_t stride_c, std::size_t count) {
  const auto one = [&](std::size_t i) {
    gemm(transpose_a, transpose_b, m, n, k, a + i * stride_a, b + i * stride_b, beta,
         c + i * stride_c);
  };
  const double work =
      static_cast<double>(m * n) * static_cast<double>(k) * static_cast<double>(count);
  if (count == 1 || work < 2 * kBandWork) {
    for (std::size_t i = 0; i < count; ++i) one(i);
  } else {
    parallel_for(count, one);
  }
}

#define XGRAD_INSTANTIATE(T)                                                                   \
  template void gemm(bool, bool, std::size_t, std::size_t, std::size_t, const T*, const T*, T, \
                     T*);                                                                      \
  template void batched_gemm(bool, bool, std::size_t, std::size_t, std::size_t, const T*,      \
                             std::size_t, const T*, std::size_t, T, T*, std::size_t, std::size_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
