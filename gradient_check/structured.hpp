#pragma once

// Gradients by matrices that are not free: symmetric ones, and triangles.
//
//   check_structured_gradients([](const auto& a) { return cholesky(a); }, {a},
//                              {Structure::symmetric});
//
// A function of a symmetric matrix need not be defined beside the symmetric ones, and its gradient
// says what happens along them only. So the numbers that are free are checked, an element of the
// lower triangle and its mirror image being one: what is moved stays in the domain.

#include <utility>
#include <vector>

#include "xgrad/gradient_check/check.hpp"

namespace xgrad {

/// What is known of an input (..., n, n).
enum class Structure {
  any,        ///< nothing: every element is free; other shapes as well
  symmetric,  ///< the lower triangle is free, and mirrored
  lower,      ///< the lower triangle is free, what is above it stays as it is
  upper,      ///< the upper triangle is free
};

namespace detail {
/// f of the whole inputs, as a function of their free numbers.
TensorFunction<double> of_free_numbers(TensorFunction<double> f,
                                       const std::vector<Tensor<double>>& inputs,
                                       const std::vector<Structure>& structures);
/// The free numbers of each input, a list of them for an input with a structure.
std::vector<Tensor<double>> free_numbers(const std::vector<Tensor<double>>& inputs,
                                         const std::vector<Structure>& structures);
}  // namespace detail

/// check_gradients by the free numbers of each input, which the report counts along the rows of
/// their triangle: input[0] is a[0, 0], input[1] is a[1, 0] of a lower one. Inputs beyond
/// `structures` have none. **Throws** std::invalid_argument for an input with a structure that is
/// not square or, declared symmetric, is not.
template <class F>
GradientReport check_structured_gradients(F f, const std::vector<Tensor<double>>& inputs,
                                          const std::vector<Structure>& structures,
                                          const GradientCheckOptions& options = {}) {
  const auto whole = as_tensor_function<double>(std::move(f), "check_structured_gradients");
  return detail::check_in_place(detail::of_free_numbers(whole, inputs, structures),
                                detail::as_leaves(detail::free_numbers(inputs, structures)),
                                options);
}

}  // namespace xgrad
