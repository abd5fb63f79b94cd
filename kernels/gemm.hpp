#pragma once

// Matrix products on OpenBLAS, but for small ones (small_product.hpp).
//
// OpenBLAS itself runs on the thread that calls it (a flavour with threads of its own is set to one
// for the process); large products are cut into bands here and shared out over the library's
// threads. Every element of the result is computed by the same instructions in the same order
// whatever the bands, so the number of threads does not show in the result.

#include <cstddef>
#include <span>

namespace xgrad::kernels {

/// C (m, n) = A B + beta C, row-major; A is (m, k), or (k, m) when `transpose_a`; B is (k, n), or
/// (n, k) when `transpose_b`. With beta = 0 C is not read.
template <class T>
struct Product {
  bool transpose_a, transpose_b;
  std::size_t m, n, k;
  const T *a, *b;
  T beta;
  T* c;
  const T* row = nullptr;  ///< (n): C is this row in every row, plus A B; beta is not used
  /// From one row of A, B and C in memory to the next; 0: they follow each other without gaps.
  std::size_t lda = 0, ldb = 0, ldc = 0;
};

/// Products none of which reads or writes what another one writes: side by side on several threads
/// where that pays. Throws std::invalid_argument, before anything is written, for sizes that
/// OpenBLAS cannot count (2^31 and more) and for two products with the same C.
template <class T>
void gemm(std::span<const Product<T>> products);

template <class T>
void gemm(const Product<T>& product) {
  gemm(std::span<const Product<T>>(&product, 1));
}
template <class T>
void gemm(bool transpose_a, bool transpose_b, std::size_t m, std::size_t n, std::size_t k,
          const T* a, const T* b, T beta, T* c) {
  gemm(Product<T>{transpose_a, transpose_b, m, n, k, a, b, beta, c});
}

/// A B of a product whose `c`, `beta` and `row` do not count, some rows at a time, for who uses each of them up before
/// the next. Every number is that of gemm() to the last bit.
template <class T>
class RowPanels {
 public:
  /// Of about so many bytes each, or more where fewer rows would be added up in another order. Throws as gemm().
  RowPanels(const Product<T>& product, std::size_t bytes);

  std::size_t count() const { return count_; }
  /// The first row of panel i; after the last one: m.
  std::size_t begin(std::size_t i) const {
    return i == count_ ? product_.m : product_.m * i / count_ / at_ * at_;
  }
  /// Writes the rows of panel i, one after the other.
  void run(std::size_t i, T* to) const;

 private:
  Product<T> product_;
  std::size_t at_ = 1, count_ = 1;
};

extern template class RowPanels<float>;
extern template class RowPanels<double>;

/// `count` products: A, B and C move on by the given strides, in elements; a stride of 0 uses one
/// matrix throughout.
template <class T>
void batched_gemm(bool transpose_a, bool transpose_b, std::size_t m, std::size_t n, std::size_t k,
                  const T* a, std::size_t stride_a, const T* b, std::size_t stride_b, T beta, T* c,
                  std::size_t stride_c, std::size_t count);

/// Axes along which products are repeated: at each index A, B and C move on by the strides, in
/// elements. Along the last `sums` axes, where C must stay, the products are added up.
struct ProductLoop {
  static constexpr std::size_t kMost = 16;
  std::size_t rank = 0, sums = 0;
  std::size_t extent[kMost], a[kMost], b[kMost], c[kMost];

  /// Adds an axis inside those there are.
  void add_axis(std::size_t n, std::size_t step_a, std::size_t step_b, std::size_t step_c);
};

/// The product at each index of the axes. No extent is 0.
template <class T>
void gemm(const Product<T>& product, const ProductLoop& loop);

}  // namespace xgrad::kernels
