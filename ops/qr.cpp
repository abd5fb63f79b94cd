#include "xgrad/ops/qr.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/lapack.hpp"
#include "xgrad/kernels/scratch.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/decompositions.hpp"
#include "xgrad/ops/factored.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/ties.hpp"

namespace xgrad {

using detail::Matrices;
using detail::part_of;
namespace lapack = kernels::lapack;

namespace {

// The number of columns of q.
std::size_t width_of(const Matrices& s, QrMode mode) {
  return mode == QrMode::complete ? s.m : s.smaller();
}

// Factors of one matrix: q (m, w) and r (w, n).
template <class T>
class Factors {
 public:
  Factors(const T* a, const Matrices& s, std::size_t width)
      : m_(s.m),
        n_(s.n),
        k_(s.smaller()),
        w_(width),
        factors_(s.m * std::max(s.n, width) + 1),
        tau_(k_ + 1) {
    for (std::size_t i = 0; i < m_; ++i) {
      for (std::size_t j = 0; j < n_; ++j) factors_[j * m_ + i] = a[i * n_ + j];
    }
  }

  lapack::Outcome write(T* q, T* r) {
    if (const auto o = lapack::geqrf(m_, n_, factors_.data(), tau_.data()); o.failed()) return o;
    write_r(r);
    if (const auto o = lapack::orgqr(m_, w_, k_, factors_.data(), tau_.data()); o.failed())
      return o;
    write_q(q, r);
    return {};
  }

 private:
  void write_r(T* r) {
    for (std::size_t i = 0; i < w_; ++i) {
      for (std::size_t j = 0; j < n_; ++j) r[i * n_ + j] = j < i ? T(0) : factors_[j * m_ + i];
    }
  }

  void write_q(T* q, T* r) {
    for (std::size_t j = 0; j < w_; ++j) {
      const bool free = j >= k_;
      const T sign = free ? detail::sign_of(factors_.data() + j * m_, m_, 1)
                          : (r[j * n_ + j] < T(0) ? T(-1) : T(1));
      for (std::size_t i = 0; i < m_; ++i) q[i * w_ + j] = sign * factors_[j * m_ + i];
      for (std::size_t i = j; !free && i < n_; ++i) r[j * n_ + i] *= sign;
    }
  }

