// Products of small matrices, which OpenBLAS has no part in. Matrices are of whole numbers, so that sums are exact
// in whatever order.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/rounds.hpp"
#include "xgrad/kernels/gemm.hpp"
#include "xgrad/kernels/small_product.hpp"

using namespace xgrad;
using kernels::Product;

namespace {

constexpr double kUntouched = 77;

// Numbers from -4 to 4 in no order.
template <class T>
std::vector<T> whole_numbers(std::size_t n, unsigned seed) {
  std::vector<T> x(n);
  unsigned state = 12345 + seed;
  std::generate(x.begin(), x.end(), [&] {
    state = state * 1664525u + 1013904223u;
    return static_cast<T>(static_cast<int>(state >> 16) % 9 - 4);
  });
  return x;
}

template <class T>
class Case {
 public:
  Case(bool transpose_a, bool transpose_b, std::size_t m, std::size_t n, std::size_t k,
       std::size_t gap)
      : rows_a_(transpose_a ? k : m),
        rows_b_(transpose_b ? n : k),
        lda_((transpose_a ? m : k) + gap),
        ldb_((transpose_b ? k : n) + gap),
        ldc_(n + gap),
        a_(whole_numbers<T>(rows_a_ * lda_, 1)),
        b_(whole_numbers<T>(rows_b_ * ldb_, 2)),
        row_(whole_numbers<T>(n, 3)),
        product_{transpose_a, transpose_b, m, n, k, a_.data(), b_.data(), T(0), nullptr} {
    product_.lda = lda_;
    product_.ldb = ldb_;
    product_.ldc = ldc_;
  }

  /// C is the product, and as many other numbers as asked; between its rows nothing is written.
  void check(T beta, bool row) {
    std::vector<T> c(product_.m * ldc_, T(kUntouched));
    product_.c = c.data();
    product_.beta = beta;
    product_.row = row ? row_.data() : nullptr;
    kernels::gemm(product_);
    bool right = true;
    for (std::size_t i = 0; i < c.size(); ++i) right = right && c[i] == wanted(i / ldc_, i % ldc_);
    BOOST_TEST(right, sizeof(T) << " bytes, (" << product_.m << ", " << product_.n << ", "
                                << product_.k << "), transposed " << product_.transpose_a << " "
                                << product_.transpose_b << ", beta " << beta << ", row " << row
                                << ", rows of " << ldc_);
  }

 private:
  T wanted(std::size_t i, std::size_t j) const {
    if (j >= product_.n) return T(kUntouched);
    T sum = product_.row != nullptr ? row_[j] : product_.beta * T(kUntouched);
    for (std::size_t l = 0; l < product_.k; ++l) {
      sum += (product_.transpose_a ? a_[l * lda_ + i] : a_[i * lda_ + l]) *
             (product_.transpose_b ? b_[j * ldb_ + l] : b_[l * ldb_ + j]);
    }
    return sum;
  }

  std::size_t rows_a_, rows_b_, lda_, ldb_, ldc_;
  std::vector<T> a_, b_, row_;
  Product<T> product_;
};

template <class T>
void check_all(std::size_t m, std::size_t n, std::size_t k) {
  for (const bool transpose_a : {false, true}) {
    for (const bool transpose_b : {false, true}) {
      if (!kernels::is_small_product(transpose_a, transpose_b, m, n, k)) continue;
      for (const std::size_t gap : {0u, 3u}) {
        Case<T> c(transpose_a, transpose_b, m, n, k, gap);
        c.check(T(0), false);
        c.check(T(1), false);
        c.check(T(-0.5), false);
        c.check(T(0), true);
      }
    }
  }
}

constexpr std::size_t kSizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 31, 33, 64, 65, 128};

}  // namespace

BOOST_AUTO_TEST_SUITE(small_products)

