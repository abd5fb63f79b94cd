#include "xgrad/ops/matrix_products.hpp"

#include <algorithm>

#include "xgrad/autograd/axis.hpp"
#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/factored.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/matrices.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad {

using detail::batch_of;
using detail::require;
using detail::view;
using detail::with_matrix;

namespace {

struct Matrices {
  Shape batch;
  std::size_t m, n;
};

// A vector is one row.
Matrices matrices(const Shape& s) {
  if (s.rank() == 1) return {{}, 1, s[0]};
  return {batch_of(s), s[s.rank() - 2], s.back()};
}

// x as (batch, m, 1, n, 1) or (batch, 1, m, 1, n), the batch as one axis.
template <class T>
Tensor<T> spread_out(const Tensor<T>& x, const Matrices& s, const Shape& batch, bool blocks) {
  const Tensor<T> all = s.batch == batch || s.batch.elements() == 1
                            ? x
                            : detail::broadcast_to(view(x, with_matrix(s.batch, s.m, s.n)),
                                                   with_matrix(batch, s.m, s.n));
  const std::size_t count = s.batch.elements() == 1 ? 1 : batch.elements();
  return view(all, blocks ? Shape{count, s.m, 1, s.n, 1} : Shape{count, 1, s.m, 1, s.n});
}

}  // namespace

template <class T>
Tensor<T> kron(const Tensor<T>& a, const Tensor<T>& b) {
  require(a.rank() != 0 && b.rank() != 0, "kron", "a scalar is no matrix: a ", a.shape(), ", b ",
          b.shape());
  const Matrices sa = matrices(a.shape()), sb = matrices(b.shape());
  const Shape batch = broadcast_batches("kron", sa.batch, sb.batch, a.shape(), b.shape());
  const std::size_t m = detail::checked_product("kron", sa.m, sb.m),
                    n = detail::checked_product("kron", sa.n, sb.n);
  const Tensor<T> y = spread_out(a, sa, batch, true) * spread_out(b, sb, batch, false);
  return view(y, a.rank() == 1 && b.rank() == 1 ? Shape{n} : with_matrix(batch, m, n));
}

namespace {

// Elements 1, 2, 0 of an axis of 3, or 2, 0, 1.
template <class T>
Tensor<T> turned(const Tensor<T>& x, std::ptrdiff_t axis, std::ptrdiff_t first) {
  return concat({slice(x, axis, {.start = first}), slice(x, axis, {.stop = first})}, axis);
}

}  // namespace

template <class T>
Tensor<T> cross(const Tensor<T>& a, const Tensor<T>& b, std::ptrdiff_t axis) {
  const Shape shape = broadcast_shapes("cross", a.shape(), b.shape());
  const std::size_t at = normalize_axis("cross", axis, shape, "a and b, broadcast,");
  const std::ptrdiff_t from_end =
      static_cast<std::ptrdiff_t>(at) - static_cast<std::ptrdiff_t>(shape.rank());
  const auto has_three = [&](const Shape& s) {
    return shape.rank() - at <= s.rank() && s[s.rank() + at - shape.rank()] == 3;
  };
  require(has_three(a.shape()) && has_three(b.shape()), "cross", "axis ", at,
          " has not 3 elements: a ", a.shape(), ", b ", b.shape());
  return turned(a, from_end, 1) * turned(b, from_end, 2) -
         turned(a, from_end, 2) * turned(b, from_end, 1);
}

namespace {

template <class T>
Tensor<T> positive_power(Tensor<T> x, std::size_t n) {
  Tensor<T> y;
  for (; n != 0; n /= 2) {
    if (n % 2 == 1) y = y.defined() ? matmul(y, x) : x;
    if (n > 1) x = matmul(x, x);
  }
  return y;
}

template <class T>
void zeroth_backward(const void*, Backward<T>& back) {
  back.add(0, zeros_like(back.gradient()));
}

template <class T>
const detail::Rule<T> kZerothPower = {"matrix_power", &zeroth_backward<T>, nullptr};

// Identities that depend on x, with the gradient 0.
template <class T>
Tensor<T> zeroth_power(const Tensor<T>& x) {
  Tensor<T> y;
  {
    const detail::Untraced untraced;
    y = detail::broadcast_to(eye<T>(x.shape().back()), x.shape()).clone();
  }
  detail::record<T>(y, kZerothPower<T>, {&x}, {});
  detail::log_again(y, [](const auto& o) { return zeroth_power(o[0]); });
  return y;
}

}  // namespace

template <class T>
Tensor<T> matrix_power(const Tensor<T>& x, std::ptrdiff_t n) {
  detail::require_square("matrix_power", "x", x.shape());
  if (n == 0) return zeroth_power(x);
  const auto times = static_cast<std::size_t>(n);
  if (n > 0) return positive_power(x, times);
  return positive_power(detail::recorded_inverse("matrix_power", x), 0 - times);
}

#define XGRAD_INSTANTIATE(T)                                                    \
  template Tensor<T> kron(const Tensor<T>&, const Tensor<T>&);                  \
  template Tensor<T> cross(const Tensor<T>&, const Tensor<T>&, std::ptrdiff_t); \
  template Tensor<T> matrix_power(const Tensor<T>&, std::ptrdiff_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
