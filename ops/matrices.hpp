#pragma once

// What operations on matrices share: the last two axes are rows and columns, those before them a
// batch. Internal.

#include "xgrad/autograd/record.hpp"
#include "xgrad/kernels/lapack.hpp"

namespace xgrad::detail {

inline std::size_t rows(const Shape& s) { return s[s.rank() - 2]; }
inline std::size_t columns(const Shape& s) { return s[s.rank() - 1]; }
inline Shape batch_of(const Shape& s) { return Shape(s.begin(), s.end() - 2); }
Shape with_matrix(Shape batch, std::size_t m, std::size_t n);

/// Throws std::invalid_argument for fewer than two axes, or other than square matrices.
void require_matrix(const char* operation, const char* name, const Shape& s);
void require_square(const char* operation, const char* name, const Shape& s);

/// "matrix 3 of the batch", "the matrix": where something is wrong in a batch.
std::string which_matrix(const Shape& s, std::size_t matrix);
/// "(..., 40, 40)" of a batch, "(40, 40)" of one matrix.
std::string matrix_shape(const Shape& s);

/// Which elements of a matrix an operation reads.
enum class Part { all, lower, upper, below, above };  // below and above: without the diagonal

/// Throws std::invalid_argument when one of those elements is NaN or infinite: what LAPACK makes of
/// them differs from routine to routine.
template <class T>
void require_finite(const char* operation, const char* name, const Tensor<T>& x,
                    Part part = Part::all);

/// x with the diagonals multiplied by `diagonal` and the elements of the other triangle 0. Linear,
/// and its own adjoint. Shapes: (..., m, n) -> the same.
template <class T>
Tensor<T> triangle(const Tensor<T>& x, bool upper, T diagonal);

/// Both with the batch axes that they broadcast to.
template <class T>
struct Pair {
  Tensor<T> a, b;
};
template <class T>
Pair<T> with_one_batch(const char* operation, const Tensor<T>& a, const Tensor<T>& b);

}  // namespace xgrad::detail
