#pragma once

// The gamma function's logarithm and its derivatives, and the distribution named after it. One
// number at a time, in double whatever the type of the array.

#include <cstddef>

#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/random.hpp"

namespace xgrad::kernels {

/// The n-th derivative of digamma, which is that of order 0. Poles: digamma is -inf at 0 and +inf at
/// -0; at negative integers, and at 0 for even n > 0, there is no value (NaN), at 0 and below +inf
/// for odd n.
double polygamma(unsigned n, double x);

/// y = log |gamma(x)|, or the n-th derivative of digamma.
template <class T>
void lgamma(const T* x, T* y, std::size_t size);
template <class T>
void polygamma(unsigned n, const T* x, T* y, std::size_t size);

/// z[i] from the gamma distribution of shape a[i] > 0 and rate 1, at least the smallest normal
/// number.
template <class T>
void fill_gamma(const T* a, T* z, std::size_t size, Generator::State draw);

/// How a quantile z of that distribution moves with a: dz/da at a fixed probability, and the
/// partial derivatives of this slope by a and by z.
struct GammaSlope {
  double slope, by_a, by_z;
};
GammaSlope gamma_slope(double a, double z);

/// The slopes, and their derivatives, of arrays.
template <class T>
void gamma_slopes(const T* a, const T* z, T* slope, std::size_t size);
template <class T>
void gamma_second_slopes(const T* a, const T* z, T* by_a, T* by_z, std::size_t size);

namespace detail {
/// visit(i) for all i < n, in pieces; one of them takes as long as `cost` elements of a plain loop.
template <class Visit>
void each_number(std::size_t n, std::size_t cost, const Visit& visit) {
  const std::size_t pieces = pieces_for(n * cost);
  parallel_for(pieces, [&](std::size_t k) {
    const std::size_t end = piece_begin(n, pieces, k + 1);
    for (std::size_t i = piece_begin(n, pieces, k); i < end; ++i) visit(i);
  });
}
}  // namespace detail

}  // namespace xgrad::kernels
