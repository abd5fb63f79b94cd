#include "xgrad/autograd/derivatives.hpp"

#include <algorithm>
#include <string>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad::detail {
namespace {

template <class T>
void require_shape(const char* operation, const char* what, const Tensor<T>& given,
                   const Shape& expected) {
  if (given.shape() == expected) return;
  detail::fail(operation, "the ", what, " has shape ", given.shape(), ", expected ", expected);
}

template <class T>
void require_scalar(const char* operation, const Tensor<T>& y) {
  if (y.size() == 1) return;
  detail::fail(operation, "the function returned shape ", y.shape(), ", not one element");
}

template <class T>
Tensor<T> zeros_like(const Tensor<T>& x) {
  return Tensor<T>::filled(x.shape(), T(0));
}

// u' dy/dx; 0 where y does not depend on x.
template <class T>
Tensor<T> pull_back(const Tensor<T>& y, const Tensor<T>& x, const Tensor<T>& u, bool create_graph) {
  if (!y.requires_grad()) return zeros_like(x);
  const GradOptions options = {
      .retain_graph = true, .create_graph = create_graph, .allow_unused = true};
  const Tensor<T> g = grad<T>({y}, {x}, options, {u})[0];
  return g.defined() ? g : zeros_like(x);
}

// The rows one above the other, as `shape`: for somebody who wants to do it again.
template <class T>
Tensor<T> told_rows(const std::vector<Tensor<T>>& rows, std::size_t size, const Shape& shape) {
  JoinDescription description{0, true, {}};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    description.lattices.emplace_back().offset = static_cast<std::ptrdiff_t>(i * size);
    description.lattices.back().add_axis(size, 1);
  }
  const auto join = [size](const std::vector<Tensor<T>>& list) {
    Tensor<T> y = Tensor<T>::uninitialized({list.size(), size});
    for (std::size_t i = 0; i < list.size(); ++i)
      std::copy_n(list[i].data(), size, y.node()->data + i * size);
    return y;
  };
  const Tensor<T> y = as_one_of_list<T>("stack", rows, join);
  describe(y, std::move(description));
  return view(y, shape);
}

// all_rows() of what is traced.
template <class T>
std::vector<Tensor<T>> told_all_rows(const Tensor<T>& y, const std::vector<Tensor<T>>& x,
                                     std::vector<Tensor<T>> zeros) {
  if (!y.requires_grad() || y.size() == 0) return zeros;
  std::vector<std::vector<Tensor<T>>> rows(x.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    Tensor<T> u = zeros_like(y);
    u.mutable_data()[i] = T(1);
    const auto g = grad<T>({y}, x, {.retain_graph = true, .allow_unused = true}, {u});
    for (std::size_t k = 0; k < g.size(); ++k)
      rows[k].push_back(view(g[k].defined() ? g[k] : zeros_like(x[k]), Shape{x[k].size()}));
  }
  for (std::size_t k = 0; k < x.size(); ++k)
    zeros[k] = told_rows(rows[k], x[k].size(), zeros[k].shape());
  return zeros;
}

// d y[i] / d x[j] row by row, by several tensors at once.
template <class T>
std::vector<Tensor<T>> all_rows(const Tensor<T>& y, const std::vector<Tensor<T>>& x) {
  std::vector<Tensor<T>> rows;
  for (const Tensor<T>& input : x) {
    Shape shape = y.shape();
    for (const std::size_t size : input.shape()) shape.push_back(size);
    rows.push_back(Tensor<T>::filled(shape, T(0)));
  }
  if (tracer != nullptr) return told_all_rows(y, x, std::move(rows));
  for (std::size_t i = 0; y.requires_grad() && i < y.size(); ++i) {
    Tensor<T> u = zeros_like(y);
    u.mutable_data()[i] = T(1);
    const auto g = grad<T>({y}, x, {.retain_graph = true, .allow_unused = true}, {u});
    for (std::size_t k = 0; k < g.size(); ++k) {
      if (!g[k].defined()) continue;
      std::copy_n(g[k].data(), g[k].size(), rows[k].mutable_data() + i * g[k].size());
    }
  }
  return rows;
}

