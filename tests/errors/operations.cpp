#include <cmath>
#include <limits>

#include "tests/errors/bad_calls.hpp"
#include "xgrad/xgrad.hpp"

namespace bad_calls {
namespace {

using namespace xgrad;
using D = double;
using T = Tensor<double>;

T of(const Shape& shape) { return T::filled(shape, 0.5); }

Indices labels(std::initializer_list<std::size_t> shape, std::int64_t value) {
  Indices r = Indices::from_shape(std::vector<std::size_t>(shape));
  r.fill(value);
  return r;
}

NamedTensors<D> weights() { return {{"w", of({2})}}; }

}  // namespace

// clang-format off
std::vector<Call> operations() {
  return {
      XGRAD_BAD(T::from({2}, {1, 2, 3})),
      XGRAD_BAD(of({2}).item()),
      XGRAD_BAD(of({2}).backward()),
      XGRAD_BAD(of({2}).grad()),
      XGRAD_BAD(Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}),

      XGRAD_BAD(add(of({2, 3}), of({2}))),
      XGRAD_BAD(subtract(of({2}), of({3}))),
      XGRAD_BAD(where(of({2}), of({3}), of({2}))),
      XGRAD_BAD(pow(of({2}), of({3}))),
      XGRAD_BAD(clamp(of({2}), 0.3, 0.1)),
      XGRAD_BAD(clamp(of({2}), NAN, 0.1)),
      XGRAD_BAD(softplus(of({2}), 0)),
      XGRAD_BAD(batch_norm_inference(of({2, 3}), of({3}), of({3}), {}, {}, {.eps = -1e-9})),
      XGRAD_BAD(hardtanh(of({2}), 1e-9, -1e-9)),
      XGRAD_BAD(elu(of({2}), -1e-9)),
      XGRAD_BAD(elu(of({2}), NAN)),
      XGRAD_BAD(elu(Tensor<float>::filled({2}, 1), -0.1F)),
      XGRAD_BAD(celu(of({2}), 0)),
      XGRAD_BAD(celu(of({2}), -1e-300)),
      XGRAD_BAD(prelu(of({2}), of({3}))),
      XGRAD_BAD(maxout(of({2, 5}), 2)),
      XGRAD_BAD(maxout(of({2, 4}), 0)),
      XGRAD_BAD(maxout(of({}), 2)),

      XGRAD_BAD(arange<D>(0, 1, 0)),
      XGRAD_BAD(arange<D>(0, 1e300, 1e-9)),
      XGRAD_BAD(arange<D>(0, 1, NAN)),

      XGRAD_BAD(uniform<D>({2}, 1.5, 1.25)),
      XGRAD_BAD(normal<D>({2}, 0, -1e-9)),
      XGRAD_BAD(bernoulli<D>({2}, 1.0000001)),
      XGRAD_BAD(random_integers({2}, 3, 3)),
      XGRAD_BAD(dropout(of({2}), 1.0000001)),
      XGRAD_BAD(alpha_dropout(of({2}), -0.25)),

      XGRAD_BAD(sum(of({2, 3}), 2)),
      XGRAD_BAD(sum(of({2, 3}), {0, -2})),
      XGRAD_BAD(mean(of({}), 0)),
      XGRAD_BAD(prod(of({2}), -2)),
      XGRAD_BAD(var(of({2}), 1)),
      XGRAD_BAD(norm(of({2}), 0)),
      XGRAD_BAD(norm(of({2}), NAN)),
      XGRAD_BAD(logsumexp(of({2}), 5)),
      XGRAD_BAD(cumsum(of({}), 0)),
      XGRAD_BAD(max(of({0, 3}), 0)),
      XGRAD_BAD(min(of({0}))),
      XGRAD_BAD(argmax(of({0}))),
      XGRAD_BAD(argmin(of({2, 0}), 1)),
      XGRAD_BAD(softmax(of({2}), 1)),
      XGRAD_BAD(log_softmax(of({2}), -2)),

      XGRAD_BAD(matmul(of({2, 3}), of({2, 3}))),
      XGRAD_BAD(matmul(of({2, 3}), of({}))),
      XGRAD_BAD(matmul(of({2, 2, 3}), of({3, 3, 2}))),
      XGRAD_BAD(matmul(of({3}), of({3, 2}), {.transpose_a = true})),
      XGRAD_BAD(dot(of({2}), of({3}))),
      XGRAD_BAD(outer(of({2, 1}), of({3}))),
      XGRAD_BAD(diagonal(of({3}))),
      XGRAD_BAD(diagonal(of({3, 2}), 0, 1, -1)),
      XGRAD_BAD(diagonal(of({3, 2}), 0, 0, 2)),
      XGRAD_BAD(diag(of({2, 3, 3}))),
      XGRAD_BAD(diag(of({}))),
      XGRAD_BAD(diag_embed(of({}))),
      XGRAD_BAD(diag_embed(of({2}), std::numeric_limits<std::ptrdiff_t>::min())),
      XGRAD_BAD(trace(of({3}))),
      XGRAD_BAD(tril(of({3}))),
      XGRAD_BAD(triu(of({}), 1)),
      XGRAD_BAD(kron(of({2, 2}), of({}))),
      XGRAD_BAD(kron(of({2, 1, 2}), of({3, 1, 2}))),
      XGRAD_BAD(cross(of({2, 3}), of({3, 3}))),
      XGRAD_BAD(cross(of({2, 3}), of({3}), 0)),
      XGRAD_BAD(cross(of({2, 3}), of({2, 1}))),
      XGRAD_BAD(cross(of({3}), of({3}), 1)),
      XGRAD_BAD(matrix_power(of({2, 3}), 2)),
      XGRAD_BAD(matrix_power(of({3}), 2)),
      XGRAD_BAD(matrix_power(of({2, 2}), -1)),
      XGRAD_BAD(cdist(of({3}), of({2, 3}))),
      XGRAD_BAD(cdist(of({2, 3}), of({2, 4}))),
      XGRAD_BAD(cdist(of({2, 2, 3}), of({3, 2, 3}))),
      XGRAD_BAD(tensordot(of({2, 3}), of({3, 2}))),
      XGRAD_BAD(tensordot(of({2, 3}), of({2, 3}), 3)),
      XGRAD_BAD(tensordot(of({2, 3}), of({2, 3}), {0, 1}, {0})),
      XGRAD_BAD(tensordot(of({2, 3}), of({2, 3}), {0}, {1})),
      XGRAD_BAD(tensordot(of({2, 3}), of({2, 3}), {0, -2}, {0, 1})),
      XGRAD_BAD(tensordot(of({2, 3}), of({2, 3}), 2, 0)),
      XGRAD_BAD(tensordot(of({1, 1, 1, 1, 1}), of({1, 1, 1, 1}), 0)),
      XGRAD_BAD(einsum("", std::vector<T>())),
      XGRAD_BAD(einsum("ij,jk->ik", of({2, 3}))),
      XGRAD_BAD(einsum("ij,jk->ik", of({2, 3}), of({4, 5}))),
      XGRAD_BAD(einsum("ijk,jk", of({2, 3}), of({3, 5}))),
      XGRAD_BAD(einsum("...ijk", of({2, 3}))),
      XGRAD_BAD(einsum("ii", of({2, 3}))),
      XGRAD_BAD(einsum("...i,...i", of({2, 3}), of({4, 3}))),
      XGRAD_BAD(einsum("ij->ik", of({2, 3}))),
      XGRAD_BAD(einsum("ij->ii", of({2, 3}))),
      XGRAD_BAD(einsum("i1", of({2, 3}))),
      XGRAD_BAD(einsum("..i", of({2, 3}))),
      XGRAD_BAD(einsum("...i...", of({2, 3}))),
      XGRAD_BAD(einsum("ij->i->j", of({2, 3}))),
      XGRAD_BAD(einsum("abcde,fghi", of({1, 1, 1, 1, 1}), of({1, 1, 1, 1}))),

      XGRAD_BAD(linear(of({2, 3}), of({4, 2}))),
      XGRAD_BAD(linear(of({2, 3}), of({4, 3}), of({3}))),
      XGRAD_BAD(eigh(of({2, 3}))),
      XGRAD_BAD(eigh(of({2}))),
      XGRAD_BAD(eigh(of({2, 2, 2}) / 0.0)),
      XGRAD_BAD(eigvalsh(of({2, 2}) * NAN)),
      XGRAD_BAD(svd(of({}))),
      XGRAD_BAD(svd(of({2, 3}) / 0.0)),
      XGRAD_BAD(svdvals(of({3, 2, 3}) * NAN)),
      XGRAD_BAD(qr(of({2}))),
      XGRAD_BAD(qr(of({2, 3}) / 0.0)),
      XGRAD_BAD(matrix_norm(of({2}))),
      XGRAD_BAD(matrix_norm(of({2, 2}) * NAN, MatrixNorm::nuclear)),
      XGRAD_BAD(cond(of({2, 0}))),
      XGRAD_BAD(matrix_rank(of({2, 2}), {.relative_tolerance = 1.0000001})),
      XGRAD_BAD(pinv(of({2, 2}), {.relative_tolerance = NAN})),
      XGRAD_BAD(lstsq(of({3, 2}), of({2}))),
      XGRAD_BAD(lstsq(of({3, 2}), of({2, 1}))),
      XGRAD_BAD(lstsq(of({2, 3, 2}), of({3, 3, 1}))),
      XGRAD_BAD(lstsq(of({3, 2}), of({3}) / 0.0)),
      XGRAD_BAD(matrix_exp(of({2, 3}))),
      XGRAD_BAD(matrix_exp(of({2, 2}) / 0.0)),
      XGRAD_BAD(sum(select(eigh(parameter(eye<D>(2))).vectors, 1, 0)).backward()),
      XGRAD_BAD(cholesky(of({2, 3}))),
      XGRAD_BAD(cholesky(of({2}))),
      XGRAD_BAD(cholesky(-1.0 * of({2, 2}))),
      XGRAD_BAD(cholesky(of({3, 2, 2}) / 0.0)),
      XGRAD_BAD(cholesky_solve(of({2, 3}), of({2}))),
      XGRAD_BAD(logdet(of({3, 2, 2}) - 1.0)),
      XGRAD_BAD(solve(of({2, 2}), of({3}))),
      XGRAD_BAD(solve(of({2, 2}), of({}))),
      XGRAD_BAD(solve(of({2, 2}), of({2}))),
      XGRAD_BAD(solve(of({2, 2, 2}), of({3, 2, 1}))),
      XGRAD_BAD(inverse(of({2, 2}))),
      XGRAD_BAD(triangular_solve(of({2, 2}), of({2}), {.left = false})),
      XGRAD_BAD(triangular_solve(0.0 * of({2, 2}), of({2}))),
      XGRAD_BAD(det(of({2, 3}))),
      XGRAD_BAD(slogdet(of({3}))),

      XGRAD_BAD(reshape(of({2, 3}), {4, 2})),
      XGRAD_BAD(reshape(of({2, 3}), {-1, -1})),
      XGRAD_BAD(reshape(of({2, 3}), {-2, 3})),
      XGRAD_BAD(reshape(of({2, 3}), {-1, 4})),
      XGRAD_BAD(flatten(of({2, 3, 4}), 2, 1)),
      XGRAD_BAD(flatten(of({2, 3}), 0, 2)),
      XGRAD_BAD(squeeze(of({2, 1}), 0)),
      XGRAD_BAD(unsqueeze(of({2}), 3)),
      XGRAD_BAD(permute(of({2, 3}), {0, 0})),
      XGRAD_BAD(permute(of({2, 3}), {0})),
      XGRAD_BAD(transpose(of({2}))),
      XGRAD_BAD(broadcast_to(of({2, 3}), {3, 2})),
      XGRAD_BAD(flip(of({2}), 1)),
      XGRAD_BAD(repeat(of({2, 3}), {2})),

      XGRAD_BAD(slice(of({2, 3}), 0, 0, 1, 0)),
      XGRAD_BAD(slice(of({2}), {{}, {}})),
      XGRAD_BAD(select(of({2, 3}), 1, 3)),
      XGRAD_BAD(split(of({5}), 2)),
      XGRAD_BAD(split(of({5}), 0)),
      XGRAD_BAD(split(of({5}), {2, 2})),
      XGRAD_BAD(concat(std::vector<T>{})),
      XGRAD_BAD(concat({of({2, 3}), of({2, 4})})),
      XGRAD_BAD(concat({of({2, 3}), of({2})})),
      XGRAD_BAD(stack({of({2}), of({3})})),
      XGRAD_BAD(pad(of({2, 3}), {{1, 1}})),

      XGRAD_BAD(index_select(of({4, 2}), 0, labels({3}, 4))),
      XGRAD_BAD(index_add(of({4, 2}), 0, labels({3}, 0), of({2, 2}))),
      XGRAD_BAD(gather(of({4, 2}), 0, labels({1, 2}, -5))),
      XGRAD_BAD(scatter_add(of({4, 2}), 1, labels({4, 1}, 0), of({4, 3}))),
      XGRAD_BAD(one_hot<D>(labels({2}, 3), 3)),

      XGRAD_BAD(batch_norm(of({4}))),
      XGRAD_BAD(batch_norm(of({1, 3}))),
      XGRAD_BAD(batch_norm(of({2, 3}), of({2}))),
      XGRAD_BAD(batch_norm(of({2, 3}), {}, {}, {.eps = -1e-9})),
      XGRAD_BAD(batch_norm_inference(of({2, 3}), of({2}), of({3}))),
      XGRAD_BAD(layer_norm(of({2, 3}), {2})),
      XGRAD_BAD(layer_norm(of({2, 3}), {3}, of({2}))),
      XGRAD_BAD(layer_norm(of({2, 3}), {3}, {}, {}, {.eps = -1e-9})),
      XGRAD_BAD(rms_norm(of({2, 3}), {3}, {}, {.eps = NAN})),
      XGRAD_BAD(group_norm(of({2, 3}), 2)),
      XGRAD_BAD(group_norm(of({2, 3}), 0)),

      XGRAD_BAD(lstm_cell(of({2, 3}), {of({2, 4}), of({2, 4})}, of({16, 2}), of({16, 4}))),
      XGRAD_BAD(lstm_cell(of({3}), {of({2, 4}), of({2, 4})}, of({16, 3}), of({16, 4}))),
      XGRAD_BAD(lstm(of({2, 3}), {of({2, 4}), of({2, 4})}, of({16, 3}), of({16, 4}))),

      XGRAD_BAD(l1_penalty(weights(), -1e-9)),
      XGRAD_BAD(l2_penalty(weights(), INFINITY)),
      XGRAD_BAD(elastic_net_penalty(weights(), 0, -0.1)),
      XGRAD_BAD(lp_penalty(weights(), 0.5, 1)),
      XGRAD_BAD(norm_penalty(weights(), 0.999999999, 1)),
  };
}

