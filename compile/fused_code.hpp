#pragma once

// An elementwise program as machine code, made at run time. Internal: compile/fused.hpp.
//
// The code is straight and works on one group of numbers (kernels::kGroupBytes) after another: values
// are in registers, those that do not fit in the frame, and formulas other than arithmetic are called
// (compile/fused_calls.hpp). It does not repair NaN: where a gradient comes out as NaN it stops before it
// writes, and the elements are left to the kernels.

#include <cstddef>
#include <memory>

#include "xgrad/compile/fused.hpp"

namespace xgrad::detail {

template <class T>
class FusedCode {
 public:
  /// Null where there is no code for the program: on other processors, in a library built without
  /// Xbyak, for formulas of more than two inputs, and where the system allows none.
  static std::unique_ptr<FusedCode> make(const FusedProgram<T>& program, FusedWay way);

  /// n elements of the innermost axis, as run_blocks has them: the addresses of the inputs and, behind
  /// them, of the outputs, which are changed.
  void run(const FusedProgram<T>& program, std::size_t n, const T** arrays) const;

 private:
  // Groups from byte `begin` of the arrays on; returns where it stopped.
  using Entry = std::size_t (*)(const T* const* arrays, std::size_t begin, std::size_t end);

  FusedCode() = default;
  void run_groups(const FusedProgram<T>& program, std::size_t n, const T** arrays,
                  bool goes_on) const;
  void run_rest(const FusedProgram<T>& program, std::size_t n, const T* const* arrays) const;

  std::shared_ptr<const void> memory_;
  Entry entry_ = nullptr;
};

extern template class FusedCode<float>;
extern template class FusedCode<double>;

}  // namespace xgrad::detail
