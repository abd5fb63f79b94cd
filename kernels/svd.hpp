#pragma once

// The singular value decomposition of one row-major matrix, by LAPACK.

#include <cstddef>

#include "xgrad/kernels/lapack.hpp"

namespace xgrad::kernels {

enum class Singular { values, with_vectors };

/// a (m, n) = u diag(s) vh with k = min(m, n) values, descending: s (k), u (m, k), vh (k, n); without
/// vectors u and vh are not used. By gesdd, and by gesvd where that does not converge.
template <class T>
lapack::Outcome decompose(Singular wanted, std::size_t m, std::size_t n, const T* a, T* u, T* s,
                          T* vh);

}  // namespace xgrad::kernels
