#pragma once

// One entry of the tape for a function that is called again when the backward pass reaches it.
// Internal: checkpoint(f) and the second derivatives of compiled functions.

#include <memory>
#include <vector>

#include "xgrad/autograd/record.hpp"
#include "xgrad/autograd/tensor_function.hpp"
#include "xgrad/kernels/random.hpp"

namespace xgrad::detail {

/// A function and what its first call was given.
template <class T>
struct Repeatable {
  const char* name;  // of the operation, for messages
  TensorFunction<T> f;
  std::vector<Tensor<T>> inputs;    // of f, in its order
  std::vector<Tensor<T>> operands;  // what requires gradients, each once: inputs of f and others
  std::vector<std::uint32_t> versions;  // of the operands and the inputs
  NotedDraws draws;
};

/// The number of this thread's last entry, after raising it to those of the tensors: they come
/// before what the thread records from now on, whoever made them.
template <class T>
std::uint64_t sequence_after(const std::vector<Tensor<T>>& tensors);

/// Adds to `operands` those tensors that require gradients and that the outputs depend on, of what
/// was recorded up to `before`.
template <class T>
void find_operands(std::vector<Tensor<T>>& operands, const std::vector<Tensor<T>>& outputs,
                   std::uint64_t before);

/// Notes the versions: from here on the numbers must not be changed before the repetition.
template <class T>
void remember(Repeatable<T>& r);

/// Calls f again and adds the gradients of the operands, which are the inputs of the entry that b
/// stands for. `gradients` are those of the outputs; undefined ones are left out.
template <class T>
void repeat(const Repeatable<T>& r, std::vector<Tensor<T>> gradients, Backward<T>& b);

}  // namespace xgrad::detail
