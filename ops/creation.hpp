#pragma once

// Constants from a rule: `zeros<float>({2, 3})`. From numbers at hand: Tensor<T>::from and any
// xtensor expression; from random draws: random.hpp.
//
// Nothing here has a gradient; `parameter(zeros<float>({2, 3}))` makes a leaf that does.

#include <cstddef>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

/// All numbers 0, 1, or a given one.
template <class T>
Tensor<T> zeros(const Shape& shape) {
  return Tensor<T>::filled(shape, T(0));
}
template <class T>
Tensor<T> ones(const Shape& shape) {
  return Tensor<T>::filled(shape, T(1));
}
template <class T>
Tensor<T> full(const Shape& shape, std::type_identity_t<T> value) {
  return Tensor<T>::filled(shape, value);
}

/// Constants of the shape of x.
template <class T>
Tensor<T> zeros_like(const Tensor<T>& x) {
  return zeros<T>(x.shape());
}
template <class T>
Tensor<T> ones_like(const Tensor<T>& x) {
  return ones<T>(x.shape());
}
template <class T>
Tensor<T> full_like(const Tensor<T>& x, std::type_identity_t<T> value) {
  return full<T>(x.shape(), value);
}

/// start, start + step, ... as far as they lie before stop (behind it for a negative step):
/// ceil((stop - start) / step) numbers, each computed as start + i step in double precision. None
/// when stop lies on the other side. Throws std::invalid_argument for step 0, for values that are
/// not finite, and for more numbers than an array can have.
template <class T>
Tensor<T> arange(double start, double stop, double step = 1);
/// 0, 1, ... before stop.
template <class T>
Tensor<T> arange(double stop) {
  return arange<T>(0, stop);
}

/// n numbers at equal distances from start to stop, both included; n = 1 gives start.
template <class T>
Tensor<T> linspace(double start, double stop, std::size_t n);

/// The identity matrix (n, n), or its part or extension (n, m): 1 where row and column are
/// the same.
template <class T>
Tensor<T> eye(std::size_t n, std::size_t m);
template <class T>
Tensor<T> eye(std::size_t n) {
  return eye<T>(n, n);
}

/// Positions or labels as numbers.
template <class T>
Tensor<T> from_indices(const Indices& index);

}  // namespace xgrad
