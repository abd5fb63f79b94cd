#pragma once

// Euclidean distances between the rows of two matrices, and sums of differences of rows weighted
// with numbers of pairs: what the derivatives of distances consist of.
//
// A sum over k of (a - b)^2 is |a|^2 + |b|^2 - 2 a b, whose products a matrix product computes
// fast, and whose rounding errors are those of |a|^2 + |b|^2: fine where a and b, seen from the
// middle of all rows, are about as far from each other as from there, and useless where they are
// close. Pairs that are closer than half of what they are from the middle (`near`) are computed by
// their differences, and so are all pairs of short rows.
//
// a (n, k), b (m, k), of pairs (n, m), row-major.

#include <cstddef>

#include "xgrad/kernels/isa.hpp"

namespace xgrad::kernels {

template <class T>
struct DistanceKernels {
  /// y (m) = sum over k of (a[k] - b[k, j])^2, b (k, m).
  void (*squares)(const T* a, const T* b, T* y, std::size_t k, std::size_t m);
  /// y (m) = a + b[j] - 2 y[j]. True when one is below a quarter of a + b[j], or is not a number.
  bool (*expand)(T a, const T* b, T* y, std::size_t m);
  /// y (m) = sqrt y. True when one was not between `low` and infinity.
  bool (*root)(T* y, std::size_t m, T low);
  /// Sum of (a - b)^2.
  T (*pair)(const T* a, const T* b, std::size_t k);
  /// y (k) += g (a - b).
  void (*add)(T* y, T g, const T* a, const T* b, std::size_t k);
  /// Sum of v (a - b).
  T (*project)(const T* v, const T* a, const T* b, std::size_t k);
};

template <Isa I, class T>
DistanceKernels<T> make_distance_kernels();

struct DistanceSizes {
  std::size_t n, m, k;
};

/// d (n, m) = the distances, or their squares.
template <class T>
void distances(const T* a, const T* b, T* d, DistanceSizes s, bool squared);

/// y (n, k) = sum over j of g[i, j] (a[i] - b[j]); with `transposed` y (m, k) = sum over i of
/// g[i, j] (b[j] - a[i]). d: the distances of the pairs.
template <class T>
void weighted_differences(const T* g, const T* a, const T* b, const T* d, T* y, DistanceSizes s,
                          bool squared, bool transposed);

/// y (n, m) = v[i] (a[i] - b[j]), v (n, k); with `transposed` v[j] (b[j] - a[i]), v (m, k).
template <class T>
void projected_differences(const T* v, const T* a, const T* b, const T* d, T* y, DistanceSizes s,
                           bool squared, bool transposed);

}  // namespace xgrad::kernels
