#pragma once

// The windows of images as columns, and columns added up to images.

#include <cstddef>

#include "xgrad/kernels/convolution.hpp"

namespace xgrad::kernels {

/// columns (n, in kernel, output) from images (n, in, input), for the sizes of a convolution of one
/// group; added if `accumulate`.
template <class T>
void unfold(const Convolution& c, const T* x, T* columns, bool accumulate);
/// The adjoint.
template <class T>
void fold(const Convolution& c, const T* columns, T* x, bool accumulate);

}  // namespace xgrad::kernels
