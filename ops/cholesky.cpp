#include "xgrad/ops/cholesky.hpp"

#include <cmath>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/factored.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad {

using detail::Factored;
using detail::Rule;

namespace {

std::size_t order(const Shape& s) { return detail::columns(s); }
std::size_t count(const Shape& s) { return detail::batch_of(s).elements(); }

// a = l l^T: ga = sym(l^-T P l^-1), P the lower triangle of l^T gl with half of its diagonal.
template <class T>
Tensor<T> recorded_gradient(const Tensor<T>& l, const Tensor<T>& gl) {
  const Tensor<T> p = detail::triangle(matmul(l, gl, {.transpose_a = true}), false, T(0.5));
  const Tensor<T> left = detail::solve_triangular(l, p, {.transpose = true});
  const Tensor<T> s = detail::solve_triangular(l, left, {.left = false});
  return (s + transpose(s)) * T(0.5);
}

template <class T>
void cholesky_gradient(const void*, Backward<T>& back) {
  const Tensor<T> l = back.output();
  if (back.recording()) return back.add(0, recorded_gradient(l, back.gradient()));
  const auto [ga, has_value] = detail::FastPath(back).accumulator(0);
  kernels::cholesky_backward<T>(count(l.shape()), order(l.shape()), l.data(),
                                back.gradient().data(), {ga, has_value});
}

template <class T>
const Rule<T> kCholesky = {"cholesky", &cholesky_gradient<T>, nullptr};

template <class T>
Tensor<T> lower_factor(const Tensor<T>& a) {
  const Tensor<T> l = detail::cholesky_factor("cholesky", a);
  detail::record<T>(l, kCholesky<T>, {&a}, {.output = true});
  detail::log_again(l, [](const auto& x) { return lower_factor(x[0]); });
  return l;
}

}  // namespace

template <class T>
Tensor<T> cholesky(const Tensor<T>& a, CholeskyOptions options) {
  if (!options.upper) return lower_factor(a);
  detail::require_square("cholesky", "a", a.shape());
  detail::check_each_time("cholesky", a, [](const Tensor<T>& now) {
    detail::require_finite("cholesky", "a", now, detail::Part::upper);
  });
  return transpose(lower_factor(transpose(a)));
}

template <class T>
Tensor<T> cholesky_solve(const Tensor<T>& factor, const Tensor<T>& b, CholeskyOptions options) {
  const detail::System<T> system("cholesky_solve", "factor", factor, b);
  const TriangularSolveOptions first{.upper = options.upper, .transpose = options.upper};
  const TriangularSolveOptions second{.upper = options.upper, .transpose = !options.upper};
  detail::check_each_time("cholesky_solve", factor, [first](const Tensor<T>& now) {
    detail::require_triangle("cholesky_solve", "factor", now, first);
  });
  const Tensor<T> y = detail::solve_triangular(system.a(), system.b(), first);
  return system.solution(detail::solve_triangular(system.a(), y, second));
}

namespace {

template <class T>
Tensor<T> with_two_axes_more(const Tensor<T>& y) {
  return detail::view(y, detail::with_matrix(y.shape(), 1, 1));
}

// y = log det a: ga = gy a^-1.
template <class T>
void logdet_backward(const void*, Backward<T>& back) {
  const Tensor<T> a = back.input(0), factor = back.input(1);
  const Tensor<T> gy = with_two_axes_more(back.gradient());
  const std::size_t n = order(a.shape());
  if (back.recording()) {
    const Tensor<T> one = detail::broadcast_to(eye<T>(n), a.shape());
    return back.add(0, gy * detail::solve_factored(a, one, factor, Factored::cholesky));
  }
  Tensor<T> inverse = Tensor<T>::uninitialized(a.shape());
  kernels::invert_factored(Factored::cholesky, count(a.shape()), n, factor.data(),
                           inverse.node()->data);
  back.add(0, gy * inverse);
}

template <class T>
const Rule<T> kLogdet = {"logdet", &logdet_backward<T>, nullptr};

}  // namespace

template <class T>
Tensor<T> logdet(const Tensor<T>& a) {
  const Tensor<T> l = detail::cholesky_factor("logdet", a);
  Tensor<T> y = Tensor<T>::uninitialized(detail::batch_of(a.shape()));
  const std::size_t n = order(a.shape());
  for (std::size_t m = 0; m < y.size(); ++m) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i)
      sum += std::log(static_cast<double>(l.data()[(m * n + i) * n + i]));
    y.node()->data[m] = static_cast<T>(2 * sum);
  }
  detail::record<T>(y, kLogdet<T>, {&a, &l}, {.inputs = 0b11});
  detail::log_again(y, [](const auto& x) { return logdet(x[0]); });
  return y;
}

#define XGRAD_INSTANTIATE(T)                                                              \
  template Tensor<T> cholesky(const Tensor<T>&, CholeskyOptions);                         \
  template Tensor<T> cholesky_solve(const Tensor<T>&, const Tensor<T>&, CholeskyOptions); \
  template Tensor<T> logdet(const Tensor<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
