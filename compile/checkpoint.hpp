#pragma once

// checkpoint: memory against time. What a part of a formula saves for its backward pass is not kept;
// the part is computed again when the backward pass reaches it.
//
//   Tensor<float> y = checkpoint([&](const auto& h) { return block(h); }, x);

#include <initializer_list>
#include <type_traits>
#include <utility>
#include <vector>

#include "xgrad/autograd/tensor_function.hpp"

namespace xgrad {
namespace detail {

template <class T>
std::vector<Tensor<T>> checkpoint_list(TensorFunction<T> f, std::vector<Tensor<T>> inputs);

template <class T, class F>
constexpr bool returns_list() {
  if constexpr (constexpr std::size_t n = tensor_arity<F, T>(); n == 0) {
    return !std::is_convertible_v<std::invoke_result_t<F&, const std::vector<Tensor<T>>&>,
                                  Tensor<T>>;
  } else {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      using Result =
          std::invoke_result_t<F&, decltype((void)I, std::declval<const Tensor<T>&>())...>;
      return !std::is_convertible_v<Result, Tensor<T>>;
    }
    (std::make_index_sequence<n>{});
  }
}

}  // namespace detail

/// f(inputs), of which only the inputs are kept for the backward pass: it calls `f` a second time,
/// with the same random numbers. Gradients are those without `checkpoint` to the last bit, also those
/// of tensors that `f` holds, such as the parameters of a module; those of higher order are the same
/// but for rounding, as they are added up in another order.
///
/// `f` takes as many tensors as there are inputs, or a std::vector of them, and returns a tensor or a
/// std::vector. It is copied and must do the same both times; the second time a BatchNorm leaves its
/// running statistics alone. What it has references to lives until the backward pass is over. An
/// intermediate tensor that another thread computed is an input, not held by `f`; constants that `f`
/// holds are not watched for changes.
///
/// Throws what `f` throws, and during the backward pass std::logic_error when the second call
/// differs from the first in the tensors it uses, the shapes it returns or the random numbers it
/// draws, or when an input or a tensor that requires a gradient was written in place since.
/// Source: Griewank and Walther 2000; Chen, Xu, Zhang, Guestrin 2016.
template <class T, class F>
auto checkpoint(F f, const std::vector<Tensor<T>>& inputs) {
  std::vector<Tensor<T>> y =
      detail::checkpoint_list<T>(as_tensor_function<T>(f, "checkpoint"), inputs);
  if constexpr (detail::returns_list<T, F>()) {
    return y;
  } else {
    return std::move(y[0]);
  }
}

/// The same with the list written in place.
template <class T, class F>
auto checkpoint(F f, std::initializer_list<Tensor<T>> inputs) {
  return checkpoint<T>(std::move(f), std::vector<Tensor<T>>(inputs));
}

/// The same for one input.
template <class T, class F>
auto checkpoint(F f, const Tensor<T>& input) {
  return checkpoint<T>(std::move(f), std::vector<Tensor<T>>{input});
}

}  // namespace xgrad
