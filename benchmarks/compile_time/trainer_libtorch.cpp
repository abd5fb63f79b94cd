// The program of trainer.cpp in libtorch.

#include <torch/torch.h>

#include <cstdio>

struct NetImpl : torch::nn::Module {
  torch::nn::Linear first, second;
  torch::nn::BatchNorm1d norm;

  NetImpl(std::int64_t in, std::int64_t hidden, std::int64_t out)
      : first(register_module("first", torch::nn::Linear(in, hidden))),
        second(register_module("second", torch::nn::Linear(hidden, out))),
        norm(register_module("norm", torch::nn::BatchNorm1d(hidden))) {}
  torch::Tensor forward(torch::Tensor x) { return second(torch::relu(norm(first(x)))); }
};
TORCH_MODULE(Net);

int main() {
  Net net(20, 64, 3);
  torch::optim::Adam optimizer(net->parameters(), 1e-3);
  const torch::Tensor x = torch::randn({128, 20}), y = torch::randint(0, 3, {128}, torch::kLong);
  for (int i = 0; i < 10; ++i) {
    optimizer.zero_grad();
    const torch::Tensor loss = torch::nn::functional::cross_entropy(net(x), y);
    loss.backward();
    optimizer.step();
    if (i == 9) std::printf("%f\n", loss.item<double>());
  }
}
