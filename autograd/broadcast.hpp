#pragma once

// The operations that the backward walk itself and every family of operations need: adding
// gradients, undoing a broadcast, looking at numbers under another shape. Internal; users find them
// in xgrad/ops as `a + b`, `sum`, `broadcast_to` and `reshape`.

#include "xgrad/autograd/tensor.hpp"

namespace xgrad::detail {

/// a + b, broadcasting.
template <class T>
Tensor<T> add(const Tensor<T>& a, const Tensor<T>& b);

/// x repeated along new and size-1 axes. Throws std::invalid_argument when x does not broadcast to
/// `shape`.
template <class T>
Tensor<T> broadcast_to(const Tensor<T>& x, const Shape& shape);

/// The adjoint of broadcast_to: x summed over the axes along which a tensor of `shape`
/// was repeated.
template <class T>
Tensor<T> sum_to(const Tensor<T>& x, const Shape& shape);

/// Neighbouring axes of `wide` along which `narrow` is repeated: the last ones before `end`, from `begin` on. False
/// when there are none. Both functions above take one group after the other, the last one first.
bool last_repeated_axes(const Shape& wide, const Shape& narrow, std::size_t& end,
                        std::size_t& begin);

/// The same numbers under another shape of as many elements, sharing memory. Differentiable.
template <class T>
Tensor<T> view(const Tensor<T>& x, const Shape& shape);

/// y += x, n numbers.
template <class T>
void add_in_place(T* y, const T* x, std::size_t n);

}  // namespace xgrad::detail
