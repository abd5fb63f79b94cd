#include "xgrad/ops/determinant.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/scratch.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/factored.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad {

namespace lapack = kernels::lapack;

namespace {

std::size_t order(const Shape& s) { return detail::columns(s); }

template <class T>
Tensor<T> with_two_axes_more(const Tensor<T>& y) {
  return detail::view(y, detail::with_matrix(y.shape(), 1, 1));
}

// The sign that the exchanges of rows have in a determinant.
template <class T>
T sign_of(const T* pivots, std::size_t n) {
  T sign = 1;
  for (std::size_t i = 0; i < n; ++i) sign = pivots[i] == T(i + 1) ? sign : -sign;
  return sign;
}

// of(diagonal element i) for i below n of a factor.
template <class T, class F>
void each_on_diagonal(const T* lu, std::size_t n, const F& f) {
  for (std::size_t i = 0; i < n; ++i) f(lu[i * n + i]);
}

// Nothing on the way to it is beyond the range of T.
template <class T>
T product_of_pivots(std::size_t n, const T* lu) {
  T product = sign_of(lu + n * n, n);
  int exponent = 0;
  each_on_diagonal(lu, n, [&](T pivot) {
    int by_pivot = 0, by_product = 0;
    product = std::frexp(product * std::frexp(pivot, &by_pivot), &by_product);
    exponent += by_pivot + by_product;
  });
  return std::ldexp(product, exponent);
}

// Singular matrices. With its r smallest singular values taken away, a = k^-1 - u v^T where k is
// the inverse of a regular matrix, and the cofactors are polynomials of e = 1 - v^T k u, (r, r):
//   det a = det e / det k,   adj a = (det e k + k u adj e v^T k) / det k.

// How many singular values of a are below sqrt(epsilon) of the largest one; by an estimate from the
// factors where that says none.
template <class T>
std::size_t deficiency(std::size_t n, const T* a, const T* lu) {
  T norm = 0, reciprocal = 0;
  for (std::size_t i = 0; i < n; ++i) {
    T sum = 0;
    for (std::size_t j = 0; j < n; ++j) sum += std::abs(a[i * n + j]);
    norm = std::max(norm, sum);
  }
  bool regular = true;
  each_on_diagonal(lu, n, [&](T pivot) { regular = regular && pivot != T(0); });
  if (regular && !lapack::gecon(n, lu, norm, &reciprocal).failed() &&
      reciprocal * reciprocal >= std::numeric_limits<T>::epsilon())
    return 0;
  kernels::Scratch<T> copy(n * n), s(n);
  std::copy_n(a, n * n, copy.data());
  static_cast<void>(
      lapack::gesdd<T>(lapack::Vectors::none, n, n, copy.data(), s.data(), nullptr, nullptr));
  const T least = s[0] * std::sqrt(std::numeric_limits<T>::epsilon());
  std::size_t r = 0;
  while (r < n && s[n - 1 - r] <= least) ++r;
  return r;
}

// What makes the matrices of a batch regular: a + u v^T has the largest singular value in place of
// the r smallest. u (..., n, r), v (..., r, n), constants.
template <class T>
struct Repair {
  Tensor<T> u, v;
};

template <class T>
void repair_matrix(std::size_t n, std::size_t r, const T* a, T* u, T* v) {
  kernels::Scratch<T> copy(n * n), s(n), right(n * n), left(n * n);
  std::copy_n(a, n * n, copy.data());
  static_cast<void>(
      lapack::gesdd(lapack::Vectors::all, n, n, copy.data(), s.data(), right.data(), left.data()));
  const T largest = s[0] > T(0) ? s[0] : T(1);
  for (std::size_t k = 0; k < r; ++k) {
    const std::size_t i = n - 1 - k;
    for (std::size_t j = 0; j < n; ++j) {
      u[j * r + k] = (largest - s[i]) * left[i + j * n];
      v[k * n + j] = right[j + i * n];
    }
  }
}

template <class T>
Repair<T> repair(const Tensor<T>& a, std::size_t r) {
  const std::size_t n = order(a.shape());
  const Shape batch = detail::batch_of(a.shape());
  Repair<T> w = {Tensor<T>::uninitialized(detail::with_matrix(batch, n, r)),
                 Tensor<T>::uninitialized(detail::with_matrix(batch, r, n))};
  for (std::size_t m = 0; m < batch.elements(); ++m)
    repair_matrix(n, r, a.data() + m * n * n, w.u.node()->data + m * n * r,
                  w.v.node()->data + m * n * r);
  return w;
}

// det e and adj e by the characteristic polynomial: products, and divisions by whole numbers only.
// Source: D. K. Faddeev, V. N. Faddeeva, Computational methods of linear algebra, 1963, section 47.
template <class T>
struct Polynomial {
  Tensor<T> determinant, adjugate;  // (..., 1, 1), (..., r, r)
};

template <class T>
Polynomial<T> polynomial(const Tensor<T>& e) {
  const std::size_t r = order(e.shape());
  const Tensor<T> one = eye<T>(r);
  Tensor<T> m = one + T(0) * e;
  for (std::size_t k = 1;; ++k) {
    const Tensor<T> product = matmul(e, m);
    const Tensor<T> c = sum(product * one, {-2, -1}, {.keep_dims = true}) / static_cast<T>(k);
    const T sign = r % 2 == 0 ? T(-1) : T(1);
    if (k == r) return {sign * c, sign * m};
    m = product - c * one;
  }
}

template <class T>
std::size_t largest_deficiency(const Tensor<T>& a, const Tensor<T>& lu) {
  const std::size_t n = order(a.shape());
  std::size_t r = 0;
  for (std::size_t m = 0; m < detail::batch_of(a.shape()).elements(); ++m)
    r = std::max(r, deficiency(n, a.data() + m * n * n, lu.data() + m * (n + 1) * n));
  return r;
}

// Determinants beyond the range of T, whose cofactors may be within: those of 2^-e a times 2^(n-1)e.

// The binary exponent of the geometric mean of the pivots, or of the largest element where one is 0.
template <class T>
int exponent_of(std::size_t n, const T* a, const T* lu) {
  int sum = 0, exponent = 0;
  bool regular = true;
  each_on_diagonal(lu, n, [&](T pivot) {
    std::frexp(pivot, &exponent);
    sum += exponent;
    regular = regular && pivot != T(0);
  });
  if (regular) return n == 0 ? 0 : sum / static_cast<int>(n);
  T largest = 0;
  for (std::size_t i = 0; i < n * n; ++i) largest = std::max(largest, std::abs(a[i]));
  std::frexp(largest, &exponent);
  return exponent;
}

// 2^exponent of the matrices of a batch, and what is left of exponents that are larger.
template <class T>
Tensor<T> take_powers(std::vector<int>& exponents, const Shape& batch) {
  constexpr int most = std::numeric_limits<T>::max_exponent - 28;
  const Tensor<T> y = Tensor<T>::uninitialized(detail::with_matrix(batch, 1, 1));
  for (std::size_t m = 0; m < exponents.size(); ++m) {
    const int now = std::clamp(exponents[m], -most, most);
    y.node()->data[m] = std::ldexp(T(1), now);
    exponents[m] -= now;
  }
  return y;
}

// x times 2^exponent.
template <class T>
Tensor<T> scaled(Tensor<T> x, std::vector<int> exponents) {
  const auto is_not_0 = [](int e) { return e != 0; };
  while (std::any_of(exponents.begin(), exponents.end(), is_not_0))
    x = x * take_powers<T>(exponents, detail::batch_of(x.shape()));
  return x;
}

template <class T>
Tensor<T> adjugate(const Tensor<T>& a, const Tensor<T>& lu, const Tensor<T>& determinant);

// Defined where some determinant may be beyond the range.
template <class T>
Tensor<T> adjugate_by_scaling(const Tensor<T>& a, const Tensor<T>& lu) {
  constexpr int most = std::numeric_limits<T>::max_exponent - std::numeric_limits<T>::digits;
  const int n = static_cast<int>(order(a.shape()));
  std::vector<int> down, back;
  bool beyond = false;
  for (std::size_t m = 0; m < detail::batch_of(a.shape()).elements(); ++m) {
    const std::size_t size = order(a.shape());
    const int e = exponent_of(size, a.data() + m * size * size, lu.data() + m * (size + 1) * size);
    beyond = beyond || std::abs(e) * n > most;
    down.push_back(-e);
    back.push_back(e * (n - 1));
  }
  if (!beyond) return {};
  const Tensor<T> b = scaled(a, down);
  return scaled(adjugate(b, detail::lu_factor("det", b, true), det(b)), back);
}

template <class T>
Tensor<T> adjugate(const Tensor<T>& a, const Tensor<T>& lu, const Tensor<T>& determinant) {
  if (const Tensor<T> y = adjugate_by_scaling(a, lu); y.defined()) return y;
  const std::size_t r = largest_deficiency(a, lu);
  if (r == 0) return with_two_axes_more(determinant) * inverse(a);
  const Repair<T> w = repair(a, r);
  const Tensor<T> regular = a + matmul(w.u, w.v), k = inverse(regular);
  const Tensor<T> ku = matmul(k, w.u), vk = matmul(w.v, k);
  const auto [det_e, adj_e] = polynomial<T>(eye<T>(r) - matmul(w.v, ku));
  return with_two_axes_more(det(regular)) * (det_e * k + matmul(matmul(ku, adj_e), vk));
}

// y = det a: ga = gy adj(a)^T.
template <class T>
void det_backward(const void*, Backward<T>& back) {
  const Tensor<T> cofactors = transpose(adjugate(back.input(0), back.input(1), back.output()));
  back.add(0, with_two_axes_more(back.gradient()) * cofactors);
}

template <class T>
const detail::Rule<T> kDet = {"det", &det_backward<T>, nullptr};

template <class T>
Tensor<T> inverse_by_factors(const Tensor<T>& a, const Tensor<T>& lu) {
  Tensor<T> y = Tensor<T>::uninitialized(a.shape());
  kernels::invert_factored(detail::Factored::lu, detail::batch_of(a.shape()).elements(),
                           order(a.shape()), lu.data(), y.node()->data);
  return y;
}

template <class T>
void require_regular(const Shape& a, const Tensor<T>& lu) {
  const std::size_t n = order(a);
  for (std::size_t m = 0; m < detail::batch_of(a).elements(); ++m) {
    each_on_diagonal(lu.data() + m * (n + 1) * n, n, [&](T pivot) {
      detail::require(pivot != T(0), "slogdet", detail::which_matrix(a, m),
                      " is singular, its logarithm has no gradient: ", detail::matrix_shape(a));
    });
  }
}

// y = log |det a|: ga = gy a^-T.
template <class T>
void slogdet_backward(const void*, Backward<T>& back) {
  const Tensor<T> a = back.input(0), lu = back.input(1);
  require_regular(a.shape(), lu);
  const Tensor<T> k = back.recording() ? inverse(a) : inverse_by_factors(a, lu);
  back.add(0, with_two_axes_more(back.gradient()) * transpose(k));
}

template <class T>
const detail::Rule<T> kSlogdet = {"slogdet", &slogdet_backward<T>, nullptr};

}  // namespace

