#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/svd.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/decompositions.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/svd.hpp"
#include "xgrad/ops/ties.hpp"

// What needs singular values and, without a gradient, no vectors.

namespace xgrad {

using detail::Matrices;
using detail::Rule;
using detail::Ties;

namespace {

std::size_t values_of(const Matrices& s) { return std::min(s.m, s.n); }

template <class T>
void svdvals_backward(const void*, Backward<T>& b) {
  const auto [u, s, vh] = svd(b.input(0));
  b.add(0, matmul(u * unsqueeze(b.gradient(), -2), vh));
}

template <class T>
const Rule<T> kSvdvals = {"svdvals", &svdvals_backward<T>, nullptr};

// The singular values, as a constant, for the operation named.
template <class T>
Tensor<T> singular_values(const char* operation, const Tensor<T>& a, const Matrices& m) {
  detail::require_finite(operation, "a", a);
  const std::size_t k = values_of(m);
  const Tensor<T> s = Tensor<T>::uninitialized(m.with({k}));
  const auto each = [&](std::size_t i) {
    T* const none = nullptr;
    return kernels::decompose(kernels::Singular::values, m.m, m.n, a.data() + i * m.elements(),
                              none, s.node()->data + i * k, none);
  };
  if (k != 0) detail::decompose_all(operation, m, 4, each);
  return s;
}

}  // namespace

namespace {

template <class T>
Tensor<T> recorded_values(const Tensor<T>& a) {
  const Matrices s = detail::matrices_of("svdvals", a.shape());
  const Tensor<T> y = singular_values("svdvals", a, s);
  // Equal ones, and those that are 0, need to know how their gradients depend on the vectors.
  if (detail::needed<T>({&a}) != 0 && Ties(y, true).any()) return svd(a).s;
  detail::record(y, kSvdvals<T>, {&a}, {.inputs = 1});
  detail::log_again(y, [](const auto& x) { return recorded_values(x[0]); });
  return y;
}

}  // namespace

template <class T>
Tensor<T> svdvals(const Tensor<T>& a) {
  return detail::as_one(
      "svdvals", [](const Tensor<T>& x) { return recorded_values(x); }, a);
}

template <class T>
Tensor<T> matrix_norm(const Tensor<T>& a, MatrixNorm which) {
  const Matrices m = detail::matrices_of("matrix_norm", a.shape());
  detail::check_each_time(
      "matrix_norm", a, [](const Tensor<T>& x) { detail::require_finite("matrix_norm", "a", x); });
  if (which == MatrixNorm::frobenius) return norm(a, 2, {-2, -1});
  const Tensor<T> s = svdvals(a);
  if (which == MatrixNorm::nuclear) return sum(s, -1);
  return values_of(m) == 0 ? sum(s, -1) : select(s, -1, 0);
}

namespace {

template <class T>
Tensor<T> condition(const Tensor<T>& a) {
  const Matrices m = detail::matrices_of("cond", a.shape());
  detail::require(values_of(m) != 0, "cond", "an empty matrix has no condition: a ", a.shape());
  const NoGrad guard;
  const Tensor<T> s = singular_values("cond", a, m);
  const Tensor<T> y = select(s, -1, 0) / select(s, -1, -1);
  for (T& v : std::span(y.node()->data, y.size())) {
    if (std::isnan(v)) v = std::numeric_limits<T>::infinity();  // all are 0
  }
  return y;
}

}  // namespace

template <class T>
Tensor<T> cond(const Tensor<T>& a) {
  return detail::as_one(
      "cond", [](const Tensor<T>& x) { return condition(x); }, a);
}

template <class T>
Indices matrix_rank(const Tensor<T>& a, RankOptions options) {
  const Matrices m = detail::matrices_of("matrix_rank", a.shape());
  const double unit = static_cast<double>(std::numeric_limits<T>::epsilon());
  const double relative = options.relative_tolerance < 0
                              ? static_cast<double>(std::max(m.m, m.n)) * unit
                              : detail::require_in("matrix_rank", "relative_tolerance",
                                                   options.relative_tolerance, "[0, 1]");
  detail::read_on_host(a, "matrix_rank");
  const Tensor<T> s = singular_values("matrix_rank", a, m);
  const std::size_t k = values_of(m);
  Indices ranks = Indices::from_shape(std::vector<std::size_t>(m.batch.begin(), m.batch.end()));
  for (std::size_t i = 0; i < m.count; ++i) {
    const T* const v = s.data() + i * k;
    const auto counts = [&](T x) {
      return static_cast<double>(x) > relative * static_cast<double>(v[0]);
    };
    ranks.data()[i] = std::count_if(v, v + k, counts);
  }
  return ranks;
}

#define XGRAD_INSTANTIATE(T)                                    \
  template Tensor<T> svdvals(const Tensor<T>&);                 \
  template Tensor<T> matrix_norm(const Tensor<T>&, MatrixNorm); \
  template Tensor<T> cond(const Tensor<T>&);                    \
  template Indices matrix_rank(const Tensor<T>&, RankOptions);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
