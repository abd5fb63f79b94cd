#pragma once

// LAPACK, one matrix at a time: the door through which every factorisation goes.
//
// Conventions:
//   - Matrices are column-major, without gaps: what is row-major elsewhere in the library is the
//     transpose here. A symmetric matrix is its own, its lower triangle there is the upper one here.
//   - Arguments that LAPACK overwrites are the caller's own buffers, never a user's array.
//   - Everything must be finite: what routines make of NaN differs, and some report success.
//   - OpenBLAS runs on the thread that calls: bits do not depend on the number of threads.
//   - `info` is always read. What depends on the numbers is returned, an argument that LAPACK
//     refuses is an error of this library and throws std::logic_error. Sizes that LAPACK cannot
//     count (2^31 and more) throw std::invalid_argument.
//   - Empty matrices are taken by all of them, and nothing is done.

#include <cstddef>
#include <exception>
#include <mutex>

#include "xgrad/kernels/parallel.hpp"

namespace xgrad::kernels::lapack {

/// How a routine ended: 0, or LAPACK's positive `info`, such as the order of the first leading
/// minor that is not positive, the first pivot that is 0, or how much did not converge.
struct [[nodiscard]] Outcome {
  std::size_t info = 0;

  bool failed() const { return info != 0; }
};

enum class Triangle : char { lower = 'L', upper = 'U' };  ///< of a column-major matrix
enum class Diagonal : char { stored = 'N', unit = 'U' };
enum class Transposed : char { no = 'N', yes = 'T' };
enum class Side : char { left = 'L', right = 'R' };
enum class Vectors : char { none = 'N', thin = 'S', all = 'A' };

/// a (n, n) = L L' or U' U in the triangle named; the other one is neither read nor written.
/// Fails at a leading minor that is not positive.
template <class T>
Outcome potrf(Triangle triangle, std::size_t n, T* a);

/// The triangle of the inverse from potrf's.
template <class T>
Outcome potri(Triangle triangle, std::size_t n, T* a);

/// The inverse of a triangle in place. Fails at a diagonal element that is 0.
template <class T>
Outcome trtri(Triangle triangle, Diagonal diagonal, std::size_t n, T* a);

/// L' L or U U' of a triangle, in its place.
template <class T>
Outcome lauum(Triangle triangle, std::size_t n, T* a);

/// b (n, columns) = op(a)^-1 b by a triangle of a (n, n). Fails at a diagonal element that is 0,
/// before b is changed.
template <class T>
Outcome trtrs(Triangle triangle, Transposed transposed, Diagonal diagonal, std::size_t n,
              std::size_t columns, const T* a, T* b);

/// a (m, n) = P L U in place, pivots (min(m, n)) from 1. Fails at a pivot that is exactly 0, with
/// the factors completed.
template <class T>
Outcome getrf(std::size_t m, std::size_t n, T* a, int* pivots);

/// b (n, columns) = op(A)^-1 b from getrf's factors.
template <class T>
Outcome getrs(Transposed transposed, std::size_t n, std::size_t columns, const T* a,
              const int* pivots, T* b);

/// The inverse from getrf's factors in place.
template <class T>
Outcome getri(std::size_t n, T* a, const int* pivots);

/// The reciprocal of the condition number in the 1-norm from getrf's factors, and the norm of the
/// matrix itself.
template <class T>
Outcome gecon(std::size_t n, const T* a, T norm, T* reciprocal);

/// a (m, n) = Q R: R above, reflectors below the diagonal, their factors in tau (min(m, n)).
template <class T>
Outcome geqrf(std::size_t m, std::size_t n, T* a, T* tau);

/// The first `columns` <= m columns of Q in place of `reflectors` <= columns reflectors: a (m,
/// columns).
template <class T>
Outcome orgqr(std::size_t m, std::size_t columns, std::size_t reflectors, T* a, const T* tau);

/// c (m, n) = op(Q) c, or c op(Q), with `reflectors` reflectors in a (m or n, reflectors).
template <class T>
Outcome ormqr(Side side, Transposed transposed, std::size_t m, std::size_t n,
              std::size_t reflectors, const T* a, const T* tau, T* c);

/// Eigenvalues w (n), ascending, of the symmetric matrix in the triangle named; with vectors their
/// columns in place of a, which is destroyed otherwise. Fails where an eigenvalue does not converge.
template <class T>
Outcome syevd(Vectors vectors, Triangle triangle, std::size_t n, T* a, T* w);

/// a (m, n) = U diag(s) V', s descending; a is destroyed. thin: u (m, k), vt (k, n) with k =
/// min(m, n); all: u (m, m), vt (n, n); none: both unused. Fails where it does not converge.
template <class T>
Outcome gesdd(Vectors vectors, std::size_t m, std::size_t n, T* a, T* s, T* u, T* vt);

/// The same by another algorithm, slower and with fewer ways to fail.
template <class T>
Outcome gesvd(Vectors vectors, std::size_t m, std::size_t n, T* a, T* s, T* u, T* vt);

/// The first of a batch that failed.
struct [[nodiscard]] BatchOutcome {
  std::size_t matrix = 0, info = 0;

  bool failed() const { return info != 0; }
};

/// each(i), which returns an Outcome, for all matrices of a batch, shared out over the library's
/// threads where `work`, the multiplications for one of them, makes that worth it. All are done,
/// also after a failure; the first one is returned, and an exception of any is passed on.
template <class Each>
BatchOutcome for_each_matrix(std::size_t count, double work, const Each& each) {
  constexpr double kPieceWork = 2e5;
  BatchOutcome first;
  std::exception_ptr thrown;
  std::mutex mutex;
  const auto one = [&](std::size_t i) {
    const Outcome o = each(i);
    if (!o.failed()) return;
    const std::lock_guard lock(mutex);
    if (!first.failed() || i < first.matrix) first = {i, o.info};
  };
  const double wanted = work * static_cast<double>(count) / kPieceWork;
  const std::size_t most = count < 64 ? count : 64;
  const std::size_t pieces = wanted < 2                           ? 1
                             : wanted < static_cast<double>(most) ? static_cast<std::size_t>(wanted)
                                                                  : most;
  parallel_for(pieces < 1 ? 1 : pieces, [&](std::size_t piece) {
    try {
      const std::size_t last = count * (piece + 1) / pieces;
      for (std::size_t i = count * piece / pieces; i < last; ++i) one(i);
    } catch (...) {
      const std::lock_guard lock(mutex);
      thrown = std::current_exception();
    }
  });
  if (thrown) std::rethrow_exception(thrown);
  return first;
}

}  // namespace xgrad::kernels::lapack
