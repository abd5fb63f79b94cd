#pragma once

// Eigenvalues and singular values in extended precision, by rotations (Jacobi): nothing of LAPACK.

#include "reference.hpp"

namespace proof {

/// Of one symmetric matrix (n, n), ascending; in vectors column i belongs to value i, and its
/// largest component is positive.
struct Eigen {
  std::vector<Number> values;
  Reference vectors;
};
Eigen eigen(const Reference& a);

/// Of one matrix (m, n), descending: a = u diag(s) vh with the largest component of each column of
/// u positive. No value may be 0.
struct Singular {
  Reference u;
  std::vector<Number> s;
  Reference vh;
};
Singular singular(const Reference& a);

/// Of one matrix (m, n) whose first k = min(m, n) columns are independent: a = q r with q (m, k) and
/// r (k, n), by the method of Gram and Schmidt, twice.
struct Orthogonal {
  Reference q, r;
};
Orthogonal orthogonal(const Reference& a);

/// The pseudo-inverse of one matrix of full rank.
Reference pseudo_inverse(const Reference& a);

/// e^a of one matrix, by its series on a / 2^k.
Reference exponential(const Reference& a);

/// f of each matrix of a batch; `result` is the shape of one.
Formula each_matrix(std::function<Reference(const Reference&)> f,
                    std::function<Shape(std::size_t m, std::size_t n)> result);

}  // namespace proof
