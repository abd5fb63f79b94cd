#include "common.hpp"

namespace benchmark_contenders {

void fill(torch::Tensor tensor, std::uint64_t seed, double bound) {
  const auto n = static_cast<std::size_t>(tensor.numel());
  if (tensor.scalar_type() == torch::kFloat) {
    fill(tensor.data_ptr<float>(), n, seed, bound);
  } else {
    fill(tensor.data_ptr<double>(), n, seed, bound);
  }
}

torch::Tensor label_tensor(std::size_t n) {
  const auto values = labels(n, kClasses);
  torch::Tensor t = torch::empty({static_cast<std::int64_t>(n)}, torch::kLong);
  std::copy(values.begin(), values.end(), t.data_ptr<std::int64_t>());
  return t;
}

Result result(const std::string& name, const torch::Tensor& tensor) {
  const torch::Tensor t = tensor.detach().contiguous().to(torch::kDouble);
  return result(name, t.data_ptr<double>(), static_cast<std::size_t>(t.numel()));
}

std::unique_ptr<Workload> make_workload(const std::string& name, const Parameters& p) {
  if (auto w = make_training(name, p)) return w;
  if (auto w = make_small_net(name, p)) return w;
  if (auto w = make_matrices(name, p)) return w;
  return make_operation(name, p);
}

void use_threads(int threads) { at::set_num_threads(threads); }

}  // namespace benchmark_contenders