template <class T>
std::vector<Tensor<T>> leaves(const std::vector<Tensor<T>>& x) {
  std::vector<Tensor<T>> r;
  for (const Tensor<T>& input : x) r.push_back(parameter(input));
  return r;
}

template <class T>
Tensor<T> only(const char* operation, const std::vector<Tensor<T>>& y) {
  require(y.size() == 1, operation, "the function returned ", y.size(), " tensors, not one");
  return y[0];
}

template <class T>
Tensor<T> ones_like(const Tensor<T>& y) {
  return Tensor<T>::filled(y.shape(), T(1));
}

}  // namespace

template <class T>
Tensor<T> vjp(const UnaryFunction<T>& f, const Tensor<T>& x, const Tensor<T>& u) {
  const EnableGrad guard;
  const Tensor<T> leaf = parameter(x), y = f(leaf);
  require_shape("vjp", "cotangent", u, y.shape());
  return pull_back(y, leaf, u, false);
}

template <class T>
Tensor<T> jvp(const UnaryFunction<T>& f, const Tensor<T>& x, const Tensor<T>& v) {
  require_shape("jvp", "tangent", v, x.shape());
  const EnableGrad guard;
  const Tensor<T> leaf = parameter(x), y = f(leaf), u = parameter(zeros_like(y));
  return pull_back(pull_back(y, leaf, u, true), u, v, false);
}

template <class T>
Tensor<T> hvp(const UnaryFunction<T>& f, const Tensor<T>& x, const Tensor<T>& v) {
  require_shape("hvp", "vector", v, x.shape());
  const EnableGrad guard;
  const Tensor<T> leaf = parameter(x), y = f(leaf);
  require_scalar("hvp", y);
  return pull_back(pull_back(y, leaf, ones_like(y), true), leaf, v, false);
}

template <class T>
Tensor<T> jacobian(const UnaryFunction<T>& f, const Tensor<T>& x) {
  const EnableGrad guard;
  const Tensor<T> leaf = parameter(x);
  return all_rows(f(leaf), {leaf})[0];
}

template <class T>
Tensor<T> hessian(const UnaryFunction<T>& f, const Tensor<T>& x) {
  const EnableGrad guard;
  const Tensor<T> leaf = parameter(x), y = f(leaf);
  require_scalar("hessian", y);
  return all_rows(pull_back(y, leaf, ones_like(y), true), {leaf})[0];
}

template <class T>
std::vector<Tensor<T>> jacobian(const TensorFunction<T>& f, const std::vector<Tensor<T>>& x) {
  const EnableGrad guard;
  const std::vector<Tensor<T>> leaf = leaves(x);
  return all_rows(only("jacobian", f(leaf)), leaf);
}

template <class T>
std::vector<std::vector<Tensor<T>>> hessian(const TensorFunction<T>& f,
                                            const std::vector<Tensor<T>>& x) {
  const EnableGrad guard;
  const std::vector<Tensor<T>> leaf = leaves(x);
  const Tensor<T> y = only("hessian", f(leaf));
  require_scalar("hessian", y);
  std::vector<std::vector<Tensor<T>>> blocks;
  for (const Tensor<T>& input : leaf) {
    blocks.push_back(all_rows(pull_back(y, input, ones_like(y), true), leaf));
  }
  return blocks;
}

#define XGRAD_INSTANTIATE(T)                                                           \
  template Tensor<T> vjp(const UnaryFunction<T>&, const Tensor<T>&, const Tensor<T>&); \
  template Tensor<T> jvp(const UnaryFunction<T>&, const Tensor<T>&, const Tensor<T>&); \
  template Tensor<T> hvp(const UnaryFunction<T>&, const Tensor<T>&, const Tensor<T>&); \
  template Tensor<T> jacobian(const UnaryFunction<T>&, const Tensor<T>&);              \
  template Tensor<T> hessian(const UnaryFunction<T>&, const Tensor<T>&);               \
  template std::vector<Tensor<T>> jacobian(const TensorFunction<T>&,                   \
                                           const std::vector<Tensor<T>>&);             \
  template std::vector<std::vector<Tensor<T>>> hessian(const TensorFunction<T>&,       \
                                                       const std::vector<Tensor<T>>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
