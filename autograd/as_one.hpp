#pragma once

// Functions of tensors that are told as one operation (autograd/trace.hpp), which calls them again:
// those that look at numbers and choose by them what they compute, or what they refuse. Internal.

#include <cstddef>
#include <utility>
#include <vector>

#include "xgrad/autograd/trace.hpp"

namespace xgrad::detail {

/// Tells how y was computed from the operands by something that records nothing.
template <class T, class F>
void tell(const char* name, const Tensor<T>& y, const std::vector<Tensor<T>>& operands,
          const F& again) {
  if (tracer != nullptr) traced<T>().operation({name, y, operands, {}, again});
}

/// f(operands), which returns another tensor than one of them.
template <class T, class F>
Tensor<T> as_one_of_list(const char* name, const std::vector<Tensor<T>>& operands, const F& f) {
  Tracer* const t = tracer;
  if (t == nullptr) return f(operands);
  const Untraced untraced;
  const Tensor<T> y = f(operands);
  static_cast<TypedTracer<T>*>(t)->operation({name, y, operands, {}, f});
  return y;
}

/// The same for a function of as many tensors as it is given, all of them defined.
template <class F, class T, class... More>
Tensor<T> as_one(const char* name, const F& f, const Tensor<T>& first, const More&... more) {
  if (tracer == nullptr) return f(first, more...);
  const auto call = [f](const std::vector<Tensor<T>>& x) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) { return f(x[I]...); }
    (std::make_index_sequence<1 + sizeof...(More)>{});
  };
  return as_one_of_list<T>(name, {first, more...}, call);
}

/// check(x), which throws where the numbers of x are not what they should be: each time.
template <class T, class F>
void check_each_time(const char* name, const Tensor<T>& x, const F& check) {
  check(x);
  if (tracer == nullptr) return;
  const auto again = [check](const std::vector<Tensor<T>>& operands) {
    check(operands[0]);
    return Tensor<T>::uninitialized({0});
  };
  traced<T>().operation({name, Tensor<T>::uninitialized({0}), {x}, {}, again, true});
}

/// y, made without any operand of numbers that stay the same.
template <class T>
const Tensor<T>& constant(const Tensor<T>& y) {
  if (tracer != nullptr) traced<T>().constant(y.node());
  return y;
}

}  // namespace xgrad::detail
