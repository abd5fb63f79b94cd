#pragma once

// The exponential of a matrix, by scaling and squaring with Pade approximants.

#include <cstddef>

namespace xgrad::kernels {

/// y = e^a for matrices (n, n), row-major, finite; computed in double. Beyond the range of T
/// infinite or NaN.
/// Source: Al-Mohy, Higham 2009, "A new scaling and squaring algorithm for the matrix exponential",
/// algorithm 5.1, with powers where that has estimates of their norms.
template <class T>
void matrix_exp(const T* a, std::size_t n, T* y);

}  // namespace xgrad::kernels
