#pragma once

// Tensors with names: how modules hand their parameters to optimizers, checkpoints and reports.

#include <string>
#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/base/text.hpp"

namespace xgrad {

/// A tensor with the name it has where it came from.
template <class T>
struct NamedTensor {
  std::string name;  ///< with the path of modules: "encoder.fc1.weight"
  Tensor<T> tensor;  ///< a handle, sharing memory with its owner
};

/// In the order of registration.
template <class T>
using NamedTensors = std::vector<NamedTensor<T>>;

/// Gives plain tensors the names "0", "1", ...
template <class T>
NamedTensors<T> named(const std::vector<Tensor<T>>& tensors) {
  NamedTensors<T> r;
  for (const Tensor<T>& t : tensors) r.push_back({detail::text(r.size()), t});
  return r;
}

}  // namespace xgrad
