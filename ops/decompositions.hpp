#pragma once

// What decompositions of matrices share: several results of one operation, for each matrix of a
// batch, and choices that make them unique. Internal.

#include <algorithm>
#include <cstddef>
#include <initializer_list>

#include "xgrad/kernels/lapack.hpp"
#include "xgrad/ops/matrices.hpp"

namespace xgrad::detail {

/// `count` matrices (m, n) with batch axes before them.
struct Matrices {
  std::size_t count, m, n;
  Shape batch;

  std::size_t elements() const { return m * n; }
  std::size_t smaller() const { return std::min(m, n); }
  /// (batch..., m, n), or any other axes after those of the batch.
  Shape with(std::initializer_list<std::size_t> last) const;
};

/// The matrices of a. Throws std::invalid_argument for less than two axes.
Matrices matrices_of(const char* operation, const Shape& a);
/// The same, square.
Matrices square_matrices_of(const char* operation, const Shape& a);

/// -1 where the largest of the n numbers, or the first that is as large within a thousandth, is
/// negative.
template <class T>
T sign_of(const T* x, std::size_t n, std::size_t stride);

/// The root of the sum of squares of n numbers.
template <class T>
T column_norm(const T* x, std::size_t n, std::size_t stride);

[[noreturn]] void fail_to_converge(const char* operation, const Matrices& matrices,
                                   kernels::lapack::BatchOutcome outcome);

/// each(i) for all matrices, where one of them takes `work` times m n min(m, n) multiplications.
/// Throws std::runtime_error when one does not converge.
template <class Each>
void decompose_all(const char* operation, const Matrices& matrices, double work, const Each& each) {
  work *= static_cast<double>(matrices.elements()) * static_cast<double>(matrices.smaller());
  const auto o = kernels::lapack::for_each_matrix(matrices.count, work, each);
  if (o.failed()) fail_to_converge(operation, matrices, o);
}

/// A result among several that one operation computes as one tensor: numbers [offset, offset +
/// product of `last`) of its last axis, as (batch..., last...). Differentiable.
template <class T>
Tensor<T> part_of(const Tensor<T>& results, std::size_t offset,
                  std::initializer_list<std::size_t> last);

/// (x + x') / 2 of the last two axes.
template <class T>
Tensor<T> symmetric_part(const Tensor<T>& x);

/// A diagonal matrix of the last axis.
template <class T>
Tensor<T> diagonal_matrix(const Tensor<T>& x);

}  // namespace xgrad::detail
