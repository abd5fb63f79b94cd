#pragma once

// Factorisations of many small matrices: as many at a time as a register has numbers, each lane
// being one matrix, interleaved on the way in and out. A call of LAPACK for one costs more than the
// work. Formats are those of triangular.hpp; a matrix is treated the same wherever it is in a
// batch.

#include <cstddef>

#include "xgrad/kernels/isa.hpp"
#include "xgrad/kernels/triangular.hpp"

namespace xgrad::kernels {

/// Matrices up to this order, with up to as many columns on the right-hand side.
constexpr std::size_t kSmallMatrix = 16;

/// The first matrix that failed: info as LAPACK gives it, or kNotFinite where a number that is read
/// is not finite; 0 when none did.
struct SmallOutcome {
  std::size_t matrix = 0, info = 0;
};
constexpr std::size_t kNotFinite = static_cast<std::size_t>(-1);

/// Which factors, and how they are used. Those of `lu` stay as lu_solve
/// leaves them.
enum class SmallFactor { lu, lu_transposed, cholesky };

/// Where a result goes; added to what is there if `accumulate`.
template <class T>
struct SmallResult {
  T* data = nullptr;  ///< null: not wanted
  bool accumulate = false;
};

template <class T>
struct SmallCholeskyKernels {
  /// l of the lower triangle of a, 0 above the diagonal.
  SmallOutcome (*cholesky)(std::size_t count, std::size_t n, const T* a, T* l);
  /// ga, symmetric, from the gradient by l.
  void (*cholesky_backward)(std::size_t count, std::size_t n, const T* l, const T* gl,
                            SmallResult<T> ga);
};

template <class T>
struct SmallSystemKernels {
  /// lu (n + 1, n).
  SmallOutcome (*lu)(std::size_t count, std::size_t n, const T* a, T* lu);
  /// x = a^-1 b, b and x (n, columns), and the factors: lu_numbers(count, n) of them, aligned to 64
  /// bytes.
  SmallOutcome (*lu_solve)(std::size_t count, std::size_t n, std::size_t columns, const T* a,
                           const T* b, T* factor, T* x);
  /// x = op(A)^-1 b by a factor; b and x (n, columns).
  void (*solve)(SmallFactor kind, std::size_t count, std::size_t n, std::size_t columns,
                const T* factor, const T* b, T* x);
  /// With g = op(A)^-T gx: gb = g, and ga = -g x', its transpose for lu_transposed, half of both for
  /// cholesky.
  void (*solve_backward)(SmallFactor kind, std::size_t count, std::size_t n, std::size_t columns,
                         const T* factor, const T* x, const T* gx, SmallResult<T> ga,
                         SmallResult<T> gb);
  /// x (m, columns) = op(a)^-1 b, or b op(a)^-1; a is finite, and not 0 on its diagonal.
  void (*triangle)(TriangleUse use, std::size_t count, std::size_t m, std::size_t columns,
                   const T* a, const T* b, T* x);
  /// y = a^-1.
  SmallOutcome (*inverse)(std::size_t count, std::size_t n, const T* a, T* y);
  /// ga = -y' gy y'.
  void (*inverse_backward)(std::size_t count, std::size_t n, const T* y, const T* gy,
                           SmallResult<T> ga);
};

/// The size of interleaved factors, whatever the number of lanes.
constexpr std::size_t lu_numbers(std::size_t count, std::size_t n) {
  return (count + kSmallMatrix - 1) / kSmallMatrix * kSmallMatrix * (n + 1) * n;
}

template <Isa I, class T>
SmallCholeskyKernels<T> make_small_cholesky_kernels();
template <Isa I, class T>
SmallSystemKernels<T> make_small_system_kernels();

}  // namespace xgrad::kernels
