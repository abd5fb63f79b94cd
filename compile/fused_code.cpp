#include "xgrad/compile/fused_code.hpp"

#include <algorithm>
#include <vector>

#include "xgrad/compile/fused_blocks.hpp"
#include "xgrad/kernels/groups.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad::detail {
namespace {

template <class T>
constexpr std::size_t kGroup = kernels::kGroupBytes / sizeof(T);

template <class T>
void advance(const FusedProgram<T>& program, std::size_t n, const T** arrays) {
  const std::size_t inputs = program.inputs();
  for (std::size_t i = 0; i < inputs; ++i) arrays[i] += n * program.strides[i];
  for (std::size_t o = 0; o < program.outputs.size(); ++o) arrays[inputs + o] += n;
}

template <class T>
void run_by_kernels(const FusedProgram<T>& program, std::size_t n, const T* const* arrays) {
  std::vector<T*> out;
  for (std::size_t o = 0; o < program.outputs.size(); ++o)
    out.push_back(const_cast<T*>(arrays[program.inputs() + o]));
  run_blocks(program, n, arrays, out.data());
}

}  // namespace

// Where the code stops there is a NaN: the kernels take over for some groups. `goes_on`: more is to come, and the
// arrays are moved to it.
template <class T>
void FusedCode<T>::run_groups(const FusedProgram<T>& program, std::size_t n, const T** arrays,
                              bool goes_on) const {
  constexpr std::size_t kByKernels = 512;
  while (n != 0) {
    const std::size_t done = entry_(arrays, 0, n * sizeof(T)) / sizeof(T);
    if (done == n && !goes_on) return;
    advance(program, done, arrays);
    n -= done;
    const std::size_t some = std::min(kByKernels, n);
    if (some != 0) run_by_kernels(program, some, arrays);
    advance(program, some, arrays);
    n -= some;
  }
}

// Fewer numbers than a group: as one, in memory of its own.
template <class T>
void FusedCode<T>::run_rest(const FusedProgram<T>& program, std::size_t n,
                            const T* const* arrays) const {
  const std::size_t inputs = program.inputs(), all = inputs + program.outputs.size();
  kernels::Scratch<T> numbers(all * kGroup<T>, T(0.5));
  kernels::Scratch<const T*> groups(all);
  for (std::size_t k = 0; k < all; ++k) groups[k] = numbers.data() + k * kGroup<T>;
  for (std::size_t i = 0; i < inputs; ++i) {
    std::copy_n(arrays[i], program.strides[i] == 0 ? 1 : n, numbers.data() + i * kGroup<T>);
  }
  if (entry_(groups.data(), 0, kernels::kGroupBytes) == 0)
    return run_by_kernels(program, n, arrays);
  for (std::size_t k = inputs; k < all; ++k) std::copy_n(groups[k], n, const_cast<T*>(arrays[k]));
}

template <class T>
void FusedCode<T>::run(const FusedProgram<T>& program, std::size_t n, const T** arrays) const {
  const std::size_t rest = n % program.group;
  run_groups(program, n - rest, arrays, rest != 0);
  if (rest != 0) run_rest(program, rest, arrays);
}

template class FusedCode<float>;
template class FusedCode<double>;

}  // namespace xgrad::detail
