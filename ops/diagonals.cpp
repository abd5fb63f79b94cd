#include "xgrad/ops/diagonals.hpp"

#include <algorithm>

#include "xgrad/autograd/axis.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/ops/lattice.hpp"
#include "xgrad/ops/matrices.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad {

using detail::require;
using detail::Selection;
using detail::Strides;
using detail::strides_of;

namespace {

std::ptrdiff_t as_signed(std::size_t n) { return static_cast<std::ptrdiff_t>(n); }

// |offset|, also of the smallest number.
std::size_t distance(std::ptrdiff_t offset) {
  return offset < 0 ? std::size_t{0} - static_cast<std::size_t>(offset)
                    : static_cast<std::size_t>(offset);
}

// Elements of a diagonal of an (m, n) matrix.
std::size_t length(std::size_t m, std::size_t n, std::ptrdiff_t offset) {
  std::size_t& shortened = offset < 0 ? m : n;
  shortened -= std::min(shortened, distance(offset));
  return std::min(m, n);
}

// Where a diagonal begins, with these distances between rows and between columns.
std::ptrdiff_t start(std::ptrdiff_t offset, std::ptrdiff_t row, std::ptrdiff_t column) {
  return offset < 0 ? -offset * row : offset * column;
}

template <class T>
const detail::Rule<T> kDiagonal = {"diagonal", &detail::take_backward<T>, nullptr};
template <class T>
const detail::Rule<T> kDiagEmbed = {"diag_embed", &detail::place_backward<T>, nullptr};

template <class T>
Tensor<T> diagonal_of(const char* operation, const Tensor<T>& x, std::ptrdiff_t offset,
                      std::ptrdiff_t axis1, std::ptrdiff_t axis2) {
  detail::require_matrix(operation, "x", x.shape());
  const std::size_t row = normalize_axis(operation, axis1, x.shape());
  const std::size_t column = normalize_axis(operation, axis2, x.shape());
  require(row != column, operation, "both axes are axis ", row, ": x ", x.shape());
  const Strides strides = strides_of(x.shape());
  const std::size_t n = length(x.shape()[row], x.shape()[column], offset);
  Selection s;
  Shape shape;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (i == row || i == column) continue;
    shape.push_back(x.shape()[i]);
    s.lattice.add_axis(x.shape()[i], strides[i]);
  }
  shape.push_back(n);
  if (n != 0) s.lattice.offset = start(offset, strides[row], strides[column]);
  s.lattice.add_axis(n, strides[row] + strides[column]);
  return detail::take(x, s, shape, kDiagonal<T>);
}

}  // namespace

template <class T>
Tensor<T> diagonal(const Tensor<T>& x, std::ptrdiff_t offset, std::ptrdiff_t axis1,
                   std::ptrdiff_t axis2) {
  return diagonal_of("diagonal", x, offset, axis1, axis2);
}

template <class T>
Tensor<T> trace(const Tensor<T>& x, std::ptrdiff_t offset, std::ptrdiff_t axis1,
                std::ptrdiff_t axis2) {
  return sum(diagonal_of("trace", x, offset, axis1, axis2), -1);
}

namespace {

template <class T>
Tensor<T> embedded(const char* operation, const Tensor<T>& x, std::ptrdiff_t offset) {
  require(x.rank() >= 1, operation, "a scalar is no diagonal: x ", x.shape());
  const std::size_t n = x.shape().back();
  const std::size_t size = detail::checked_sum(operation, n, distance(offset));
  Shape shape = x.shape();
  shape[shape.rank() - 1] = size;
  shape.push_back(size);
  detail::checked_elements(shape, sizeof(T));
  const Strides strides = strides_of(shape);
  Selection s;
  for (std::size_t i = 0; i + 1 < x.rank(); ++i) s.lattice.add_axis(shape[i], strides[i]);
  s.lattice.offset = n == 0 ? 0 : start(offset, as_signed(size), 1);
  s.lattice.add_axis(n, as_signed(size) + 1);
  return detail::place(x, s, shape, T(0), kDiagEmbed<T>);
}

}  // namespace

