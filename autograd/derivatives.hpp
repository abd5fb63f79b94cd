#pragma once

// Derivatives of a function in one call. `f` takes one tensor, or for a list of inputs as many or a
// std::vector of them, and returns one; tensors that it captures are constants. The results are constants too; for derivatives of derivatives in a
// program of your own use `grad` with
// {.create_graph = true}.
//
// Costs are counted in evaluations of f; a backward pass costs 1 to 3 of them. x has n elements,
// f(x) has m.

#include <functional>
#include <type_traits>
#include <utility>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/autograd/tensor_function.hpp"

namespace xgrad {
namespace detail {

template <class T>
using UnaryFunction = std::function<Tensor<T>(const Tensor<T>&)>;

template <class T>
Tensor<T> jacobian(const UnaryFunction<T>& f, const Tensor<T>& x);
template <class T>
Tensor<T> hessian(const UnaryFunction<T>& f, const Tensor<T>& x);
template <class T>
Tensor<T> vjp(const UnaryFunction<T>& f, const Tensor<T>& x, const Tensor<T>& u);
template <class T>
Tensor<T> jvp(const UnaryFunction<T>& f, const Tensor<T>& x, const Tensor<T>& v);
template <class T>
Tensor<T> hvp(const UnaryFunction<T>& f, const Tensor<T>& x, const Tensor<T>& v);
template <class T>
std::vector<Tensor<T>> jacobian(const TensorFunction<T>& f, const std::vector<Tensor<T>>& x);
template <class T>
std::vector<std::vector<Tensor<T>>> hessian(const TensorFunction<T>& f,
                                            const std::vector<Tensor<T>>& x);

}  // namespace detail

/// u' J: the gradient of <u, f(x)> by x.
/// **Shapes** u as f(x) -> as x. **Throws** std::invalid_argument for another shape of u.
/// **Complexity** one evaluation and one backward pass.
template <class T, class F>
Tensor<T> vjp(F&& f, const Tensor<T>& x, const std::type_identity_t<Tensor<T>>& u) {
  return detail::vjp<T>(std::forward<F>(f), x, u);
}

/// J v: the derivative of f along v, by differentiating u' J by u (Townsend 2017, "A new trick for
/// calculating Jacobian vector products").
/// **Shapes** v as x -> as f(x). **Throws** std::invalid_argument for another shape of v.
/// **Complexity** one evaluation and two backward passes, the first one recorded.
template <class T, class F>
Tensor<T> jvp(F&& f, const Tensor<T>& x, const std::type_identity_t<Tensor<T>>& v) {
  return detail::jvp<T>(std::forward<F>(f), x, v);
}

/// H v: the derivative of the gradient of f along v.
/// **Shapes** v as x, f(x) one element -> as x. **Throws** std::invalid_argument for other shapes.
/// **Complexity** one evaluation and two backward passes, the first one recorded.
template <class T, class F>
Tensor<T> hvp(F&& f, const Tensor<T>& x, const std::type_identity_t<Tensor<T>>& v) {
  return detail::hvp<T>(std::forward<F>(f), x, v);
}

/// d f(x)[i...] / d x[j...].
/// **Shapes** -> (shape of f(x)..., shape of x...). **Throws** std::invalid_argument for more than
/// 8 axes together.
/// **Complexity** one evaluation and m backward passes; m n numbers.
template <class T, class F>
Tensor<T> jacobian(F&& f, const Tensor<T>& x) {
  return detail::jacobian<T>(detail::UnaryFunction<T>(std::forward<F>(f)), x);
}

/// The same by each of several inputs, for the price of one: `jacobian(f, {x, y})`.
template <class T, class F>
std::vector<Tensor<T>> jacobian(F&& f, const std::vector<Tensor<T>>& x) {
  return detail::jacobian<T>(as_tensor_function<T>(std::decay_t<F>(f), "jacobian"), x);
}
template <class T, class F>
std::vector<Tensor<T>> jacobian(F&& f, std::initializer_list<Tensor<T>> x) {
  return jacobian(std::forward<F>(f), std::vector<Tensor<T>>(x));
}

/// d^2 f(x) / d x[i...] d x[j...].
/// **Shapes** f(x) one element -> (shape of x..., shape of x...). **Throws** std::invalid_argument
/// for an f(x) of another size and for more than 8 axes.
/// **Complexity** one evaluation and 1 + n backward passes, the first one recorded; n^2 numbers.
template <class T, class F>
Tensor<T> hessian(F&& f, const Tensor<T>& x) {
  return detail::hessian<T>(detail::UnaryFunction<T>(std::forward<F>(f)), x);
}

/// Its blocks for several inputs: block [a][b] is d^2 f / d x_a[i...] d x_b[j...].
/// **Complexity** one evaluation and a backward pass for each input and each of its elements.
template <class T, class F>
std::vector<std::vector<Tensor<T>>> hessian(F&& f, const std::vector<Tensor<T>>& x) {
  return detail::hessian<T>(as_tensor_function<T>(std::decay_t<F>(f), "hessian"), x);
}
template <class T, class F>
std::vector<std::vector<Tensor<T>>> hessian(F&& f, std::initializer_list<Tensor<T>> x) {
  return hessian(std::forward<F>(f), std::vector<Tensor<T>>(x));
}

}  // namespace xgrad
