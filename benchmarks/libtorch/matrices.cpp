// Linear systems, forward and backward, in libtorch.

#include "operation.hpp"

namespace benchmark_contenders {
namespace {

using torch::Tensor;
using Leaves = std::vector<Operation::Leaf>;

std::int64_t count(const Parameters& p, const std::string& name, std::size_t otherwise) {
  return static_cast<std::int64_t>(p.size(name, otherwise));
}

std::unique_ptr<Workload> cholesky_of_one(const Parameters& p) {
  const auto n = count(p, "n", 512);
  const Tensor wide = torch::empty({n, n}, torch::kDouble);
  correlations(wide.data_ptr<double>(), static_cast<std::size_t>(n));
  const Tensor a = wide.to(type_of(p));
  return std::make_unique<Operation>(Leaves{{"gradient", a}},
                                     random({n, n}, type_of(p), seeds::kGradient),
                                     [=] { return torch::linalg_cholesky(a); });
}

std::unique_ptr<Workload> small_matrices(const Parameters& p) {
  const auto batch = count(p, "count", 10000), n = count(p, "n", 4);
  const std::string operation = p.text("op", "solve");
  const auto type = type_of(p);
  const Tensor a = random({batch, n, n}, type, seeds::kInput) +
                   2 * n * torch::eye(n, torch::TensorOptions().dtype(type));
  const Tensor b = random({batch, n, 1}, type, seeds::kOther);
  Leaves leaves = {{"gradient", a}};
  if (operation == "solve") leaves.push_back({"gradient of b", b});
  const Tensor gy = random({batch, n, operation == "solve" ? 1 : n}, type, seeds::kGradient);
  return std::make_unique<Operation>(leaves, gy, [=] {
    if (operation == "solve") return torch::linalg_solve(a, b);
    return operation == "inverse" ? torch::linalg_inv(a) : torch::linalg_cholesky(a);
  });
}

std::unique_ptr<Workload> gaussian_process(const Parameters& p) {
  const auto n = count(p, "n", 500), d = count(p, "d", 8);
  const auto type = type_of(p);
  const auto options = torch::TensorOptions().dtype(type);
  const Tensor x = random({n, d}, type, seeds::kInput, 2), y = random({n}, type, seeds::kOther);
  const Tensor length = torch::full({d}, 0.2, options), amplitude = torch::full({}, 0.1, options),
               noise = torch::full({}, -1, options), one = torch::eye(n, options);
  return std::make_unique<Operation>(
      Leaves{{"gradient of the lengths", length},
             {"gradient of the amplitude", amplitude},
             {"gradient of the noise", noise},
             {"gradient of x", x}},
      Tensor(),
      [=] {
        const Tensor z = x / torch::exp(length);
        const Tensor half = -0.5 * torch::square(z).sum(-1, true);
        const Tensor k = torch::exp(torch::matmul(z, z.t()) + half + half.t() + amplitude) +
                         torch::exp(noise) * one;
        const Tensor l = torch::linalg_cholesky(k);
        const Tensor alpha = torch::cholesky_solve(y.unsqueeze(-1), l).squeeze(-1);
        return -0.5 * torch::dot(y, alpha) - torch::log(torch::diagonal(l)).sum();
      },
      "loss");
}

}  // namespace

std::unique_ptr<Workload> make_matrices(const std::string& name, const Parameters& p) {
  if (name == "cholesky") return cholesky_of_one(p);
  if (name == "small_matrices") return small_matrices(p);
  if (name == "gaussian_process") return gaussian_process(p);
  return nullptr;
}

}  // namespace benchmark_contenders
