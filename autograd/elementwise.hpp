#pragma once

// Formulas as operations on tensors: broadcasting, recording, and the backward pass.
// Internal; operations are declared with `apply<F>(f, x, ...)` and users' formulas with
// `map` (xgrad/ops/map.hpp).

#include <array>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/kernels/careful.hpp"
#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/formulas/contract.hpp"

namespace xgrad::detail {

/// The static description of an elementwise operation.
template <class T>
struct ElementwiseRule : Rule<T> {
  std::size_t arity;
  kernels::ElementwiseKernels<T> kernels;
  /// What the backward pass reads when the inputs in `needed` want a gradient.
  Saves (*saves)(unsigned needed);
  /// The backward pass in operations on tensors, for when it is itself recorded.
  void (*composed)(const void* functor, Backward<T>& b);
  /// The backward pass of one element where a kernel met 0 times infinity.
  kernels::CarefulGradients<T> careful;
};

template <class T>
Tensor<T> apply_elementwise(const ElementwiseRule<T>& rule, const void* functor, std::size_t bytes,
                            void (*copy)(const void*, void*),
                            std::span<const Tensor<T>* const> inputs);

/// The Rule::backward of every elementwise operation.
template <class T>
void elementwise_backward(const void* functor, Backward<T>& b);

/// One input gets a copy of the gradient and the other one sums of it: a kernel does both in
/// one pass.
template <class T>
bool copies_and_sums(Backward<T>& b) {
  const FastPath<T> fast(b);
  const Node<T>*const x = fast.input_node(0), *const y = fast.input_node(1);
  if (x == nullptr || y == nullptr || x->elements == y->elements || b.recording()) return false;
  const std::size_t wide = x->elements > y->elements ? 0 : 1;
  return fast.copies_gradient(wide) && b.needs(1 - wide);
}

/// Handles to the inputs as independent variables that are still connected to the graph.
template <class T>
std::vector<Tensor<T>> aliases(const Backward<T>& b);

/// Adds the gradients of y, a function of the aliases, to the inputs.
template <class T>
void add_composed(Backward<T>& b, const std::vector<Tensor<T>>& inputs, const Tensor<T>& y);

/// A slope times what it multiplies, 0 where either is: the `times` of formulas on tensors.
template <class T>
Tensor<T> chain(const Tensor<T>& g, const Tensor<T>& slope);

template <class F>
Saves saves_of(unsigned needed) {
  if constexpr (HasSaves<F>) {
    const Saved saved = F::saves(needed);
    return {saved.inputs, saved.output};
  } else if constexpr (kIsOfOne<F>) {
    constexpr Reads reads = F::Kind::reads;
    return {reads == Reads::input ? 1U : 0U, reads == Reads::output};
  } else {
    return {~0U, false};
  }
}

template <class F, class T, std::size_t... I>
void composed_backward(const F& f, Backward<T>& b, std::index_sequence<I...>) {
  const Saves saves = saves_of<F>(b.needs_mask());
  const auto input = [&](std::size_t i) {
    return (saves.inputs >> i & 1U) != 0 ? b.input(i) : Tensor<T>();
  };
  const auto output = [&] { return saves.output ? b.output() : Tensor<T>(); };
  if constexpr (HasVjp<F>) {
    F::vjp(b);
  } else if constexpr (HasComposed<F>) {
    f.composed(b);
  } else if constexpr (kIsOfOne<F>) {
    b.add(0, chain(b.gradient(), f.slope(input(0), output())));
  } else if constexpr (kIsOfTwo<F>) {
    const Tensor<T> x = input(0), y = input(1), z = output();
    if (b.needs(0)) b.add(0, chain(b.gradient(), f.by_first(x, y, z)));
    if (b.needs(1)) b.add(1, chain(b.gradient(), f.by_second(x, y, z)));
  } else {
    const std::vector<Tensor<T>> x = aliases(b);
    add_composed(b, x, Tensor<T>(f(x[I]...)));
  }
}

template <class F, class T, std::size_t N>
ElementwiseRule<T> make_elementwise_rule(const char* name,
                                         const kernels::ElementwiseKernels<T>& kernels) {
  ElementwiseRule<T> rule;
  rule.name = name;
  rule.backward = &elementwise_backward<T>;
  if constexpr (HasVjp<F>) {
    rule.backward = [](const void* functor, Backward<T>& b) {
      copies_and_sums(b) || !F::shares(b) ? elementwise_backward(functor, b) : F::vjp(b);
    };
  }
  rule.destroy = std::is_trivially_destructible_v<F> ? nullptr : &destroy_attributes<F>;
  rule.arity = N;
  rule.kernels = kernels;
  rule.saves = &saves_of<F>;
  rule.careful = nullptr;
  if constexpr (!kMask<typename KindOf<F>::type>) {
    rule.careful = &kernels::careful_gradients<F, T, N>;
  }
  rule.composed = [](const void* functor, Backward<T>& b) {
    composed_backward<F, T>(*static_cast<const F*>(functor), b, std::make_index_sequence<N>{});
  };
  return rule;
}

/// What an entry keeps of a formula: nothing of one without captures.
template <class F>
inline constexpr std::size_t kCaptures = std::is_empty_v<F>&& std::is_trivially_copyable_v<F>
                                             ? 0
                                             : sizeof(F);

/// The operation of a formula that the library has kernels for.
template <class F, class T, class... More>
Tensor<T> apply(const F& f, const Tensor<T>& first, const More&... more) {
  static const ElementwiseRule<T> rule = make_elementwise_rule<F, T, 1 + sizeof...(More)>(
      F::name, kernels::elementwise_kernels_here<F, T>());
  const Tensor<T>* const inputs[] = {&first, &more...};
  return apply_elementwise<T>(rule, &f, kCaptures<F>, &copy_attributes<F>, inputs);
}

}  // namespace xgrad::detail
