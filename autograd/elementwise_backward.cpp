#include <algorithm>

#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/autograd/elementwise_loop.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/reduce.hpp"

namespace xgrad::detail {
namespace {

using kernels::BackwardArguments;
using kernels::BackwardKernel;

// --- A kernel over a loop, in pieces ---

// The gradient of input i is a sum along the axis.
template <class T>
bool is_summed(const Loop& loop, const BackwardArguments<T>& a, std::size_t i, std::size_t axis) {
  return a.gin[i] != nullptr && loop.stride[i][axis] == 0;
}

// A sum along an inner axis that is too long for a kernel.
template <class T>
bool sums_long_inner_axis(const Loop& loop, const BackwardArguments<T>& a) {
  for (std::size_t axis = 1; axis < loop.rank; ++axis) {
    if (pieces_by_length(loop, axis) <= 1) continue;
    for (std::size_t i = 0; i < loop.inputs; ++i) {
      if (is_summed(loop, a, i, axis)) return true;
    }
  }
  return false;
}

// From index `begin` of the outermost axis on, element `out` of the output.
template <class T>
BackwardArguments<T> shifted(const Loop& loop, const BackwardArguments<T>& a, std::size_t begin,
                             std::size_t out) {
  BackwardArguments<T> r = a;
  for (std::size_t i = 0; i < loop.inputs; ++i) {
    r.in[i] += begin * loop.stride[i][0];
    if (a.gin[i] != nullptr) r.gin[i] += begin * loop.stride[i][0];
  }
  r.gy += out;
  if (r.y != nullptr) r.y += out;
  return r;
}

// Inputs that are repeated along the outermost axis get one partial sum per piece.
template <class T>
class PartialSums {
 public:
  PartialSums(const Loop& loop, const BackwardArguments<T>& a) : loop_(loop), a_(a) {
    for (std::size_t i = 0; i < loop.inputs; ++i) {
      sizes_[i] = is_summed(loop, a, i, 0) ? size_of(loop, i) : 0;
      size_ += sizes_[i];
    }
  }

  /// Numbers of a piece.
  std::size_t size() const { return size_; }

  void make(std::size_t pieces) { partial_ = Tensor<T>::filled({pieces, size_}, T(0)); }

  void redirect(BackwardArguments<T>& piece, std::size_t k) const {
    T* sum = partial_.node()->data + k * size_;
    for (std::size_t i = 0; i < loop_.inputs; ++i) {
      if (!is_summed(loop_, a_, i, 0)) continue;
      piece.gin[i] = sum;
      piece.accumulate[i] = true;
      sum += sizes_[i];
    }
  }

  void add_up() const {
    if (size_ == 0) return;
    const Tensor<T> total = Tensor<T>::uninitialized({size_});
    kernels::reduce(kernels::Reduction::sum, partial_.data(), total.node()->data, 1,
                    partial_.shape()[0], size_);
    const T* sum = total.data();
    for (std::size_t i = 0; i < loop_.inputs; ++i) {
      for (std::size_t e = 0; e < sizes_[i]; ++e) a_.gin[i][e] += sum[e];
      sum += sizes_[i];
    }
  }

