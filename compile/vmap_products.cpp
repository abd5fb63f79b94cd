// Products of matrices for a batch: one tall product where one operand is shared.

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/compile/vmap_rules.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad::detail {
namespace {

Shape matrix(bool transposed, std::size_t rows, std::size_t columns) {
  return transposed ? Shape{columns, rows} : Shape{rows, columns};
}

// op(a) of each sample times one op(b): the rows of all samples one below the other.
template <class T>
Tensor<T> times_shared(const ProductDescription& d, const BatchStep<T>& b) {
  Tensor<T> a = view(b.x[0].tensor, with_batch(b.n, matrix(d.transpose_a, d.m, d.k)));
  if (d.transpose_a) a = d.m == 1 || d.k == 1 ? a : transpose(a);
  const Tensor<T> w = view(b.x[1].tensor, matrix(d.transpose_b, d.k, d.n));
  return view(matmul(view(a, {b.n * d.m, d.k}), w, {.transpose_b = d.transpose_b}), b.whole());
}

// One op(a) times op(b) of each sample, by the transposed of it: op(b)' op(a)'.
template <class T>
Tensor<T> shared_times(const ProductDescription& d, const BatchStep<T>& b) {
  Tensor<T> columns = view(b.x[1].tensor, with_batch(b.n, matrix(d.transpose_b, d.k, d.n)));
  if (!d.transpose_b) columns = d.n == 1 || d.k == 1 ? columns : transpose(columns);
  const Tensor<T> a = view(b.x[0].tensor, matrix(d.transpose_a, d.m, d.k));
  const Tensor<T> y = matmul(view(columns, {b.n * d.n, d.k}), a,
                             {.transpose_b = !d.transpose_a});  // (n columns, m)
  if (d.n == 1 || d.m == 1) return view(y, b.whole());
  return view(transpose(view(y, {b.n, d.n, d.m})), b.whole());
}

}  // namespace

template <class T>
Tensor<T> batched_product(const ProductDescription& d, const BatchStep<T>& b) {
  if (d.count == 1 && !b.x[1].batched) return times_shared(d, b);
  if (d.count == 1 && !b.x[0].batched) return shared_times(d, b);
  Shape of_a{d.count}, of_b{d.count};
  for (const std::size_t size : matrix(d.transpose_a, d.m, d.k)) of_a.push_back(size);
  for (const std::size_t size : matrix(d.transpose_b, d.k, d.n)) of_b.push_back(size);
  const Tensor<T> x = b.batched_as(0, of_a), y = b.batched_as(1, of_b);
  if (d.m == 1 && d.n == 1) {
    const Shape rows{b.n * d.count, d.k};
    return view(sum(view(x, rows) * view(y, rows), 1), b.whole());
  }
  return view(matmul(x, y, {d.transpose_a, d.transpose_b}), b.whole());
}

template <class T>
Tensor<T> batched_linear(const LinearDescription& d, const BatchStep<T>& b) {
  const bool has_bias = b.x.size() > 2, own_weight = b.x[1].batched,
             own_bias = has_bias && b.x[2].batched;
  if (!own_weight && !own_bias) {
    const Tensor<T> bias = has_bias ? b.x[2].tensor : Tensor<T>();
    return view(linear(view(b.x[0].tensor, {b.n * d.m, d.k}), b.x[1].tensor, bias), b.whole());
  }
  Tensor<T> y;
  if (own_weight || b.x[0].batched) {
    y = batched_product<T>({false, true, 1, d.m, d.n, d.k}, b);
  } else {
    y = linear(b.x[0].tensor, b.x[1].tensor, Tensor<T>());
  }
  return has_bias ? y + b.aligned(2, 2) : y;
}

#define XGRAD_INSTANTIATE(T)                                                          \
  template Tensor<T> batched_product(const ProductDescription&, const BatchStep<T>&); \
  template Tensor<T> batched_linear(const LinearDescription&, const BatchStep<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::detail
