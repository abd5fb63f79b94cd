#include "xgrad/ops/matrices.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/optimizer.hpp"

namespace xgrad::detail {

Shape with_matrix(Shape batch, std::size_t m, std::size_t n) {
  batch.push_back(m);
  batch.push_back(n);
  return batch;
}

void require_matrix(const char* operation, const char* name, const Shape& s) {
  require(s.rank() >= 2, operation, name, " is no matrix: ", name, " ", s);
}

void require_square(const char* operation, const char* name, const Shape& s) {
  require_matrix(operation, name, s);
  require(rows(s) == columns(s), operation, name, " is not square: ", name, " ", s);
}

std::string which_matrix(const Shape& s, std::size_t matrix) {
  return s.rank() == 2 ? "the matrix" : "matrix " + text(matrix) + " of the batch";
}

std::string matrix_shape(const Shape& s) {
  const std::string sizes = text(rows(s)) + ", " + text(columns(s)) + ")";
  return (s.rank() == 2 ? "(" : "(..., ") + sizes;
}

namespace {

// Columns [first, last) of row i of n that are read.
struct Range {
  std::size_t first, last;
};

Range range_of(Part part, std::size_t i, std::size_t n) {
  if (part == Part::lower) return {0, std::min(i + 1, n)};
  if (part == Part::below) return {0, std::min(i, n)};
  if (part == Part::upper) return {std::min(i, n), n};
  if (part == Part::above) return {std::min(i + 1, n), n};
  return {0, n};
}

template <class T>
[[noreturn]] void fail_at(const char* operation, const char* name, const Shape& s, std::size_t row,
                          std::size_t column, T value) {
  const std::size_t m = std::max<std::size_t>(rows(s), 1);
  fail(operation, name, " is not finite: ", which_matrix(s, row / m), " has ", value, " at (",
       row % m, ", ", column, "), ", matrix_shape(s));
}

}  // namespace

template <class T>
void require_finite(const char* operation, const char* name, const Tensor<T>& x, Part part) {
  if (part == Part::all && kernels::all_finite(x.data(), x.size())) return;
  const std::size_t m = rows(x.shape()), n = columns(x.shape());
  for (std::size_t row = 0; row * n < x.size(); ++row) {
    const T* const at = x.data() + row * n;
    const auto [first, last] = range_of(part, row % m, n);
    if (kernels::all_finite(at + first, last - first)) continue;
    const T* const bad = std::find_if(at + first, at + last, [](T v) { return !std::isfinite(v); });
    fail_at(operation, name, x.shape(), row, static_cast<std::size_t>(bad - at), *bad);
  }
}

namespace {

template <class T>
struct Triangle {
  bool upper;
  T diagonal;
};

template <class T>
void triangle_backward(const void* attributes, Backward<T>& b) {
  const auto& [upper, diagonal] = *static_cast<const Triangle<T>*>(attributes);
  b.add(0, triangle(b.gradient(), upper, diagonal));
}

template <class T>
const Rule<T> kTriangle = {"triangle", &triangle_backward<T>, nullptr};

}  // namespace

template <class T>
Tensor<T> triangle(const Tensor<T>& x, bool upper, T diagonal) {
  Tensor<T> y = Tensor<T>::uninitialized(x.shape());
  const std::size_t m = rows(x.shape()), n = columns(x.shape());
  for (std::size_t row = 0; row * n < x.size(); ++row) {
    const std::size_t i = row % m;
    const auto [first, last] = range_of(upper ? Part::above : Part::below, i, n);
    const T* const from = x.data() + row * n;
    T* const to = y.node()->data + row * n;
    std::fill_n(to, first, T(0));
    std::copy(from + first, from + last, to + first);
    std::fill(to + last, to + n, T(0));
    if (i < n) to[i] = diagonal == T(0) ? T(0) : diagonal * from[i];
  }
  record<T>(y, kTriangle<T>, {&x}, {}, Triangle<T>{upper, diagonal});
  log_again(y, [=](const auto& o) { return triangle(o[0], upper, diagonal); });
  return y;
}

template <class T>
Pair<T> with_one_batch(const char* operation, const Tensor<T>& a, const Tensor<T>& b) {
  const Shape batch_a = batch_of(a.shape()), batch_b = batch_of(b.shape());
  if (batch_a == batch_b) return {a, b};
  const Shape batch = broadcast_batches(operation, batch_a, batch_b, a.shape(), b.shape());
  return {broadcast_to(a, with_matrix(batch, rows(a.shape()), columns(a.shape()))),
          broadcast_to(b, with_matrix(batch, rows(b.shape()), columns(b.shape())))};
}

#define XGRAD_INSTANTIATE(T)                                                      \
  template void require_finite(const char*, const char*, const Tensor<T>&, Part); \
  template Tensor<T> triangle(const Tensor<T>&, bool, T);                         \
  template Pair<T> with_one_batch(const char*, const Tensor<T>&, const Tensor<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
