#pragma once

// map: a formula of your own as one fused, differentiable operation.
//
//   auto y = map([](auto x, auto a) { return x * sigmoid(a * x); }, x, alpha);
//
// The formula is a generic lambda of scalar-like values. It may use + - * /, comparisons
// with && || !, where(mask, a, b), maximum, minimum, pow, and the functions of
// xgrad/ops/math.hpp; ordinary if is not possible, since it is evaluated on several numbers
// at a time. It is compiled in your file, with your compiler flags: give -march=native for
// the widest registers. No derivative is written: the backward pass evaluates it on dual
// numbers, and a recorded backward pass (create_graph) on tensors.

#include <cstddef>

#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/kernels/elementwise.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"

namespace xgrad {
/// f applied to the elements of one to sixteen tensors, which broadcast. The formula may have
/// captures; they are copied. Gradient: by the chain rule for every input. Throws
/// std::invalid_argument for shapes that do not broadcast.
template <class F, class T, class... More>
Tensor<T> map(const F& f, const Tensor<T>& first, const More&... more) {
  constexpr std::size_t kInputs = 1 + sizeof...(More);
  static_assert(kInputs <= kernels::kMaxInputs, "xgrad: map takes at most 16 tensors");
  static const detail::ElementwiseRule<T> rule = detail::make_elementwise_rule<F, T, kInputs>(
      "map", kernels::make_elementwise_kernels<xsimd::default_arch, F, T, kInputs>());
  const Tensor<T>* const inputs[] = {&first, &more...};
  return detail::apply_elementwise<T>(rule, &f, detail::kCaptures<F>, &detail::copy_attributes<F>,
                                      inputs);
}

}  // namespace xgrad
