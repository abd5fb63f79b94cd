#include "xgrad/kernels/gemm.hpp"

#include <cblas.h>
#include <omp.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "xgrad/kernels/parallel.hpp"

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

// OpenBLAS on the thread that calls it. Of two flavours, that with threads of its own is told once;
// that with OpenMP's uses as many as OpenMP gives the caller.
class OneBlasThread {
 public:
  OneBlasThread() : before_(omp_get_max_threads()) {
    if (before_ != 1) omp_set_num_threads(1);
    static const bool told = (openblas_set_num_threads(1), true);
    static_cast<void>(told);
  }
  ~OneBlasThread() {
    if (before_ != 1) omp_set_num_threads(before_);
  }
  OneBlasThread(const OneBlasThread&) = delete;
  OneBlasThread& operator=(const OneBlasThread&) = delete;

 private:
  int before_;
};

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
  const OneBlasThread guard;
  cblas_sgemm(CblasRowMajor, s.ta, s.tb, s.m, s.n, s.k, 1, a, s.lda, b, s.ldb, beta, c, s.ldc);
}
void call(const Sizes& s, const double* a, const double* b, double beta, double* c) {
  const OneBlasThread guard;
  cblas_dgemm(CblasRowMajor, s.ta, s.tb, s.m, s.n, s.k, 1, a, s.lda, b, s.ldb, beta, c, s.ldc);
}

// C is cut along its columns where there are more of them than rows: each band packs its part of
// one operand and all of the other, which is then the smaller one.
struct Bands {
  bool columns;
  std::size_t length, at, count;

  std::size_t begin(std::size_t i) const {
    return i == count ? length : length * i / count / at * at;
  }
};

template <class T>
Bands bands(std::size_t m, std::size_t n, std::size_t k) {
  const auto threads = static_cast<std::size_t>(num_threads());
  if (threads == 1) return {false, m, 1, 1};
  const Cuts c = cuts<T>();
  const bool columns = c.columns && n > m;
  const std::size_t length = columns ? n : m;
  const double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  const auto by_work = static_cast<std::size_t>(std::min(work / kBandWork, 64.0));
  return {columns, length, c.at,
          std::max<std::size_t>(std::min({threads, by_work, length / (2 * c.at)}), 1)};
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
  const Sizes whole = {transpose_a ? CblasTrans : CblasNoTrans,
                       transpose_b ? CblasTrans : CblasNoTrans,
                       checked(m),
                       checked(n),
                       checked(k),
                       checked(transpose_a ? m : k),
                       checked(transpose_b ? k : n),
                       checked(n)};
  const Bands bands_of_c = bands<T>(m, n, k);
  if (bands_of_c.count == 1) return call(whole, a, b, beta, c);
  parallel_for(bands_of_c.count, [&](std::size_t i) {
    const std::size_t begin = bands_of_c.begin(i);
    const auto size = static_cast<int>(bands_of_c.begin(i + 1) - begin);
    Sizes band = whole;
    if (bands_of_c.columns) {
      band.n = size;
      call(band, a, b + (transpose_b ? begin * k : begin), beta, c + begin);
    } else {
      band.m = size;
      call(band, a + (transpose_a ? begin : begin * k), b, beta, c + begin * n);
    }
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
