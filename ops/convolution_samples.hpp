#pragma once

// Gradients of a convolution's weights for each sample by itself. Internal.

#include "xgrad/ops/convolution.hpp"

namespace xgrad::detail {

/// For each sample the gradient by w (out, in / groups, kernel...) of the convolution of x (n, in,
/// size...) with these options, whose result has the gradient gy. **Shapes** -> (n, shape of w).
template <class T>
Tensor<T> weight_gradients_of_samples(const Tensor<T>& x, const Tensor<T>& gy, const Shape& w,
                                      const ConvOptions& options);

}  // namespace xgrad::detail
