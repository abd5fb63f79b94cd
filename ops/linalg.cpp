#include "xgrad/ops/linalg.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/description.hpp"
#include "xgrad/autograd/fast_path.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/gemm.hpp"
#include "xgrad/kernels/reduce.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/product.hpp"

namespace xgrad {
namespace {

using detail::GradientProducts;
using detail::record;
using detail::view;

[[noreturn]] void fail(const char* operation, const char* what, const Shape& a, const Shape& b,
                       const char* names[2]) {
  detail::fail(operation, what, ": ", names[0], " ", a, ", ", names[1], " ", b);
}
const char* kAB[] = {"a", "b"};
const char* kXWeight[] = {"x", "weight"};

// Sizes of the products of `count` pairs of matrices.
struct Sizes {
  std::size_t count, m, n, k;
};

std::size_t rows(const Shape& s) { return s[s.rank() - 2]; }
std::size_t columns(const Shape& s) { return s[s.rank() - 1]; }

Shape batch_of(const Shape& s) { return Shape(s.begin(), s.end() - 2); }

Shape with_matrix(Shape batch, std::size_t m, std::size_t n) {
  batch.push_back(m);
  batch.push_back(n);
  return batch;
}

Sizes sizes_of(const Shape& a, const Shape& b, MatmulOptions o) {
  return {batch_of(a).elements(), o.transpose_a ? columns(a) : rows(a),
          o.transpose_b ? rows(b) : columns(b), o.transpose_a ? rows(a) : columns(a)};
}

// c = op(a) op(b) + beta c for matrices, or equally many of them.
template <class T>
void multiply_into(T* c, const Tensor<T>& a, const Tensor<T>& b, MatmulOptions o, T beta) {
  const Sizes s = sizes_of(a.shape(), b.shape(), o);
  kernels::batched_gemm(o.transpose_a, o.transpose_b, s.m, s.n, s.k, a.data(), s.m * s.k, b.data(),
                        s.k * s.n, beta, c, s.m * s.n, s.count);
}

template <class T>
Tensor<T> multiply_matrices(const Tensor<T>& a, const Tensor<T>& b, MatmulOptions o);

}  // namespace

template <class T>
void detail::GradientProducts<T>::add(std::size_t i, const Tensor<T>& p, const Tensor<T>& q,
                                      MatmulOptions o) {
  if (back_.recording()) return back_.add(i, multiply_matrices(p, q, o));
  const auto accumulator = detail::FastPath(back_).accumulator(i);
  T* const to = accumulator.data;
  const T beta = accumulator.has_value ? T(1) : T(0);
  const Sizes s = sizes_of(p.shape(), q.shape(), o);
  if (s.count != 1) return multiply_into(to, p, q, o, beta);
  const auto same = [to](const kernels::Product<T>& g) { return g.c == to; };
  if (count_ == gathered_.size() ||
      std::any_of(gathered_.begin(), gathered_.begin() + count_, same))
    run();
  gathered_[count_++] = {o.transpose_a, o.transpose_b, s.m, s.n, s.k, p.data(), q.data(), beta, to};
}

template <class T>
void detail::GradientProducts<T>::run() {
  kernels::gemm(std::span<const kernels::Product<T>>(gathered_.data(), std::exchange(count_, 0)));
}

namespace {

// y = a b:     ga = gy b^T, gb = a^T gy.
// y = a^T b:   ga = b gy^T.            y = a b^T:   gb = gy^T a.
template <class T>
void matmul_backward(const void* attributes, Backward<T>& back) {
  const auto o = *static_cast<const MatmulOptions*>(attributes);
  const Tensor<T>& gy = back.gradient();
  const Tensor<T> a = back.input(0), b = back.input(1);
  GradientProducts<T> products(back);
  if (back.needs(0)) {
    if (o.transpose_a) {
      products.add(0, b, gy, {o.transpose_b, true});
    } else {
      products.add(0, gy, b, {false, !o.transpose_b});
    }
  }
  const bool may_leave = a.rank() == 2 && b.rank() == 2 && !o.transpose_a;
  if (back.needs(1) && !(may_leave && detail::FastPath<T>(back).leave_product(
                                          1, o.transpose_b ? gy : a, o.transpose_b ? a : gy))) {
    if (o.transpose_b) {
      products.add(1, gy, a, {true, o.transpose_a});
    } else {
      products.add(1, a, gy, {!o.transpose_a, false});
    }
  }
  products.run();
}

template <class T>
const detail::Rule<T> kMatmul = {"matmul", &matmul_backward<T>, nullptr};

// Both have the same batch axes.
template <class T>
Tensor<T> multiply_matrices(const Tensor<T>& a, const Tensor<T>& b, MatmulOptions o) {
  const Sizes s = sizes_of(a.shape(), b.shape(), o);
  Tensor<T> y = Tensor<T>::uninitialized(with_matrix(batch_of(a.shape()), s.m, s.n));
  multiply_into(y.node()->data, a, b, o, T(0));
  const unsigned needed = detail::needed<T>({&a, &b});
  if (needed == 0 && !detail::is_logged<T>()) return y;
  record(y, kMatmul<T>, {&a, &b}, {(needed & 1U) << 1 | needed >> 1}, o);
  detail::log_again(y, [o](const auto& x) { return multiply_matrices(x[0], x[1], o); });
  detail::describe(
      y, detail::ProductDescription{o.transpose_a, o.transpose_b, s.count, s.m, s.n, s.k});
  return y;
}

void check_matmul(const Shape& a, const Shape& b, MatmulOptions o) {
  if (a.rank() == 0 || b.rank() == 0) fail("matmul", "a scalar is no matrix", a, b, kAB);
  if ((o.transpose_a && a.rank() == 1) || (o.transpose_b && b.rank() == 1)) {
    fail("matmul", "a vector cannot be transposed", a, b, kAB);
  }
  const std::size_t ka = a.rank() > 1 && o.transpose_a ? rows(a) : columns(a);
  const std::size_t kb = b.rank() == 1 ? columns(b) : o.transpose_b ? columns(b) : rows(b);
  if (ka != kb) fail("matmul", "inner sizes differ", a, b, kAB);
}

template <class T>
Tensor<T> multiply_batches(const Tensor<T>& a, const Tensor<T>& b, MatmulOptions o) {
  const Shape batch_a = batch_of(a.shape()), batch_b = batch_of(b.shape());
  if (batch_a == batch_b) return multiply_matrices(a, b, o);
  if (batch_b.rank() == 0 && !o.transpose_a) {  // one tall matrix instead of many
    const std::size_t k = columns(a.shape()), m = batch_a.elements() * rows(a.shape());
    const Tensor<T> y = multiply_matrices(view(a, {m, k}), b, o);
    return view(y, with_matrix(batch_a, rows(a.shape()), columns(y.shape())));
  }
  const Shape batch = broadcast_batches("matmul", batch_a, batch_b, a.shape(), b.shape());
  return multiply_matrices(
      detail::broadcast_to(a, with_matrix(batch, rows(a.shape()), columns(a.shape()))),
      detail::broadcast_to(b, with_matrix(batch, rows(b.shape()), columns(b.shape()))), o);
}

template <class T>
void dot_backward(const void*, Backward<T>& back) {
  if (back.needs(0)) back.add(0, back.gradient() * back.input(1));
  if (back.needs(1)) back.add(1, back.gradient() * back.input(0));
}

template <class T>
const detail::Rule<T> kDot = {"dot", &dot_backward<T>, nullptr};

template <class T>
void describe_inner_product(const Tensor<T>& y, std::size_t n) {
  const auto forward = [n](const auto& a) {
    kernels::gemm(false, false, 1, 1, n, a.x[0], a.x[1], T(0), a.y);
  };
  const auto backward = [n](const auto& a) {
    for (std::size_t i = 0; i < 2; ++i) {
      if (a.gx[i] == nullptr) continue;
      const T* const other = a.x[1 - i];
      std::transform(other, other + n, a.gx[i], [gy = a.gy[0]](T v) { return gy * v; });
    }
  };
  detail::describe_arrays(y, forward, backward, {.gradients = 3, .apart = 3});
}

// Of vectors of the same size.
template <class T>
Tensor<T> inner_product(const Tensor<T>& a, const Tensor<T>& b) {
  Tensor<T> y = Tensor<T>::uninitialized({});
  kernels::gemm(false, false, 1, 1, a.size(), a.data(), b.data(), T(0), y.node()->data);
  const unsigned needed = detail::needed<T>({&a, &b});
  if (needed == 0 && !detail::is_logged<T>()) return y;
  record(y, kDot<T>, {&a, &b}, {(needed & 1U) << 1 | needed >> 1});
  detail::log_again(y, [](const auto& x) { return inner_product(x[0], x[1]); });
  detail::describe(y, detail::ProductDescription{false, false, 1, 1, 1, a.size()});
  describe_inner_product(y, a.size());
  return y;
}

void require_vectors(const char* operation, const Shape& a, const Shape& b) {
  if (a.rank() != 1 || b.rank() != 1) fail(operation, "both must be vectors", a, b, kAB);
}

}  // namespace

template <class T>
Tensor<T> matmul(const Tensor<T>& a, const Tensor<T>& b, MatmulOptions options) {
  check_matmul(a.shape(), b.shape(), options);
  if (a.rank() > 1 && b.rank() > 1) return multiply_batches(a, b, options);
  if (a.rank() == 1 && b.rank() == 1) return inner_product(a, b);
  const Tensor<T> a2 = a.rank() > 1 ? a : view(a, {1, a.size()});
  const Tensor<T> b2 = b.rank() > 1 ? b : view(b, {b.size(), 1});
  const Tensor<T> y = multiply_batches(a2, b2, options);
  Shape shape = y.shape();
  if (b.rank() == 1) shape = shape.without(shape.rank() - 1);
  if (a.rank() == 1) shape = shape.without(shape.rank() - (b.rank() == 1 ? 1 : 2));
  return view(y, shape);
}

template <class T>
Tensor<T> dot(const Tensor<T>& a, const Tensor<T>& b) {
  require_vectors("dot", a.shape(), b.shape());
  if (a.size() != b.size()) fail("dot", "sizes differ", a.shape(), b.shape(), kAB);
  return matmul(a, b);
}

template <class T>
Tensor<T> outer(const Tensor<T>& a, const Tensor<T>& b) {
  require_vectors("outer", a.shape(), b.shape());
  return view(a, {a.size(), 1}) * view(b, {1, b.size()});
}

namespace {

// gx = gy W, gW = gy^T x, gb = sum of the rows of gy.
template <class T>
void linear_backward(const void*, Backward<T>& back) {
  const Tensor<T>& gy = back.gradient();
  const Tensor<T> x = back.input(0), weight = back.input(1);
  GradientProducts<T> products(back);
  if (back.needs(0)) products.add(0, gy, weight);
  if (back.needs(1) && !detail::FastPath<T>(back).leave_product(1, gy, x))
    products.add(1, gy, x, {.transpose_a = true});
  products.run();
  if (back.input_count() > 2 && back.needs(2)) back.add(2, detail::sum_to(gy, back.input_shape(2)));
}

template <class T>
const detail::Rule<T> kLinear = {"linear", &linear_backward<T>, nullptr};

void check_linear(const Shape& x, const Shape& weight) {
  if (weight.rank() != 2) fail("linear", "the weight is no matrix", x, weight, kXWeight);
  if (x.rank() == 0 || x.back() != weight[1])
    fail("linear", "input sizes differ", x, weight, kXWeight);
}

// x (n, in)
template <class T>
Tensor<T> linear_rows(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias) {
  const std::size_t n = x.shape()[0], out = weight.shape()[0];
  Tensor<T> y = Tensor<T>::uninitialized({n, out});
  T* const to = y.node()->data;
  kernels::gemm(kernels::Product<T>{false, true, n, out, weight.shape()[1], x.data(), weight.data(),
                                    T(0), to, bias.defined() ? bias.data() : nullptr});
  const unsigned needed = detail::needed<T>({&x, &weight, &bias});
  const detail::Saves saves = {(needed & 1U) << 1 | (needed >> 1 & 1U)};
  if (needed == 0 && !detail::is_logged<T>()) return y;
  if (bias.defined()) {
    record(y, kLinear<T>, {&x, &weight, &bias}, saves);
  } else {
    record(y, kLinear<T>, {&x, &weight}, saves);
  }
  detail::log_again(y, [](const auto& operands) {
    return linear_rows(operands[0], operands[1], operands.size() > 2 ? operands[2] : Tensor<T>());
  });
  detail::describe(y, detail::LinearDescription{n, out, weight.shape()[1]});
  return y;
}

}  // namespace

template <class T>
Tensor<T> linear(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias) {
  check_linear(x.shape(), weight.shape());
  const std::size_t out = weight.shape()[0], in = weight.shape()[1];
  if (bias.defined() && bias.shape() != Shape{out}) {
    const char* names[] = {"bias", "weight"};
    fail("linear", "the bias does not fit the weight", bias.shape(), weight.shape(), names);
  }
  if (x.rank() == 2) return linear_rows(x, weight, bias);
  const std::size_t n = Shape(x.shape().begin(), x.shape().end() - 1).elements();
  Shape shape = x.shape();
  shape[shape.rank() - 1] = out;
  return view(linear_rows(view(x, {n, in}), weight, bias), shape);
}

#define XGRAD_INSTANTIATE(T)                                                    \
  template Tensor<T> matmul(const Tensor<T>&, const Tensor<T>&, MatmulOptions); \
  template class detail::GradientProducts<T>;                                   \
  template Tensor<T> dot(const Tensor<T>&, const Tensor<T>&);                   \
  template Tensor<T> outer(const Tensor<T>&, const Tensor<T>&);                 \
  template Tensor<T> linear(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
