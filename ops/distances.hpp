#pragma once

// Distances between all rows of two matrices.

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

struct CdistOptions {
  bool squared = false;  ///< the squares of the Euclidean distances, which are smooth
  double p = 2;          ///< the norm of the difference, in [0, inf]; 0 counts elements that differ
};

/// The distance of each row of a from each row of b. Shapes: a (s, n, k), b (s, m, k) ->
/// (s, n, m); axes before the last two are batches and broadcast. Rows of 16 elements and more are
/// multiplied as matrices, and pairs so close that their squares would cancel computed by their
/// differences, in the backward passes too: each distance is good to a few units of the last
/// place times the root of k, that of equal rows is 0. Gradient: ga_i = sum over j of gy_ij (a_i - b_j) / y_ij, where
/// pairs at distance 0 contribute 0; squared 2 gy_ij (a_i - b_j).
///
/// For p other than 2 it is `norm` of the differences, with its gradient: 0 at distance 0 and for
/// elements that are equal, shared evenly between the largest for p infinite, 0 for p = 0. The
/// differences of all pairs, n m k numbers, are kept for the backward pass.
///
/// Throws std::invalid_argument: fewer than two axes, rows of different sizes, batches that do not
/// fit, another p, `squared` and p other than 2.
template <class T>
Tensor<T> cdist(const Tensor<T>& a, const Tensor<T>& b, CdistOptions options = {});

}  // namespace xgrad
