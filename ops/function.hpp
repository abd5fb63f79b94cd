#pragma once

// custom_function: an operation with a forward and a backward rule of your own.
//
//   Tensor<double> y = custom_function<double>("cube", {x},
//       [](const auto& in) { return in[0] * in[0] * in[0]; },
//       [](const auto& in, const auto& y, const auto& gy) {
//         return std::vector{3.0 * square(in[0]) * gy};
//       });

#include <functional>
#include <string>
#include <vector>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

/// Computes the output from the inputs. Runs without recording.
template <class T>
using ForwardFunction = std::function<Tensor<T>(const std::vector<Tensor<T>>& inputs)>;

/// d(loss)/d(inputs) from inputs, output and d(loss)/d(output): one tensor per input, of its shape
/// or one it broadcasts to; undefined where there is no gradient. Written in tensor operations it
/// can be differentiated again.
template <class T>
using BackwardFunction = std::function<std::vector<Tensor<T>>(
    const std::vector<Tensor<T>>& inputs, const Tensor<T>& output, const Tensor<T>& gradient)>;

/// Applies `forward` and records `backward` for it under `name`. The graph keeps `backward`, and a
/// compiled function, which calls it again each time, keeps `forward` as well: what they have
/// references to lives as long.
/// Throws std::logic_error, during the backward pass, when `backward` returns another number of
/// tensors or a tensor of a shape that does not fit, naming the operation.
template <class T>
Tensor<T> custom_function(std::string name, const std::vector<Tensor<T>>& inputs,
                          ForwardFunction<T> forward, BackwardFunction<T> backward);

}  // namespace xgrad
