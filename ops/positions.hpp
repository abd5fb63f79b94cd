#pragma once

// Where a vector stands in a sequence: numbers that are added to it, or an angle by which its pairs of
// numbers are turned.

#include <cstddef>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

/// Row i: sin(p / base^(2 k / width)) at 2 k and the cosine at 2 k + 1, with p = first + i.
/// Shapes: -> (length, width). Throws std::invalid_argument for an odd width and a base that is not
/// positive and finite. Source: Vaswani et al. 2017, section 3.5.
template <class T>
Tensor<T> sinusoidal_positions(std::size_t length, std::size_t width, std::size_t first = 0,
                               double base = 10000);

struct RotaryOptions {
  std::size_t first = 0;  ///< the position of the first vector
  double base = 10000;    ///< of the wavelengths
  bool halves = false;    ///< pairs are (k, k + width / 2) and not (2 k, 2 k + 1)
};

/// The pair k of the vector at position p turned by the angle p / base^(2 k / width): inner products of
/// two such vectors depend on their distance, not on where they are.
/// Shapes: x (..., length, width) -> the same. Gradient: gy turned back. Throws std::invalid_argument
/// for fewer than two axes, an odd width, and a base that is not positive and finite.
/// Source: Su, Lu, Pan, Murtadha, Wen, Liu 2021.
template <class T>
Tensor<T> rotary(const Tensor<T>& x, const RotaryOptions& options = {});

}  // namespace xgrad
