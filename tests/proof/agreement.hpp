#pragma once

// One function, one gradient: a plain pass, a recorded one, and passes for one operand alone.

#include <vector>

#include "xgrad/autograd/tensor_function.hpp"

namespace proof {

/// Numbers where derivatives go wrong: zeros, subnormal, small, large and infinite ones, NaN.
template <class T>
std::vector<T> hard_points();

/// As many operands as asked for, which hold all combinations of the points.
template <class T>
std::vector<xgrad::Tensor<T>> combinations(const std::vector<T>& points, std::size_t operands);

/// Checks that all passes give the same gradients of the first result, and the same second
/// derivatives, to all operands that are differentiable.
template <class T>
void check_agreement(const xgrad::TensorFunction<T>& f, const std::vector<xgrad::Tensor<T>>& x,
                     const std::vector<bool>& differentiable, bool twice = true);

/// The same of an operation that mixes the elements of its operands, at one x.
template <class T>
void check_passes(const xgrad::TensorFunction<T>& f, const std::vector<xgrad::Tensor<T>>& x,
                  const std::vector<bool>& differentiable);

}  // namespace proof
