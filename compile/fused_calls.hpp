#pragma once

// What the machine code of an elementwise program calls for a formula. Internal:
// compile/fused_steps.cpp.

#include <cstddef>

#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/kernels/groups.hpp"

namespace xgrad::detail {

/// `group` without what does not have the bits of the rule's kernels on some thousand numbers.
template <class T>
kernels::GroupKernels<T> only_exact(const kernels::GroupKernels<T>& group,
                                    const ElementwiseRule<T>& rule, const void* functor);

/// The formula's GroupKernels, only_exact. The compiler may contract a sum of products in one way there
/// and in another in the loop; whether it did is looked at once for each formula.
template <class T>
kernels::GroupKernels<T> exact_group_kernels(const ElementwiseRule<T>& rule, const void* functor);

/// In place of what is left out: the loop's kernel itself, for one group. Formulas of one or two
/// inputs.
template <class T>
struct KernelCall {
  const ElementwiseRule<T>* rule;
  const void* functor;
  unsigned wanted, needed;  // of a gradient

  /// As GroupKernels::value, and with the gradient gz of the value in place of a slope.
  static void value(const void* call, const T* x, const T* y, T* z);
  static void gradient(const void* call, const T* x, const T* y, const T* z, const T* gz, T* g);
};

extern template struct KernelCall<float>;
extern template struct KernelCall<double>;

}  // namespace xgrad::detail