 private:
  const Loop& loop_;
  const BackwardArguments<T>& a_;
  std::size_t sizes_[kernels::kMaxInputs], size_ = 0;
  Tensor<T> partial_;
};

template <class T>
void run_backward(BackwardKernel<T> kernel, const void* functor, const Loop& loop,
                  const BackwardArguments<T>& a);

// One piece: by the kernel, or index by index of the outermost axis.
template <class T>
void run_piece(BackwardKernel<T> kernel, const void* functor, const Loop& loop,
               const BackwardArguments<T>& a) {
  if (!sums_long_inner_axis(loop, a)) return kernel(functor, loop, a);
  const Loop inner = without_outermost(loop);
  for (std::size_t o = 0; o < loop.extent[0]; ++o) {
    run_backward(kernel, functor, inner, shifted(loop, a, o, o * inner.elements()));
  }
}

template <class T>
void run_backward(BackwardKernel<T> kernel, const void* functor, const Loop& loop,
                  const BackwardArguments<T>& a) {
  PartialSums<T> sums(loop, a);
  const std::size_t by_length = sums.size() != 0 ? pieces_by_length(loop, 0) : 1;
  const std::size_t pieces = std::max(pieces_of(loop), by_length);
  if (pieces == 1 || sums.size() * pieces > loop.elements())
    return run_piece(kernel, functor, loop, a);
  sums.make(pieces);
  kernels::parallel_for(pieces, [&](std::size_t k) {
    const Part p = part_of(loop, pieces, k);
    BackwardArguments<T> piece = shifted(loop, a, p.begin, p.out);
    sums.redirect(piece, k);
    run_piece(kernel, functor, p.loop, piece);
  });
  sums.add_up();
}

// --- What the kernel reads and writes ---

const Shape kScalar{};

template <class T>
BackwardKernel<T> backward_kernel(const ElementwiseRule<T>& rule, unsigned needed) {
  return rule.kernels.backward[rule.arity <= 2 ? needed : 0];
}

// Sets what is read. True when all inputs have the output's shape, which is also said of one that
// was neither saved nor requires a gradient.
template <class T>
bool read_from(BackwardArguments<T>& a, Backward<T>& b, const ElementwiseRule<T>& rule,
               const Shape** shapes) {
  const FastPath<T> fast(b);
  const Shape& out = b.gradient().shape();
  bool same = true;
  a.careful = rule.careful;
  a.gy = b.gradient().data();
  a.y = fast.saved_output();
  for (std::size_t i = 0; i < rule.arity; ++i) {
    const Node<T>* x = fast.input_node(i);
    shapes[i] = x != nullptr ? &x->shape : &kScalar;
    // Kernels do not use what was not saved; whatever they load for it must exist.
    a.in[i] = x != nullptr && x->data != nullptr ? x->data : a.gy;
    same = same && (x == nullptr || x->shape == out);
  }
  return same;
}

// The gradient of input i, beside what it has already; a sum where the input was repeated.
template <class T>
void write_to(BackwardArguments<T>& a, Backward<T>& b, std::size_t i) {
  const auto to = FastPath(b).accumulator(i);
  const bool repeated = b.input_shape(i) != b.gradient().shape();
  if (repeated && !to.has_value) std::fill_n(to.data, b.input_shape(i).elements(), T(0));
  a.gin[i] = to.data;
  a.accumulate[i] = repeated || to.has_value;
}

// Sets where the gradients in `needed` go. Returns the input whose gradient takes the memory of the
// output's: a kernel reads that before it writes what takes its place. n when there is none.
template <class T>
std::size_t set_targets(BackwardArguments<T>& a, Backward<T>& b, unsigned needed, std::size_t n) {
  const auto needs = [needed](std::size_t i) { return (needed >> i & 1U) != 0; };
  std::size_t taker = 0;
  while (taker < n && !(needs(taker) && FastPath(b).can_reuse_gradient(taker))) ++taker;
  for (std::size_t i = 0; i < n; ++i) {
    a.gin[i] = i == taker ? b.gradient().node()->data : nullptr;
    a.accumulate[i] = false;
    if (i != taker && needs(i)) write_to(a, b, i);
  }
  return taker;
}

}  // namespace

template <class T>
void elementwise_backward(const void* functor, Backward<T>& b) {
  const auto& rule = static_cast<const ElementwiseRule<T>&>(b.rule());
  if (b.recording()) return rule.composed(functor, b);
  const std::size_t n = rule.arity, elements = b.gradient().size();
  const unsigned needed = b.needs_mask();
  BackwardArguments<T> a;
  const Shape* shapes[kernels::kMaxInputs];
  const bool same = read_from(a, b, rule, shapes);
  Loop loop;
  same ? build_loop(loop, elements, n) : build_loop(loop, b.gradient().shape(), shapes, n);
  const std::size_t taker = set_targets(a, b, needed, n);
  const BackwardKernel<T> kernel = backward_kernel(rule, needed);
  const bool at_once = same && kernels::pieces_for(elements) == 1;
  if (elements != 0) at_once ? kernel(functor, loop, a) : run_backward(kernel, functor, loop, a);
  if (taker < n) FastPath(b).add_reused(taker);
}

template void elementwise_backward(const void*, Backward<float>&);
template void elementwise_backward(const void*, Backward<double>&);

}  // namespace xgrad::detail
