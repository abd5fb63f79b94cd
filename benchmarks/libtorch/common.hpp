#pragma once

// Tensors of libtorch with the numbers of every contender.

#include <torch/torch.h>

#include "../contenders/workload.hpp"

namespace benchmark_contenders {

/// float or double, by the parameter `dtype`.
inline torch::ScalarType type_of(const Parameters& p) {
  return p.text("dtype", "f32") == "f64" ? torch::kDouble : torch::kFloat;
}

/// `fill` for a tensor.
void fill(torch::Tensor tensor, std::uint64_t seed, double bound = 1);

inline torch::Tensor random(std::vector<std::int64_t> shape, torch::ScalarType type,
                            std::uint64_t seed, double bound = 1) {
  torch::Tensor t = torch::empty(shape, type);
  fill(t, seed, bound);
  return t;
}

torch::Tensor label_tensor(std::size_t n);

Result result(const std::string& name, const torch::Tensor& tensor);

std::unique_ptr<Workload> make_training(const std::string& name, const Parameters& p);
std::unique_ptr<Workload> make_operation(const std::string& name, const Parameters& p);
std::unique_ptr<Workload> make_small_net(const std::string& name, const Parameters& p);
std::unique_ptr<Workload> make_matrices(const std::string& name, const Parameters& p);

}  // namespace benchmark_contenders