std::vector<Call> losses() {
  return {
      XGRAD_BAD(mse_loss(of({2}), of({3}))),
      XGRAD_BAD(mae_loss(of({2}), of({2, 1}))),
      XGRAD_BAD(huber_loss(of({2}), of({2}), {.delta = 0})),
      XGRAD_BAD(huber_loss(of({2}), of({2}), {.delta = -1e-9})),
      XGRAD_BAD(smooth_l1_loss(of({2}), of({2}), {.beta = -1e-9})),
      XGRAD_BAD(cosine_similarity(of({2, 3}), of({2, 3}), {.axis = 2})),
      XGRAD_BAD(cosine_similarity(of({2, 3}), of({2, 3}), {.eps = -1e-9})),
      XGRAD_BAD(cosine_loss(of({2, 3}), of({3, 2}))),
      XGRAD_BAD(binary_cross_entropy(of({2}), of({3}))),
      XGRAD_BAD(binary_cross_entropy_with_logits(of({2}), of({3}))),
      XGRAD_BAD(kl_div(of({2}), of({3}))),
      XGRAD_BAD(nll_loss(of({2, 3}), labels({2}, 3))),
      XGRAD_BAD(nll_loss(of({2, 3}), labels({3}, 0))),
      XGRAD_BAD(nll_loss(of({2, 3}), labels({2}, 0), {.weight = of({2})})),
      XGRAD_BAD(cross_entropy(of({2, 3}), labels({2}, -1))),
      XGRAD_BAD(cross_entropy(of({2, 3}), labels({2}, 0), {.label_smoothing = 1.0000001})),
      XGRAD_BAD(cross_entropy(of({2, 0}), labels({2}, 0))),
      XGRAD_BAD(cross_entropy(of({2, 3}), of({2, 4}))),
      XGRAD_BAD(cross_entropy(of({}), of({}))),
      XGRAD_BAD(multi_class_hinge(of({2, 3}), labels({2}, 7))),
      XGRAD_BAD(multi_class_squared_hinge(of({2, 3}), labels({1}, 0))),
  };
}
// clang-format on

}  // namespace bad_calls
