#include "xgrad/compile/fused_blocks.hpp"

#include <algorithm>

#include "xgrad/autograd/elementwise_loop.hpp"
#include "xgrad/kernels/formulas/arithmetic.hpp"
#include "xgrad/kernels/scratch.hpp"

namespace xgrad::detail {
namespace {

// Elements of a block: some dozen values of so many numbers fit the first-level cache. A multiple of
// every pack.
constexpr std::size_t kBlock = 512;

template <class T>
class Blocks {
 public:
  explicit Blocks(const FusedProgram<T>& p)
      : p_(p), memory_((p.blocks + kSpread) * kBlock), at_(p.values()) {}

  void run(std::size_t n, const T* const* in, T* const* out) {
    for (std::size_t k = 0; k < n; k += kBlock) run_block(k, std::min(kBlock, n - k), in, out);
  }

 private:
  std::size_t stride(std::uint32_t value) const {
    return value < p_.inputs() ? p_.strides[value] : 1;
  }

  void run_block(std::size_t k, std::size_t n, const T* const* in, T* const* out) {
    for (std::uint32_t i = 0; i < p_.inputs(); ++i) at_[i] = in[i] + k * stride(i);
    for (std::size_t j = 0; j < p_.instructions.size(); ++j) {
      T* const to = memory_.data() + p_.block[j] * kBlock;
      compute(p_.instructions[j], n, to);
      at_[p_.inputs() + j] = to;
    }
    for (std::size_t o = 0; o < p_.outputs.size(); ++o) copy(p_.outputs[o], n, out[o] + k);
  }

  void copy(std::uint32_t value, std::size_t n, T* to) const {
    stride(value) == 0 ? std::fill_n(to, n, *at_[value]) : std::copy_n(at_[value], n, to);
  }

  void compute(const FusedInstruction<T>& i, std::size_t n, T* to) {
    using Kind = typename FusedInstruction<T>::Kind;
    if (i.kind == Kind::gradient) return gradient(i, n, to);
    static const kernels::ElementwiseKernels<T> add =
        kernels::elementwise_kernels_here<primitives::Add, T>();
    const auto& kernels = i.kind == Kind::sum ? add : i.rule->kernels;
    Loop loop;
    const T* x[kernels::kMaxInputs];
    set_inputs(i, n, loop, x);
    kernels.forward(i.functor, loop, x, to);
  }

  void set_inputs(const FusedInstruction<T>& i, std::size_t n, Loop& loop, const T** x) const {
    build_loop(loop, n, i.x.size());
    for (std::size_t k = 0; k < i.x.size(); ++k) {
      x[k] = at_[i.x[k]];
      loop.stride[k][0] = stride(i.x[k]);
    }
  }

  // The value as a full block.
  const T* spread(std::uint32_t value, std::size_t n, std::size_t place) {
    if (stride(value) != 0) return at_[value];
    T* const to = memory_.data() + (p_.blocks + place) * kBlock;
    std::fill_n(to, n, *at_[value]);
    return to;
  }

  // The wanted input is spread where it is repeated: a kernel would add its gradients up.
  void gradient(const FusedInstruction<T>& i, std::size_t n, T* to) {
    Loop loop;
    kernels::BackwardArguments<T> a;
    set_inputs(i, n, loop, a.in);
    a.in[i.wanted] = spread(i.x[i.wanted], n, 0);
    loop.stride[i.wanted][0] = 1;
    a.gy = spread(i.gy, n, 1);
    a.y = i.rule->saves(1U << i.wanted).output ? spread(i.y, n, 2) : nullptr;
    a.careful = i.rule->careful;
    const bool few = i.rule->arity <= 2;  // then the kernel makes all that are in the mask
    for (std::size_t k = 0; k < i.x.size(); ++k) {
      a.gin[k] = k == i.wanted ? to : few ? memory_.data() + (p_.blocks + 3) * kBlock : nullptr;
      a.accumulate[k] = false;
    }
    i.rule->kernels.backward[few ? i.needed : 0](i.functor, loop, a);
  }

  static constexpr std::size_t kSpread = 4;
  const FusedProgram<T>& p_;
  kernels::Scratch<T> memory_;
  std::vector<const T*> at_;
};

}  // namespace

template <class T>
void run_blocks(const FusedProgram<T>& program, std::size_t n, const T* const* in, T* const* out) {
  Blocks<T>(program).run(n, in, out);
}

template void run_blocks(const FusedProgram<float>&, std::size_t, const float* const*,
                         float* const*);
template void run_blocks(const FusedProgram<double>&, std::size_t, const double* const*,
                         double* const*);

}  // namespace xgrad::detail