BOOST_AUTO_TEST_CASE(of_all_sizes) {
  const std::size_t every = test::kSanitized ? 3 : 1;
  for (std::size_t i = 0; i < std::size(kSizes); i += every) {
    for (std::size_t j = 0; j < std::size(kSizes); j += every) {
      const std::size_t m = kSizes[i], n = kSizes[j];
      for (const std::size_t k : {1u, 2u, 3u, 4u, 7u, 15u, 16u, 18u, 33u, 64u, 128u}) {
        check_all<float>(m, n, k);
        check_all<double>(m, n, k);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(limits) {
  const auto is_small = kernels::is_small_product;
  BOOST_TEST(is_small(false, false, 32, 32, 64));
  BOOST_TEST(!is_small(false, false, 32, 64, 64));
  BOOST_TEST(!is_small(false, false, 4, 65, 64));
  BOOST_TEST(!is_small(true, false, 129, 1, 1));
  BOOST_TEST((is_small(false, false, 1, 32, 64) && !is_small(false, false, 1, 33, 64)));
  BOOST_TEST((is_small(false, true, 1, 8, 8) && !is_small(false, true, 1, 8, 9)));
  BOOST_TEST((is_small(true, false, 32, 1, 64) && !is_small(false, false, 32, 1, 64)));
  BOOST_TEST((is_small(false, true, 8, 32, 32) && !is_small(false, true, 7, 32, 32)));
}

// A row has the same bits alone and among others.
BOOST_AUTO_TEST_CASE(alone_and_among_others) {
  const std::size_t m = 29, n = 37, k = 50;
  std::vector<float> a(m * k), b(k * n), c(m * n), row(n), columns_of_b(k * n);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = std::sin(static_cast<float>(i));
  for (std::size_t i = 0; i < b.size(); ++i) {
    b[i] = std::cos(1.7f * static_cast<float>(i));
    columns_of_b[i % n * k + i / n] = b[i];
  }
  kernels::gemm(false, false, m, n, k, a.data(), b.data(), 0.0f, c.data());
  for (std::size_t i = 0; i < m; ++i) {
    kernels::gemm(false, false, 1, n, k, a.data() + i * k, b.data(), 0.0f, row.data());
    BOOST_TEST(std::equal(row.begin(), row.end(), &c[i * n]));
  }
  std::vector<float> turned(m * n);
  kernels::gemm(false, true, m, n, k, a.data(), columns_of_b.data(), 0.0f, turned.data());
  BOOST_TEST(turned == c, boost::test_tools::per_element());
}

// What C held is not read when it does not belong to the sum.
BOOST_AUTO_TEST_CASE(numbers_that_are_not_finite) {
  const double inf = std::numeric_limits<double>::infinity();
  for (const std::size_t n : {1u, 3u, 20u}) {
    const std::vector<double> a(5 * 4, 2), b(4 * n, 3);
    std::vector<double> c(5 * n, NAN);
    kernels::gemm(false, false, 5, n, 4, a.data(), b.data(), 0.0, c.data());
    BOOST_TEST(c == std::vector<double>(5 * n, 24), boost::test_tools::per_element());
    std::vector<double> holes = a;
    holes[2 * 4 + 1] = inf;
    std::vector<double> zeros = b;
    std::fill_n(zeros.begin() + static_cast<std::ptrdiff_t>(n), n, 0.0);
    kernels::gemm(false, false, 5, n, 4, holes.data(), zeros.data(), 0.0, c.data());
    for (std::size_t i = 0; i < c.size(); ++i) BOOST_TEST(std::isnan(c[i]) == (i / n == 2));
  }
}

// Each sum is rounded as well as one of its length may be.
BOOST_AUTO_TEST_CASE(precision) {
  const std::size_t k = 128;
  std::vector<float> a(k), b(k * 20), c(20);
  for (std::size_t i = 0; i < k; ++i) a[i] = std::sin(static_cast<float>(i));
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = std::cos(1.7f * static_cast<float>(i));
  kernels::gemm(false, false, 1, 20, k, a.data(), b.data(), 0.0f, c.data());
  for (std::size_t j = 0; j < 20; ++j) {
    double sum = 0, size = 0;
    for (std::size_t i = 0; i < k; ++i) {
      const double term = static_cast<double>(a[i]) * static_cast<double>(b[i * 20 + j]);
      sum += term;
      size += std::abs(term);
    }
    BOOST_TEST(std::abs(static_cast<double>(c[j]) - sum) <= 128 * 0x1p-24 * size);
  }
}

BOOST_AUTO_TEST_SUITE_END()
