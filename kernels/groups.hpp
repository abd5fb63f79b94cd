#pragma once

// Formulas on a few numbers at a time, for machine code that is made at run time
// (compile/fused_code.hpp).

#include <cstddef>
#include <vector>

#include "xgrad/kernels/loop.hpp"

namespace xgrad::kernels {

/// Bytes of a group of numbers: some packs of any instruction set.
constexpr std::size_t kGroupBytes = 128;

/// A formula of one or two inputs (for one, y is not looked at) and its slopes by each, with the same
/// bits as in a loop. Null: there is none.
template <class T>
struct GroupKernels {
  /// z = f(x, y).
  void (*value)(const void* functor, const T* x, const T* y, T* z) = nullptr;
  /// d = the slope by input i at x, y, where f is z.
  void (*slope[2])(const void* functor, const T* x, const T* y, const T* z, T* d) = {};
  /// The value and the slope of a formula of one input.
  void (*both)(const void* functor, const T* x, const T* y, T* z, T* d) = nullptr;
};

/// What belongs to the formula that this is the kernel of, in the instruction set in use; nothing for
/// users' formulas.
template <class T>
GroupKernels<T> group_kernels(ForwardKernel<T> forward);

/// Where the sources of kernels/formulas put theirs.
class GroupTable {
 public:
  void add(ForwardKernel<float> forward, const GroupKernels<float>& kernels);
  void add(ForwardKernel<double> forward, const GroupKernels<double>& kernels);

  template <class T>
  struct Entry {
    ForwardKernel<T> forward;
    GroupKernels<T> kernels;
  };
  const std::vector<Entry<float>>& entries(float) const { return of_float_; }
  const std::vector<Entry<double>>& entries(double) const { return of_double_; }

 private:
  std::vector<Entry<float>> of_float_;
  std::vector<Entry<double>> of_double_;
};

/// Those of all formulas of the library: a source that CMake writes, see cmake/kernels.cmake.
void add_groups(GroupTable& table);

}  // namespace xgrad::kernels