template <class T>
Tensor<T> det(const Tensor<T>& a) {
  const Tensor<T> lu = detail::lu_factor("det", a, true);
  const std::size_t n = order(a.shape());
  Tensor<T> y = Tensor<T>::uninitialized(detail::batch_of(a.shape()));
  for (std::size_t m = 0; m < y.size(); ++m) {
    y.node()->data[m] = product_of_pivots(n, lu.data() + m * (n + 1) * n);
  }
  detail::record<T>(y, kDet<T>, {&a, &lu}, {.inputs = 0b11, .output = true});
  detail::log_again(y, [](const auto& x) { return det(x[0]); });
  return y;
}

template <class T>
SignedLogarithm<T> slogdet(const Tensor<T>& a) {
  const Tensor<T> lu = detail::lu_factor("slogdet", a, true);
  const std::size_t n = order(a.shape());
  const Shape batch = detail::batch_of(a.shape());
  const SignedLogarithm<T> y = {Tensor<T>::uninitialized(batch), Tensor<T>::uninitialized(batch)};
  for (std::size_t m = 0; m < batch.elements(); ++m) {
    const T* const factors = lu.data() + m * (n + 1) * n;
    T sign = sign_of(factors + n * n, n);
    double sum = 0;
    each_on_diagonal(factors, n, [&](T pivot) {
      sum += std::log(std::abs(static_cast<double>(pivot)));
      sign = pivot == T(0) ? T(0) : pivot < T(0) ? -sign : sign;
    });
    y.sign.node()->data[m] = sign;
    y.logarithm.node()->data[m] = static_cast<T>(sum);
  }
  detail::tell("slogdet sign", y.sign, {a}, [](const auto& x) { return slogdet(x[0]).sign; });
  detail::record<T>(y.logarithm, kSlogdet<T>, {&a, &lu}, {.inputs = 0b11});
  detail::log_again(y.logarithm, [](const auto& x) { return slogdet(x[0]).logarithm; });
  return y;
}

#define XGRAD_INSTANTIATE(T)                \
  template Tensor<T> det(const Tensor<T>&); \
  template struct SignedLogarithm<T>;       \
  template SignedLogarithm<T> slogdet(const Tensor<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
