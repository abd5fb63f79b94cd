// A header of a user's, in a folder with the name of one of the library's.

#pragma once

#include <xgrad/ops/math.hpp>

namespace own {
template <class T>
xgrad::Tensor<T> cube(const xgrad::Tensor<T>& x) {
  return square(x) * x;
}
}  // namespace own
