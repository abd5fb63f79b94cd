#include "xgrad/ops/matrix_exp.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/kernels/lapack.hpp"
#include "xgrad/kernels/matrix_exp.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/decompositions.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad {
namespace {

using detail::Matrices;

template <class T>
T largest_in(const T* x, std::size_t n) {
  T largest = 0;
  for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, std::abs(x[i]));
  return largest;
}

// Powers of two that make each matrix of x about as large as that of a: the block is then no larger
// than a makes it.
template <class T>
Tensor<T> balance(const Tensor<T>& x, const Tensor<T>& a, const Matrices& s) {
  const Tensor<T> scale = Tensor<T>::uninitialized(s.with({1, 1}));
  for (std::size_t i = 0; i < s.count; ++i) {
    const T of_x = largest_in(x.data() + i * s.elements(), s.elements());
    const T of_a = largest_in(a.data() + i * s.elements(), s.elements());
    int exponent = 0;
    if (of_x > T(0) && of_a > T(0) && std::isfinite(of_x)) exponent = std::ilogb(of_a / of_x);
    scale.node()->data[i] = std::ldexp(T(1), std::clamp(exponent, -60, 60));
  }
  return scale;
}

template <class T>
Tensor<T> exponential(const Tensor<T>& a, const Matrices& s);

template <class T>
void matrix_exp_backward(const void*, Backward<T>& b) {
  const Tensor<T> a = transpose(b.input(0)), &gy = b.gradient();
  const Matrices s = detail::matrices_of("matrix_exp", a.shape());
  const Tensor<T> scale = balance(gy, a, s);
  const Tensor<T> upper = concat({a, gy * scale}, -1), lower = concat({zeros_like(a), a}, -1);
  const auto n = static_cast<std::ptrdiff_t>(s.n);
  const Tensor<T> block = concat({upper, lower}, -2);
  const Tensor<T> top =
      slice(exponential(block, detail::matrices_of("matrix_exp", block.shape())), -2, 0, n);
  b.add(0, slice(top, -1, n, 2 * n) / scale);
}

template <class T>
const detail::Rule<T> kMatrixExp = {"matrix_exp", &matrix_exp_backward<T>, nullptr};

// NaN for a matrix that is not finite, as a gradient may be.
template <class T>
Tensor<T> exponential(const Tensor<T>& a, const Matrices& s) {
  const Tensor<T> y = Tensor<T>::uninitialized(a.shape());
  const auto each = [&](std::size_t i) {
    const T* const from = a.data() + i * s.elements();
    T* const to = y.node()->data + i * s.elements();
    if (std::all_of(from, from + s.elements(), [](T v) { return std::isfinite(v); })) {
      kernels::matrix_exp(from, s.n, to);
    } else {
      std::fill_n(to, s.elements(), std::numeric_limits<T>::quiet_NaN());
    }
    return kernels::lapack::Outcome();
  };
  const double work = 20 * static_cast<double>(s.elements()) * static_cast<double>(s.n);
  static_cast<void>(kernels::lapack::for_each_matrix(s.count, work, each));
  detail::record(y, kMatrixExp<T>, {&a}, {.inputs = 1});
  if (detail::is_logged<T>())
    detail::log_again(y, [s](const auto& x) { return exponential(x[0], s); });
  return y;
}

}  // namespace

template <class T>
Tensor<T> matrix_exp(const Tensor<T>& a) {
  const Matrices s = detail::square_matrices_of("matrix_exp", a.shape());
  detail::check_each_time("matrix_exp", a,
                          [](const Tensor<T>& x) { detail::require_finite("matrix_exp", "a", x); });
  return exponential(a, s);
}

template Tensor<float> matrix_exp(const Tensor<float>&);
template Tensor<double> matrix_exp(const Tensor<double>&);

}  // namespace xgrad
