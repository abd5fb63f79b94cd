#include "xgrad/autograd/elementwise.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "xgrad/autograd/engine.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/kernels/reduce.hpp"

namespace xgrad::detail {
namespace {

using kernels::Loop;

const Shape kScalar{};

// The output's axes with each input's strides, merged from the innermost outwards where all
// inputs allow.
void build_loop(Loop& loop, const Shape& out, const Shape* const* shapes, std::size_t n) {
  std::size_t extent[Shape::kMaxRank], stride[kernels::kMaxInputs][Shape::kMaxRank];
  std::size_t running[kernels::kMaxInputs];
  std::fill_n(running, n, std::size_t{1});
  std::size_t axes = 0;  // gathered so far, innermost first
  for (std::size_t back = 1; back <= out.rank(); ++back) {
    const std::size_t size = out[out.rank() - back];
    if (size == 1) continue;
    bool merges = axes > 0;
    std::size_t here[kernels::kMaxInputs];
    for (std::size_t i = 0; i < n; ++i) {
      const Shape& s = *shapes[i];
      const std::size_t own = back <= s.rank() ? s[s.rank() - back] : 1;
      here[i] = own == 1 ? 0 : running[i];
      running[i] *= own;
      merges = merges && here[i] == stride[i][axes - 1] * extent[axes - 1];
    }
    if (merges) {
      extent[axes - 1] *= size;
      continue;
    }
    extent[axes] = size;
    for (std::size_t i = 0; i < n; ++i) stride[i][axes] = here[i];
    ++axes;
  }
  if (axes == 0) {
    extent[0] = 1;
    for (std::size_t i = 0; i < n; ++i) stride[i][0] = 1;
    axes = 1;
  }
  loop.rank = axes;
  loop.inputs = n;
  for (std::size_t a = 0; a < axes; ++a) {
    loop.extent[axes - 1 - a] = extent[a];
    for (std::size_t i = 0; i < n; ++i) loop.stride[i][axes - 1 - a] = stride[i][a];
  }
}

void build_loop(Loop& loop, std::size_t elements, std::size_t n) {
  loop.rank = 1;
  loop.inputs = n;
  loop.extent[0] = elements;
  for (std::size_t i = 0; i < n; ++i) loop.stride[i][0] = 1;
}

// Piece i of the outermost axis.
struct Part {
  Loop loop;
  std::size_t begin, out;
};

Part part_of(const Loop& loop, std::size_t pieces, std::size_t i) {
  Part p{loop, 0, 0};
  const std::size_t n = loop.extent[0];
  const auto at = [&](std::size_t k) {
    return loop.rank == 1 ? kernels::piece_begin(n, pieces, k) : n * k / pieces;
  };
  p.begin = at(i);
  p.loop.extent[0] = at(i + 1) - p.begin;
  p.out = p.begin * (loop.elements() / n);
  return p;
}

std::size_t pieces_of(const Loop& loop) {
  return std::min(loop.extent[0], kernels::pieces_for(loop.elements()));
}

template <class T>
void run_forward(const ElementwiseRule<T>& rule, const void* functor, const Loop& loop,
                 const T* const* in, T* out) {
  const std::size_t pieces = pieces_of(loop);
  if (pieces == 1) return rule.kernels.forward(functor, loop, in, out);
  kernels::parallel_for(pieces, [&](std::size_t k) {
    const Part p = part_of(loop, pieces, k);
    const T* shifted[kernels::kMaxInputs];
    for (std::size_t i = 0; i < loop.inputs; ++i) shifted[i] = in[i] + p.begin * loop.stride[i][0];
    rule.kernels.forward(functor, p.loop, shifted, out + p.out);
  });
}

template <class T>
kernels::BackwardKernel<T> backward_kernel(const ElementwiseRule<T>& rule, unsigned needed) {
  return rule.kernels.backward[rule.arity <= 2 ? needed : 0];
}

// Whether an input that wants a gradient is repeated along an axis.
template <class T>
bool is_summed(const Loop& loop, const kernels::BackwardArguments<T>& a, std::size_t axis) {
  for (std::size_t i = 0; i < loop.inputs; ++i) {
    if (a.gin[i] != nullptr && loop.stride[i][axis] == 0) return true;
  }
  return false;
}

// How much of an axis a kernel may add up without a loss of precision: it takes the innermost one in
// pieces of its own.
constexpr std::size_t kSteps = 256, kInnermostSteps = std::size_t{1} << 16;

// Into how many pieces an axis is cut for the sums along it.
std::size_t pieces_by_length(const Loop& loop, std::size_t axis) {
  return loop.extent[axis] / (axis + 1 == loop.rank ? kInnermostSteps : kSteps);
}

// A sum along an inner axis that is too long for a kernel.
template <class T>
bool sums_long_inner_axis(const Loop& loop, const kernels::BackwardArguments<T>& a) {
  for (std::size_t axis = 1; axis < loop.rank; ++axis) {
    if (pieces_by_length(loop, axis) > 1 && is_summed(loop, a, axis)) return true;
  }
  return false;
}

// Index o of the outermost axis.
template <class T>
kernels::BackwardArguments<T> at_index(const Loop& loop, const kernels::BackwardArguments<T>& a,
                                       std::size_t o) {
  kernels::BackwardArguments<T> r = a;
  const std::size_t out = o * (loop.elements() / loop.extent[0]);
  for (std::size_t i = 0; i < loop.inputs; ++i) {
    r.in[i] += o * loop.stride[i][0];
    if (a.gin[i] != nullptr) r.gin[i] += o * loop.stride[i][0];
  }
  r.gy += out;
  if (r.y != nullptr) r.y += out;
  return r;
}

Loop without_outermost(const Loop& loop) {
  Loop r = loop;
  --r.rank;
  for (std::size_t axis = 0; axis < r.rank; ++axis) {
    r.extent[axis] = loop.extent[axis + 1];
    for (std::size_t i = 0; i < loop.inputs; ++i) r.stride[i][axis] = loop.stride[i][axis + 1];
  }
  return r;
}

// Elements of an input.
std::size_t size_of(const Loop& loop, std::size_t input) {
  std::size_t n = 1;
  for (std::size_t axis = 0; axis < loop.rank; ++axis) {
    if (loop.stride[input][axis] != 0) n *= loop.extent[axis];
  }
  return n;
}

template <class T>
void run_backward(kernels::BackwardKernel<T> kernel, const void* functor, const Loop& loop,
                  const kernels::BackwardArguments<T>& a);

// One piece: by the kernel, or index by index of the outermost axis.
template <class T>
void run_piece(kernels::BackwardKernel<T> kernel, const void* functor, const Loop& loop,
               const kernels::BackwardArguments<T>& a) {
  if (!sums_long_inner_axis(loop, a)) return kernel(functor, loop, a);
  const Loop inner = without_outermost(loop);
  for (std::size_t o = 0; o < loop.extent[0]; ++o) {
    run_backward(kernel, functor, inner, at_index(loop, a, o));
  }
}

// Inputs that are repeated along the outermost axis get one partial sum per piece.
template <class T>
void run_backward(kernels::BackwardKernel<T> kernel, const void* functor, const Loop& loop,
                  const kernels::BackwardArguments<T>& a) {
  std::size_t sizes[kernels::kMaxInputs], shared = 0;
  for (std::size_t i = 0; i < loop.inputs; ++i) {
    if (a.gin[i] != nullptr && loop.stride[i][0] == 0) shared += sizes[i] = size_of(loop, i);
  }
  const std::size_t by_length = shared != 0 ? pieces_by_length(loop, 0) : 1;
  const std::size_t pieces = std::max(pieces_of(loop), by_length);
  if (pieces == 1 || shared * pieces > loop.elements()) return run_piece(kernel, functor, loop, a);
  const Tensor<T> partial = Tensor<T>::filled({pieces, shared}, T(0));
  T* const sums = partial.node()->data;
  kernels::parallel_for(pieces, [&](std::size_t k) {
    const Part p = part_of(loop, pieces, k);
    kernels::BackwardArguments<T> mine = a;
    T* sum = sums + k * shared;
    for (std::size_t i = 0; i < loop.inputs; ++i) {
      const std::size_t shift = p.begin * loop.stride[i][0];
      mine.in[i] += shift;
      if (a.gin[i] == nullptr) continue;
      if (loop.stride[i][0] != 0) {
        mine.gin[i] += shift;
      } else {
        mine.gin[i] = sum;
        mine.accumulate[i] = true;
        sum += sizes[i];
      }
    }
    mine.gy += p.out;
    if (mine.y != nullptr) mine.y += p.out;
    run_piece(kernel, functor, p.loop, mine);
  });
  if (shared == 0) return;
  const Tensor<T> total = Tensor<T>::uninitialized({shared});
  const T* sum = total.node()->data;
  kernels::reduce(kernels::Reduction::sum, sums, total.node()->data, 1, pieces, shared);
  for (std::size_t i = 0; i < loop.inputs; ++i) {
    if (a.gin[i] == nullptr || loop.stride[i][0] != 0) continue;
    for (std::size_t e = 0; e < sizes[i]; ++e) a.gin[i][e] += sum[e];
    sum += sizes[i];
  }
}

}  // namespace

template <class T>
Tensor<T> apply_elementwise(const ElementwiseRule<T>& rule, const void* functor, std::size_t bytes,
                            void (*copy)(const void*, void*),
                            std::span<const Tensor<T>* const> inputs) {
  const std::size_t n = inputs.size();
  const T* in[kernels::kMaxInputs];
  const Shape* shapes[kernels::kMaxInputs];
  bool same = true;
  unsigned need = 0;
  for (std::size_t i = 0; i < n; ++i) {
    shapes[i] = &inputs[i]->shape();
    in[i] = inputs[i]->data();
    same = same && *shapes[i] == *shapes[0];
    need |= static_cast<unsigned>(inputs[i]->requires_grad()) << i;
  }
  Loop loop;
  Tensor<T> y;
  if (same) {
    y = Tensor<T>::uninitialized(*shapes[0]);
    build_loop(loop, y.size(), n);
  } else {
    Shape out = *shapes[0];
    for (std::size_t i = 1; i < n; ++i) out = broadcast_shapes(rule.name, out, *shapes[i]);
    y = Tensor<T>::uninitialized(out);
    build_loop(loop, out, shapes, n);
  }
  if (y.size() != 0) run_forward(rule, functor, loop, in, y.node()->data);
  if (need != 0 && is_recording())
    record_needed<T>(y, rule, inputs, rule.saves(need), functor, bytes, copy);
  return y;
}

template <class T>
void elementwise_backward(const void* functor, Backward<T>& b) {
  const auto& rule = static_cast<const ElementwiseRule<T>&>(b.rule());
  if (b.recording()) return rule.composed(functor, b);
  const std::size_t n = rule.arity;
  const unsigned needed = b.needs_mask();
  const Shape& out = b.gradient().shape();
  kernels::BackwardArguments<T> a;
  const Shape* shapes[kernels::kMaxInputs];
  bool same = true;
  a.careful = rule.careful;
  a.gy = b.gradient().data();
  a.y = b.saved_output();
  for (std::size_t i = 0; i < n; ++i) {
    const Node<T>* x = b.input_node(i);
    shapes[i] = x != nullptr ? &x->shape : &kScalar;
    // Kernels do not use what was not saved; whatever they load for it must exist.
    a.in[i] = x != nullptr && x->data != nullptr ? x->data : a.gy;
    same = same && (x == nullptr || x->shape == out);
  }
  Loop loop;
  if (same) {
    build_loop(loop, b.gradient().size(), n);
  } else {
    build_loop(loop, out, shapes, n);
  }
  // A kernel reads gy before it writes what takes its place.
  std::size_t taker = 0;
  while (taker < n && !((needed >> taker & 1U) != 0 && b.can_reuse_gradient(taker))) ++taker;
  for (std::size_t i = 0; i < n; ++i) {
    a.gin[i] = nullptr;
    if ((needed >> i & 1U) == 0) continue;
    if (i == taker) {
      a.gin[i] = b.gradient().node()->data;
      a.accumulate[i] = false;
      continue;
    }
    const auto to = b.accumulator(i);
    const bool repeated = *shapes[i] != out;
    if (repeated && !to.has_value) std::fill_n(to.data, b.input_node(i)->elements, T(0));
    a.gin[i] = to.data;
    a.accumulate[i] = repeated || to.has_value;
  }
  const kernels::BackwardKernel<T> kernel = backward_kernel(rule, needed);
  if (b.gradient().size() != 0) {
    same&& pieces_of(loop) == 1 ? kernel(functor, loop, a) : run_backward(kernel, functor, loop, a);
  }
  if (taker < n) b.add_reused(taker);
}

namespace {
template <class T>
const Rule<T> kAlias = {"alias", [](const void*, Backward<T>& b) { b.add(0, b.take_gradient()); },
                        nullptr};
}

template <class T>
std::vector<Tensor<T>> aliases(const Backward<T>& b) {
  std::vector<Tensor<T>> r;
  for (std::size_t i = 0; i < b.input_count(); ++i) {
    const Tensor<T> x = b.input(i);
    r.push_back(Tensor<T>(share_value(x.node(), x.shape())));
    record<T>(r.back(), kAlias<T>, {&x}, {});
  }
  return r;
}

template <class T>
void add_composed(Backward<T>& b, const std::vector<Tensor<T>>& inputs, const Tensor<T>& y) {
  if (!y.requires_grad()) return;
  std::vector<Tensor<T>> sinks;
  Engine<T> engine({.retain = true, .create_graph = true, .stop_at_sinks = true});
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    b.needs(i) ? sinks.push_back(inputs[i]) : engine.stop_at(inputs[i]);
  }
  engine.collect(sinks);
  engine.run(y, b.gradient());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!b.needs(i)) continue;
    Tensor<T> g = engine.collected(inputs[i]);
    if (g.defined()) b.add(i, std::move(g));
  }
}

#define XGRAD_INSTANTIATE(T)                                                                \
  template Tensor<T> apply_elementwise(const ElementwiseRule<T>&, const void*, std::size_t, \
                                       void (*)(const void*, void*),                        \
                                       std::span<const Tensor<T>* const>);                  \
  template void elementwise_backward(const void*, Backward<T>&);                            \
  template std::vector<Tensor<T>> aliases(const Backward<T>&);                              \
  template void add_composed(Backward<T>&, const std::vector<Tensor<T>>&, const Tensor<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