template <class T>
Tensor<T> diag_embed(const Tensor<T>& x, std::ptrdiff_t offset) {
  return embedded("diag_embed", x, offset);
}

template <class T>
Tensor<T> diag(const Tensor<T>& x, std::ptrdiff_t k) {
  require(x.rank() == 1 || x.rank() == 2, "diag",
          "neither a vector nor a matrix, diagonal and diag_embed take batches: x ", x.shape());
  return x.rank() == 1 ? embedded("diag", x, k) : diagonal_of("diag", x, k, 0, 1);
}

namespace {

struct Triangle {
  bool lower;
  std::ptrdiff_t k;
};

template <class T>
Tensor<T> triangle(const Tensor<T>& x, const Triangle& t);

template <class T>
void triangle_backward(const void* attributes, Backward<T>& b) {
  b.add(0, triangle(b.gradient(), *static_cast<const Triangle*>(attributes)));
}

template <class T>
const detail::Rule<T> kTril = {"tril", &triangle_backward<T>, nullptr};
template <class T>
const detail::Rule<T> kTriu = {"triu", &triangle_backward<T>, nullptr};

// Row i of n elements: those left of the diagonal's right end are kept, or the others.
template <class T>
void triangle_row(const T* x, T* y, std::size_t i, std::size_t n, const Triangle& t) {
  const std::ptrdiff_t end = as_signed(i) + t.k + (t.lower ? 1 : 0);
  const auto cut = static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(end, 0, as_signed(n)));
  if (t.lower) {
    std::copy_n(x, cut, y);
    std::fill_n(y + cut, n - cut, T(0));
  } else {
    std::fill_n(y, cut, T(0));
    std::copy_n(x + cut, n - cut, y + cut);
  }
}

template <class T>
Tensor<T> triangle(const Tensor<T>& x, const Triangle& t) {
  const std::size_t m = x.shape()[x.rank() - 2], n = x.shape().back();
  Tensor<T> y = Tensor<T>::uninitialized(x.shape());
  const T* const from = x.data();
  T* const to = y.node()->data;
  const std::size_t rows = n == 0 ? 0 : x.size() / n, pieces = kernels::pieces_for(x.size());
  const Triangle inside = {t.lower,
                           std::clamp<std::ptrdiff_t>(t.k, -as_signed(m) - 1, as_signed(n) + 1)};
  kernels::parallel_for(pieces, [&](std::size_t p) {
    for (std::size_t r = rows * p / pieces; r < rows * (p + 1) / pieces; ++r)
      triangle_row(from + r * n, to + r * n, r % m, n, inside);
  });
  detail::record<T>(y, t.lower ? kTril<T> : kTriu<T>, {&x}, {}, t);
  detail::log_again(y, [t](const auto& o) { return triangle(o[0], t); });
  return y;
}

}  // namespace

template <class T>
Tensor<T> tril(const Tensor<T>& x, std::ptrdiff_t k) {
  detail::require_matrix("tril", "x", x.shape());
  return triangle(x, {true, k});
}

template <class T>
Tensor<T> triu(const Tensor<T>& x, std::ptrdiff_t k) {
  detail::require_matrix("triu", "x", x.shape());
  return triangle(x, {false, k});
}

#define XGRAD_INSTANTIATE(T)                                                                     \
  template Tensor<T> diagonal(const Tensor<T>&, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t); \
  template Tensor<T> diag_embed(const Tensor<T>&, std::ptrdiff_t);                               \
  template Tensor<T> diag(const Tensor<T>&, std::ptrdiff_t);                                     \
  template Tensor<T> trace(const Tensor<T>&, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t);    \
  template Tensor<T> tril(const Tensor<T>&, std::ptrdiff_t);                                     \
  template Tensor<T> triu(const Tensor<T>&, std::ptrdiff_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
