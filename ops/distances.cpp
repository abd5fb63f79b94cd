#include "xgrad/ops/distances.hpp"

#include <algorithm>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/distances.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/matrices.hpp"
#include "xgrad/ops/reductions.hpp"

namespace xgrad {

using detail::batch_of;
using detail::require;
using detail::rows;
using detail::with_matrix;
using kernels::DistanceSizes;

namespace {

DistanceSizes sizes(const Shape& a, const Shape& b) { return {rows(a), rows(b), a.back()}; }

// What is computed, and on which side: sums for rows of b instead of a when `transposed`.
struct Kind {
  bool squared, transposed;
};

// All have the same batch axes; d, the distances, is not differentiated.
template <class T>
Tensor<T> weighted_differences(const Tensor<T>& g, const Tensor<T>& a, const Tensor<T>& b,
                               const Tensor<T>& d, Kind kind);
template <class T>
Tensor<T> projected_differences(const Tensor<T>& v, const Tensor<T>& a, const Tensor<T>& b,
                                const Tensor<T>& d, Kind kind);

// The gradients by a and b of the sum over pairs of g_ij v_i (a_i - b_j), or g_ij v_j (b_j - a_i).
template <class T>
void add_gradients_of_rows(Backward<T>& back, const Tensor<T>& g, const Tensor<T>& v,
                           bool transposed) {
  const std::size_t own = transposed ? 2 : 1, other = 3 - own;
  if (back.needs(own)) {
    const Tensor<T> total = sum(g, transposed ? -2 : -1);
    Shape column = total.shape();
    column.push_back(1);
    back.add(own, detail::view(total, column) * v);
  }
  if (back.needs(other)) back.add(other, -matmul(g, v, {.transpose_a = !transposed}));
}

template <class T>
void weighted_backward(const void* attributes, Backward<T>& back) {
  const Kind kind = *static_cast<const Kind*>(attributes);
  const Tensor<T> g = back.input(0), a = back.input(1), b = back.input(2), d = back.input(3);
  const Tensor<T>& v = back.gradient();
  if (back.needs(0)) back.add(0, projected_differences(v, a, b, d, kind));
  add_gradients_of_rows(back, g, v, kind.transposed);
}

template <class T>
void projected_backward(const void* attributes, Backward<T>& back) {
  const Kind kind = *static_cast<const Kind*>(attributes);
  const Tensor<T> v = back.input(0), a = back.input(1), b = back.input(2), d = back.input(3);
  const Tensor<T>& g = back.gradient();
  if (back.needs(0)) back.add(0, weighted_differences(g, a, b, d, kind));
  add_gradients_of_rows(back, g, v, kind.transposed);
}

template <class T>
const detail::Rule<T> kWeighted = {"cdist", &weighted_backward<T>, nullptr};
template <class T>
const detail::Rule<T> kProjected = {"cdist", &projected_backward<T>, nullptr};

template <class T>
Tensor<T> weighted_differences(const Tensor<T>& g, const Tensor<T>& a, const Tensor<T>& b,
                               const Tensor<T>& d, Kind kind) {
  Tensor<T> y = Tensor<T>::uninitialized(kind.transposed ? b.shape() : a.shape());
  const DistanceSizes s = sizes(a.shape(), b.shape());
  const std::size_t count = batch_of(a.shape()).elements(),
                    step = y.size() / std::max<std::size_t>(count, 1);
  for (std::size_t i = 0; i < count; ++i) {
    kernels::weighted_differences(g.data() + i * s.n * s.m, a.data() + i * s.n * s.k,
                                  b.data() + i * s.m * s.k, d.data() + i * s.n * s.m,
                                  y.node()->data + i * step, s, kind.squared, kind.transposed);
  }
  detail::record<T>(y, kWeighted<T>, {&g, &a, &b, &d}, {15U}, kind);
  detail::log_again(
      y, [kind](const auto& x) { return weighted_differences(x[0], x[1], x[2], x[3], kind); });
  return y;
}

template <class T>
Tensor<T> projected_differences(const Tensor<T>& v, const Tensor<T>& a, const Tensor<T>& b,
                                const Tensor<T>& d, Kind kind) {
  Tensor<T> y = Tensor<T>::uninitialized(d.shape());
  const DistanceSizes s = sizes(a.shape(), b.shape());
  const std::size_t count = batch_of(a.shape()).elements(),
                    step = v.size() / std::max<std::size_t>(count, 1);
  for (std::size_t i = 0; i < count; ++i) {
    kernels::projected_differences(
        v.data() + i * step, a.data() + i * s.n * s.k, b.data() + i * s.m * s.k,
        d.data() + i * s.n * s.m, y.node()->data + i * s.n * s.m, s, kind.squared, kind.transposed);
  }
  detail::record<T>(y, kProjected<T>, {&v, &a, &b, &d}, {15U}, kind);
  detail::log_again(
      y, [kind](const auto& x) { return projected_differences(x[0], x[1], x[2], x[3], kind); });
  return y;
}

// Of the pairs: gy / d, 0 at distance 0, or 2 gy for squares.
template <class T>
void cdist_backward(const void* attributes, Backward<T>& back) {
  const bool squared = static_cast<const CdistOptions*>(attributes)->squared;
  const Tensor<T>& gy = back.gradient();
  const Tensor<T> a = back.input(0), b = back.input(1), d = back.output();
  const Tensor<T> g = squared ? T(2) * gy : where(d == T(0), T(0), gy / d);
  const Tensor<T> fixed = d.detach();
  if (back.needs(0)) back.add(0, weighted_differences(g, a, b, fixed, {squared, false}));
  if (back.needs(1)) back.add(1, weighted_differences(g, a, b, fixed, {squared, true}));
}

template <class T>
const detail::Rule<T> kCdist = {"cdist", &cdist_backward<T>, nullptr};

template <class T>
Tensor<T> distances(const Tensor<T>& a, const Tensor<T>& b, CdistOptions options) {
  const DistanceSizes s = sizes(a.shape(), b.shape());
  Tensor<T> y = Tensor<T>::uninitialized(with_matrix(batch_of(a.shape()), s.n, s.m));
  for (std::size_t i = 0; i < batch_of(a.shape()).elements(); ++i) {
    kernels::distances(a.data() + i * s.n * s.k, b.data() + i * s.m * s.k,
                       y.node()->data + i * s.n * s.m, s, options.squared);
  }
  detail::record<T>(y, kCdist<T>, {&a, &b}, {.inputs = 3U, .output = true}, options);
  detail::log_again(y, [options](const auto& x) { return distances(x[0], x[1], options); });
  return y;
}

// The norms of the differences of all pairs.
template <class T>
Tensor<T> norms_of_differences(const Tensor<T>& a, const Tensor<T>& b, double p) {
  const DistanceSizes s = sizes(a.shape(), b.shape());
  const Shape batch = batch_of(a.shape());
  const std::size_t count = batch.elements();
  const Tensor<T> d = detail::view(a, {count, s.n, 1, s.k}) - detail::view(b, {count, 1, s.m, s.k});
  const Tensor<T> y = p == 0 ? sum(abs(sign(d)), -1) : norm(d, p, -1);
  return detail::view(y, with_matrix(batch, s.n, s.m));
}

}  // namespace

template <class T>
Tensor<T> cdist(const Tensor<T>& a, const Tensor<T>& b, CdistOptions options) {
  const Shape &sa = a.shape(), &sb = b.shape();
  require(sa.rank() >= 2 && sb.rank() >= 2, "cdist", "fewer than two axes: a ", sa, ", b ", sb);
  require(sa.back() == sb.back(), "cdist", "rows of different sizes: a ", sa, ", b ", sb);
  detail::require_in("cdist", "p", options.p, "[0, inf]");
  require(!options.squared || options.p == 2, "cdist", "squares are there for p = 2 only: p ",
          options.p);
  const Shape batch = broadcast_batches("cdist", batch_of(sa), batch_of(sb), sa, sb);
  const Tensor<T> all_a = detail::broadcast_to(a, with_matrix(batch, rows(sa), sa.back())),
                  all_b = detail::broadcast_to(b, with_matrix(batch, rows(sb), sb.back()));
  // Rows of no elements are at distance 0, also where they have no largest one.
  if (options.p == 2 || sa.back() == 0) return distances(all_a, all_b, options);
  return norms_of_differences(all_a, all_b, options.p);
}

template Tensor<float> cdist(const Tensor<float>&, const Tensor<float>&, CdistOptions);
template Tensor<double> cdist(const Tensor<double>&, const Tensor<double>&, CdistOptions);

}  // namespace xgrad
