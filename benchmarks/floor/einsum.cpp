// The patterns of einsum as sequences of matmul, permute and sum: for each the fastest that was found.

#include "../library/einsum.hpp"

#include "workloads.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace benchmark_contenders {
namespace {

template <class T>
Tensor<T> matrix(const Tensor<T>& x, std::size_t rows) {
  return reshape(x, {rows, x.size() / rows});
}

template <class T>
Tensor<T> tucker(const std::vector<Tensor<T>>& x) {
  const Tensor<T> first = matmul(x[1], matrix(x[0], 16));               // (i, b c)
  const Tensor<T> second = matmul(x[2], reshape(first, {40, 16, 16}));  // (i, j, c)
  return matmul(second, x[3], {.transpose_b = true});
}

template <class T>
Tensor<T> bilinear(const std::vector<Tensor<T>>& x) {
  const Tensor<T> outer = unsqueeze(x[0], 2) * unsqueeze(x[2], 1);  // (n, i, j)
  return matmul(matrix(outer, 256), matrix(x[1], 48), {.transpose_b = true});
}

template <class T>
Tensor<T> by_hand(const std::string& pattern, const std::vector<Tensor<T>>& x) {
  const xgrad::Axes swapped = {0, 2, 1, 3};
  if (pattern == "scores")
    return matmul(permute(x[0], swapped), permute(x[1], swapped), {.transpose_b = true});
  if (pattern == "attention") return permute(matmul(x[0], permute(x[1], swapped)), swapped);
  if (pattern == "form") return sum(matmul(x[0], x[1]) * x[2], 1);
  if (pattern == "bilinear") return bilinear(x);
  if (pattern == "trace") return sum(x[0] * transpose(x[1]));
  if (pattern == "traces") return sum(x[0] * transpose(x[1]), {1, 2});
  if (pattern == "outer") return matmul(unsqueeze(x[0], 2), unsqueeze(x[1], 1));
  if (pattern == "chain") return matmul(x[0], matmul(matmul(x[1], x[2]), x[3]));
  if (pattern == "tucker") return tucker(x);
  if (pattern == "channels")
    return reshape(matmul(x[1], reshape(x[0], {16, 32, 576})), {16, 48, 24, 24});
  return sum(x[0] * x[1], 1);
}

}  // namespace

template <class T>
std::unique_ptr<Workload> make_einsum(const std::string& name, const Parameters& p) {
  return make_contraction<T>(name, p,
                             [](const EinsumPattern& pattern, const std::vector<Tensor<T>>& x) {
                               return by_hand(pattern.name, x);
                             });
}

template std::unique_ptr<Workload> make_einsum<float>(const std::string&, const Parameters&);
template std::unique_ptr<Workload> make_einsum<double>(const std::string&, const Parameters&);

}  // namespace benchmark_contenders
