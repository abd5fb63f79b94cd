#pragma once

// Products of matrices so small that OpenBLAS takes longer to decide what to do than to do it. Each element
// of C is the sum of its terms one after the other: it has the same bits alone and among others, as
// long as both products belong here.

#include <cstddef>

#include "xgrad/kernels/isa.hpp"

namespace xgrad::kernels {

constexpr std::size_t kSmallProductSide = 128;  ///< rows and columns of such a product, at most

/// Element (i, j) of a matrix is `data[i row + j column]`.
template <class T>
struct StridedMatrix {
  T* data;
  std::size_t row, column;
  StridedMatrix transposed() const { return {data, column, row}; }
};

/// C (m, n) = A B + beta C + D, where D may be without data (then beta is used), or has one row or one
/// column that its stride of 0 repeats. All sizes are from 1 to kSmallProductSide.
template <class T>
struct SmallProduct {
  std::size_t m, n, k;
  StridedMatrix<const T> a, b;
  T beta;
  StridedMatrix<T> c;
  StridedMatrix<const T> d;
};

template <class T>
using SmallProductKernel = void (*)(const SmallProduct<T>& product);

template <Isa I, class T>
SmallProductKernel<T> make_small_product_kernel();

/// Whether a product of these sizes belongs here: not one of a size for which OpenBLAS takes less time, with its
/// kernels for AVX2 or those for AVX-512, which know small matrices. B that is transposed is laid out anew first,
/// which a few rows of A are not worth; and OpenBLAS is good at a vector along the rows of a matrix.
constexpr bool is_small_product(bool transpose_a, bool transpose_b, std::size_t m, std::size_t n,
                                std::size_t k) {
  if (m > kSmallProductSide || n > kSmallProductSide || k > kSmallProductSide) return false;
  if (m * k > 4096 || k * n > 4096 || m * n > 4096 || m * n * k > 65536) return false;
  if (m == 1) return transpose_b ? n * k <= 64 : n * k <= 2048;
  if (n == 1) return transpose_a ? m * k <= 2048 : m * k <= 64;
  return !transpose_b || m >= 8 || n * k <= 512;
}

template <class T>
void small_product(const SmallProduct<T>& product);

}  // namespace xgrad::kernels
