#include "xgrad/ops/solve.hpp"

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/factored.hpp"
#include "xgrad/ops/linalg.hpp"

namespace xgrad {

using detail::Factored;
using detail::System;

namespace {

detail::Part part_read(TriangularSolveOptions o) {
  using detail::Part;
  if (o.unit_diagonal) return o.upper ? Part::above : Part::below;
  return o.upper ? Part::upper : Part::lower;
}

template <class T>
void require_regular_diagonal(const char* operation, const char* name, const Tensor<T>& a) {
  const std::size_t n = detail::columns(a.shape());
  for (std::size_t row = 0; row * n < a.size(); ++row) {
    const std::size_t i = row % n;
    detail::require(a.data()[row * n + i] != T(0), operation,
                    detail::which_matrix(a.shape(), row / n), " is singular: ", name, " has 0 at (",
                    i, ", ", i, "), ", detail::matrix_shape(a.shape()));
  }
}

}  // namespace

template <class T>
void detail::require_triangle(const char* operation, const char* name, const Tensor<T>& a,
                              TriangularSolveOptions o) {
  require_finite(operation, name, a, part_read(o));
  if (!o.unit_diagonal) require_regular_diagonal(operation, name, a);
}

template <class T>
Tensor<T> triangular_solve(const Tensor<T>& a, const Tensor<T>& b, TriangularSolveOptions options) {
  const System<T> system("triangular_solve", "a", a, b, options.left);
  detail::check_each_time("triangular_solve", a, [options](const Tensor<T>& now) {
    detail::require_triangle("triangular_solve", "a", now, options);
  });
  return system.solution(detail::solve_triangular(system.a(), system.b(), options));
}

template <class T>
Tensor<T> solve(const Tensor<T>& a, const Tensor<T>& b, SolveOptions options) {
  const System<T> system("solve", "a", a, b);
  if (!options.spd) return system.solution(detail::solve_general("solve", system.a(), system.b()));
  const Tensor<T> l = detail::cholesky_factor("solve", system.a());
  return system.solution(detail::solve_factored(system.a(), system.b(), l, Factored::cholesky));
}

namespace {

// y = a^-1: ga = -y^T gy y^T.
template <class T>
void inverse_gradient(const void*, Backward<T>& back) {
  const Tensor<T> y = back.output();
  const std::size_t n = detail::rows(y.shape());
  if (!back.recording() && n <= kernels::kSmallMatrix) {
    const auto [data, has_value] = detail::FastPath(back).accumulator(0);
    return kernels::inverse_backward<T>(detail::batch_of(y.shape()).elements(), n, y.data(),
                                        back.gradient().data(), {data, has_value});
  }
  const Tensor<T> left = matmul(y, back.gradient(), {.transpose_a = true});
  back.add(0, -matmul(left, y, {.transpose_b = true}));
}

template <class T>
const detail::Rule<T> kInverse = {"inverse", &inverse_gradient<T>, nullptr};

}  // namespace

template <class T>
Tensor<T> detail::recorded_inverse(const char* operation, const Tensor<T>& a) {
  const Tensor<T> y = inverse_of(operation, a);
  record<T>(y, kInverse<T>, {&a}, {.output = true});
  log_again(y, [operation](const auto& x) { return recorded_inverse(operation, x[0]); });
  return y;
}

template <class T>
Tensor<T> inverse(const Tensor<T>& a) {
  return detail::recorded_inverse("inverse", a);
}

#define XGRAD_INSTANTIATE(T)                                                                       \
  template void detail::require_triangle(const char*, const char*, const Tensor<T>&,               \
                                         TriangularSolveOptions);                                  \
  template Tensor<T> triangular_solve(const Tensor<T>&, const Tensor<T>&, TriangularSolveOptions); \
  template Tensor<T> solve(const Tensor<T>&, const Tensor<T>&, SolveOptions);                      \
  template Tensor<T> detail::recorded_inverse(const char*, const Tensor<T>&);                      \
  template Tensor<T> inverse(const Tensor<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
