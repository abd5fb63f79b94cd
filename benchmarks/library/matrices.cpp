// Linear systems, forward and backward, in xgrad.

#include <cmath>

#include "common.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/cholesky.hpp"
#include "xgrad/ops/creation.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/solve.hpp"

namespace benchmark_contenders {
namespace {

template <class T>
using Leaves = std::vector<typename Operation<T>::Leaf>;

template <class T>
std::unique_ptr<Workload> cholesky_of_one(const Parameters& p) {
  const std::size_t n = p.size("n", 512);
  Tensor<T> a = Tensor<T>::uninitialized({n, n});
  correlations(a.mutable_data(), n);
  return std::make_unique<Operation<T>>(
      Leaves<T>{{"gradient", a}}, random<T>({n, n}, seeds::kGradient), [=] { return cholesky(a); });
}

template <class T>
std::unique_ptr<Workload> small_matrices(const Parameters& p) {
  const std::size_t count = p.size("count", 10000), n = p.size("n", 4);
  const std::string operation = p.text("op", "solve");
  const Tensor<T> a = random<T>({count, n, n}, seeds::kInput) + T(2 * n) * xgrad::eye<T>(n);
  const Tensor<T> b = random<T>({count, n, 1}, seeds::kOther);
  const Shape shape = operation == "solve" ? b.shape() : a.shape();
  Leaves<T> leaves = {{"gradient", a}};
  if (operation == "solve") leaves.push_back({"gradient of b", b});
  return std::make_unique<Operation<T>>(leaves, random<T>(shape, seeds::kGradient), [=] {
    if (operation == "solve") return solve(a, b);
    return operation == "inverse" ? inverse(a) : cholesky(a);
  });
}

// The logarithm of the density of y, for a squared exponential kernel with a length per feature.
template <class T>
std::unique_ptr<Workload> gaussian_process(const Parameters& p) {
  const std::size_t n = p.size("n", 500), d = p.size("d", 8);
  const Tensor<T> x = random<T>({n, d}, seeds::kInput, 2), y = random<T>({n}, seeds::kOther);
  const Tensor<T> length = Tensor<T>::filled({d}, T(0.2)), amplitude = Tensor<T>(T(0.1)),
                  noise = Tensor<T>(T(-1));
  const Tensor<T> one = xgrad::eye<T>(n);
  const auto diagonal = static_cast<std::ptrdiff_t>(n) + 1;
  return std::make_unique<Operation<T>>(
      Leaves<T>{{"gradient of the lengths", length},
                {"gradient of the amplitude", amplitude},
                {"gradient of the noise", noise},
                {"gradient of x", x}},
      Tensor<T>(),
      [=] {
        const Tensor<T> z = x / exp(length);
        const Tensor<T> half = T(-0.5) * sum(square(z), -1, {.keep_dims = true});
        const Tensor<T> k =
            exp(matmul(z, z, {.transpose_b = true}) + half + transpose(half) + amplitude) +
            exp(noise) * one;
        const Tensor<T> l = cholesky(k);
        const Tensor<T> roots = slice(reshape(l, {n * n}), 0, {.step = diagonal});
        return T(-0.5) * dot(y, cholesky_solve(l, y)) - sum(log(roots));
      },
      "loss");
}

}  // namespace

template <class T>
std::unique_ptr<Workload> make_matrices(const std::string& name, const Parameters& p) {
  if (name == "cholesky") return cholesky_of_one<T>(p);
  if (name == "small_matrices") return small_matrices<T>(p);
  if (name == "gaussian_process") return gaussian_process<T>(p);
  return nullptr;
}

template std::unique_ptr<Workload> make_matrices<float>(const std::string&, const Parameters&);
template std::unique_ptr<Workload> make_matrices<double>(const std::string&, const Parameters&);

}  // namespace benchmark_contenders