  std::size_t m_, n_, k_, w_;
  kernels::Scratch<T> factors_, tau_;
};

template <class T>
Qr<T> parts_of(const Tensor<T>& results, std::size_t m, std::size_t n, std::size_t width) {
  return {part_of(results, 0, {m, width}), part_of(results, m * width, {width, n})};
}

template <class T>
Tensor<T> columns(const Tensor<T>& x, std::size_t first, std::size_t last) {
  return slice(x, -1, static_cast<std::ptrdiff_t>(first), static_cast<std::ptrdiff_t>(last));
}

template <class T>
void require_independent(const Tensor<T>& r, std::size_t k) {
  const std::size_t w = r.size(-2), n = r.size(-1);
  const Shape batch = detail::batch_of(r.shape());
  for (std::size_t p = 0; p < batch.elements() * k; ++p) {
    const std::size_t b = p / k, i = p % k;
    detail::require(r.data()[(b * w + i) * n + i] != T(0), "qr",
                    "no gradient where columns are dependent: diagonal element ", i, " of r is 0, ",
                    detail::which_matrix(r.shape(), b), ", r ", r.shape());
  }
}

// Other columns that complete q are those times an orthogonal matrix: q2' gq2 has to be symmetric.
template <class T>
void require_no_choice(const Tensor<T>& q2, const Tensor<T>& gq2) {
  const NoGrad guard;
  const Tensor<T> m = matmul(q2, gq2, {.transpose_a = true});
  const Tensor<T> skew = m - transpose(m);
  const T largest = detail::largest_of(skew.data(), skew.size());
  const T length =
      std::sqrt(static_cast<T>(gq2.size())) * detail::largest_of(gq2.data(), gq2.size());
  detail::require(
      !(largest > detail::choice_tolerance(length, T(0))), "qr",
      "a gradient by the columns that complete q depends on which columns they are: q2 ",
      q2.shape());
}

// As q2' q1 = 0, dq2 = -q1 dq1' q2.
template <class T>
Qr<T> without_completion(const Qr<T>& y, const Qr<T>& gy, std::size_t k, Tensor<T>& gq) {
  const std::size_t w = y.q.size(-1);
  const Tensor<T> q1 = columns(y.q, 0, k);
  gq = columns(gy.q, 0, k);
  if (w == k) return {q1, y.r};
  const Tensor<T> q2 = columns(y.q, k, w), gq2 = columns(gy.q, k, w);
  require_no_choice(q2, gq2);
  gq = gq - matmul(q2, matmul(gq2, q1, {.transpose_a = true}));
  return {q1, slice(y.r, -2, 0, static_cast<std::ptrdiff_t>(k))};
}

template <class T>
Tensor<T> gradient_of(const Qr<T>& all, const Qr<T>& gall, std::size_t k) {
  require_independent(all.r, k);
  Tensor<T> gq;
  const Qr<T> y = without_completion(all, gall, k, gq);
  const Tensor<T> gr = slice(gall.r, -2, 0, static_cast<std::ptrdiff_t>(k));
  const std::size_t n = y.r.size(-1);
  const Tensor<T> r1 = columns(y.r, 0, k), r2 = columns(y.r, k, n);
  const Tensor<T> gr1 = columns(gr, 0, k), gr2 = columns(gr, k, n);
  // Of a = (a1, a2) with q r1 = a1: r2 = q' a2, and a2 = q r2.
  if (n > k) gq = gq + matmul(matmul(y.q, r2), gr2, {.transpose_b = true});
  const Tensor<T> m =
      matmul(r1, gr1, {.transpose_b = true}) - matmul(gq, y.q, {.transpose_a = true});
  const Tensor<T> low = detail::triangle(m, false, T(0.5));
  const Tensor<T> right = gq + matmul(y.q, low + transpose(low));
  const Tensor<T> ga1 =
      detail::solve_triangular(r1, right, {.upper = true, .transpose = true, .left = false});
  return n > k ? concat({ga1, matmul(y.q, gr2)}, -1) : ga1;
}

template <class T>
void qr_backward(const void* attributes, Backward<T>& b) {
  const auto mode = *static_cast<const QrMode*>(attributes);
  const Matrices s = detail::matrices_of("qr", b.input_shape(0));
  const std::size_t width = width_of(s, mode);
  b.add(0, gradient_of(parts_of(b.output(), s.m, s.n, width),
                       parts_of(b.gradient(), s.m, s.n, width), s.smaller()));
}

template <class T>
const detail::Rule<T> kQr = {"qr", &qr_backward<T>, nullptr};

}  // namespace

namespace {

// (..., w m + w n): q, and r.
template <class T>
Tensor<T> decomposed(const Tensor<T>& a, const Matrices& s, QrMode mode) {
  detail::require_finite("qr", "a", a);
  const std::size_t width = width_of(s, mode), size = width * (s.m + s.n);
  const Tensor<T> y = Tensor<T>::uninitialized(s.with({size}));
  const auto each = [&](std::size_t i) {
    T* const q = y.node()->data + i * size;
    return Factors<T>(a.data() + i * s.elements(), s, width).write(q, q + s.m * width);
  };
  if (size != 0) detail::decompose_all("qr", s, 4, each);
  detail::record(y, kQr<T>, {&a}, {.output = true}, mode);
  if (detail::is_logged<T>())
    detail::log_again(y, [s, mode](const auto& x) { return decomposed(x[0], s, mode); });
  return y;
}

}  // namespace

template <class T>
Qr<T> qr(const Tensor<T>& a, QrMode mode) {
  const Matrices s = detail::matrices_of("qr", a.shape());
  return parts_of(decomposed(a, s, mode), s.m, s.n, width_of(s, mode));
}

template Qr<float> qr(const Tensor<float>&, QrMode);
template Qr<double> qr(const Tensor<double>&, QrMode);

}  // namespace xgrad
