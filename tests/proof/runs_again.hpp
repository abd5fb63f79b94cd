#pragma once

// Operations tell how they are run again (autograd/trace.hpp): what was told of one call is done with
// other numbers.

#include <functional>
#include <vector>

#include "xgrad/autograd/tensor_function.hpp"

namespace proof {

/// Whether a function reads numbers on the host, and tells so, in which case nothing can be run again.
enum class Reads { nothing, on_host };

/// Calls f(x) under a tracer, does what that was told with `other` in place of x, and checks that all
/// results, and the gradients of those that have one, are those of f(other) to the last bit.
template <class T>
void check_runs_again(const xgrad::TensorFunction<T>& f, const std::vector<xgrad::Tensor<T>>& x,
                      const std::vector<xgrad::Tensor<T>>& other,
                      const std::vector<bool>& differentiable, Reads reads = Reads::nothing);

/// The same of a function of positions or labels as well, which are others, too.
template <class T>
using IndexedFunction = std::function<std::vector<xgrad::Tensor<T>>(
    const std::vector<xgrad::Tensor<T>>& x, const std::vector<xgrad::Indices>& at)>;
template <class T>
void check_follows_indices(const IndexedFunction<T>& f, const std::vector<xgrad::Tensor<T>>& x,
                           const std::vector<xgrad::Tensor<T>>& other,
                           const std::vector<xgrad::Indices>& at,
                           const std::vector<xgrad::Indices>& other_at);

/// What was told of f(x), with `other`; throws what an operation throws then.
template <class T>
std::vector<xgrad::Tensor<T>> done_again(const xgrad::TensorFunction<T>& f,
                                         const std::vector<xgrad::Tensor<T>>& x,
                                         const std::vector<xgrad::Tensor<T>>& other);

/// What the default generator starts from each time.
inline constexpr unsigned kSeed = 5;

}  // namespace proof
