#include "xgrad/ops/decompositions.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "xgrad/base/errors.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad::detail {

Shape Matrices::with(std::initializer_list<std::size_t> last) const {
  Shape shape = batch;
  for (const std::size_t size : last) shape.push_back(size);
  return shape;
}

Matrices matrices_of(const char* operation, const Shape& a) {
  require_matrix(operation, "a", a);
  const Shape batch = batch_of(a);
  return {batch.elements(), rows(a), columns(a), batch};
}

Matrices square_matrices_of(const char* operation, const Shape& a) {
  require_square(operation, "a", a);
  return matrices_of(operation, a);
}

void fail_to_converge(const char* operation, const Matrices& s, kernels::lapack::BatchOutcome o) {
  const Shape shape = s.with({s.m, s.n});
  fail<std::runtime_error>(operation, which_matrix(shape, o.matrix), " does not converge: ", o.info,
                           " of its values do not, ", matrix_shape(shape));
}

template <class T>
T sign_of(const T* x, std::size_t n, std::size_t stride) {
  T largest = 0;
  for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, std::abs(x[i * stride]));
  std::size_t first = 0;
  while (first + 1 < n && std::abs(x[first * stride]) < T(0.999) * largest) ++first;
  return n != 0 && x[first * stride] < T(0) ? T(-1) : T(1);
}

template <class T>
T column_norm(const T* x, std::size_t n, std::size_t stride) {
  T sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += x[i * stride] * x[i * stride];
  return std::sqrt(sum);
}

template <class T>
Tensor<T> part_of(const Tensor<T>& results, std::size_t offset,
                  std::initializer_list<std::size_t> last) {
  Shape shape = results.shape().without(results.rank() - 1);
  for (const std::size_t size : last) shape.push_back(size);
  const auto begin = static_cast<std::ptrdiff_t>(offset);
  const auto size = static_cast<std::ptrdiff_t>(Shape(last).elements());
  return reshape(slice(results, -1, begin, begin + size), shape);
}

template <class T>
Tensor<T> symmetric_part(const Tensor<T>& x) {
  return (x + transpose(x)) * T(0.5);
}

template <class T>
Tensor<T> diagonal_matrix(const Tensor<T>& x) {
  return eye<T>(x.shape().back()) * unsqueeze(x, -1);
}

#define XGRAD_INSTANTIATE(T)                                                                     \
  template T sign_of(const T*, std::size_t, std::size_t);                                        \
  template T column_norm(const T*, std::size_t, std::size_t);                                    \
  template Tensor<T> part_of(const Tensor<T>&, std::size_t, std::initializer_list<std::size_t>); \
  template Tensor<T> symmetric_part(const Tensor<T>&);                                           \
  template Tensor<T> diagonal_matrix(const Tensor<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
