#pragma once

// Any callable on tensors seen as a function from a list of tensors to a list of tensors: what
// gradient checks and derivatives work on. It may take `n` tensors or one std::vector of them,
// return one tensor or a std::vector, and be generic (`const auto&`).

#include <concepts>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad {

/// A function of a list of tensors.
template <class T>
using TensorFunction = std::function<std::vector<Tensor<T>>(const std::vector<Tensor<T>>&)>;

namespace detail {

constexpr std::size_t kMaxArity = 16;

template <class F, class T, std::size_t... I>
constexpr bool takes_tensors(std::index_sequence<I...>) {
  return std::is_invocable_v<F&, decltype((void)I, std::declval<const Tensor<T>&>())...>;
}

/// How many tensors F takes; 0 when it takes no number of them up to kMaxArity.
template <class F, class T, std::size_t N = 1>
constexpr std::size_t tensor_arity() {
  if constexpr (N > kMaxArity) {
    return 0;
  } else if constexpr (takes_tensors<F, T>(std::make_index_sequence<N>{})) {
    return N;
  } else {
    return tensor_arity<F, T, N + 1>();
  }
}

/// Whether F takes tensors of T, in whatever number.
template <class F, class T>
constexpr bool takes_type() {
  return tensor_arity<F, T>() > 0 || std::is_invocable_v<F&, const std::vector<Tensor<T>>&>;
}

template <class T>
std::vector<Tensor<T>> as_list(Tensor<T> t) {
  std::vector<Tensor<T>> list;
  list.push_back(std::move(t));
  return list;
}
template <class T>
std::vector<Tensor<T>> as_list(std::vector<Tensor<T>> list) {
  return list;
}

template <class T, class F, std::size_t... I>
std::vector<Tensor<T>> call_with(F& f, const std::vector<Tensor<T>>& x, std::index_sequence<I...>) {
  return as_list<T>(f(x[I]...));
}

}  // namespace detail

/// `f` as a TensorFunction. The result throws std::invalid_argument when called with another number
/// of tensors than `f` takes, naming `operation`.
template <class T, class F>
TensorFunction<T> as_tensor_function(F f, const char* operation) {
  if constexpr (std::same_as<F, TensorFunction<T>>) {
    return f;
  } else if constexpr (constexpr std::size_t n = detail::tensor_arity<F, T>(); n > 0) {
    return [f = std::move(f), operation](const std::vector<Tensor<T>>& x) mutable {
      detail::require(x.size() == n, operation, "the function takes ", std::size_t{n},
                      " tensors: ", x.size(), " inputs given");
      return detail::call_with<T>(f, x, std::make_index_sequence<n>{});
    };
  } else if constexpr (!detail::takes_type<F, T>()) {
    constexpr bool other =
        detail::takes_type<F, std::conditional_t<std::same_as<T, float>, double, float>>();
    static_assert(
        !other,
        "xgrad: the function takes tensors of another type: gradients are checked in double, "
        "so write it for const auto&, or convert the model to double");
    static_assert(other, "xgrad: the function takes neither tensors nor a std::vector of them");
    return TensorFunction<T>();
  } else {
    return [f = std::move(f)](const std::vector<Tensor<T>>& x) mutable {
      return detail::as_list<T>(f(x));
    };
  }
}

}  // namespace xgrad
