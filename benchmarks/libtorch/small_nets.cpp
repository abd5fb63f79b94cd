// Training steps in which tensors are small, as in ../library/small_nets.cpp.

#include <functional>
#include <utility>

#include "common.hpp"

namespace benchmark_contenders {
namespace {

using torch::Tensor;

std::int64_t count(std::size_t n) { return static_cast<std::int64_t>(n); }

/// Weights of these shapes, a loss of them, and an optimizer.
class SmallNet : public Workload {
 public:
  using Loss = std::function<Tensor(const std::vector<Tensor>& weights)>;

  SmallNet(const std::vector<SmallArray>& weights, torch::ScalarType type, bool adam, Loss loss)
      : adam_(adam), loss_of_(std::move(loss)) {
    std::uint64_t seed = seeds::kParameters;
    for (const SmallArray& w : weights) {
      std::vector<std::int64_t> shape = {count(w.rows)};
      if (w.columns != 0) shape.push_back(count(w.columns));
      initial_.push_back(random(shape, type, seed++, w.bound));
    }
    reset();
  }
  void reset() override {
    weights_.clear();
    for (const Tensor& t : initial_) weights_.push_back(t.clone().set_requires_grad(true));
    if (adam_) {
      optimizer_ = std::make_unique<torch::optim::Adam>(weights_, torch::optim::AdamOptions(1e-3));
    } else {
      optimizer_ = std::make_unique<torch::optim::SGD>(
          weights_, torch::optim::SGDOptions(0.01).momentum(0.9));
    }
  }
  void step() override {
    optimizer_->zero_grad();
    loss_ = loss_of_(weights_);
    loss_.backward();
    optimizer_->step();
  }
  Results results() override {
    Results r = {result("loss", loss_)};
    for (std::size_t i = 0; i < weights_.size(); ++i)
      r.push_back(result("gradient " + std::to_string(i), weights_[i].grad()));
    return r;
  }

 private:
  bool adam_;
  Loss loss_of_;
  std::vector<Tensor> initial_, weights_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  Tensor loss_;
};

std::unique_ptr<Workload> playground(const Parameters& p) {
  const std::int64_t n = count(p.size("batch", 32));
  const Tensor x = random({n, 2}, type_of(p), seeds::kInput),
               y = random({n, 1}, type_of(p), seeds::kOther);
  return std::make_unique<SmallNet>(playground_weights(), type_of(p), true, [x, y](const auto& w) {
    const Tensor first = torch::tanh(torch::linear(x, w[0], w[1])),
                 second = torch::tanh(torch::linear(first, w[2], w[3]));
    return torch::mse_loss(torch::linear(second, w[4], w[5]), y);
  });
}

std::unique_ptr<Workload> gru_steps(const Parameters& p) {
  const std::size_t d = p.size("hidden", 16);
  const std::int64_t n = count(p.size("batch", 1));
  std::vector<Tensor> inputs;
  for (std::size_t t = 0; t < p.size("steps", 100); ++t)
    inputs.push_back(random({n, count(d)}, type_of(p), 1000 + t));
  const Tensor zero = torch::zeros({n, count(d)}, type_of(p));
  return std::make_unique<SmallNet>(
      gru_weights(d), type_of(p), false, [inputs, zero](const auto& w) {
        Tensor h = zero;
        for (const Tensor& x : inputs) {
          const auto of_x = (torch::matmul(x, w[0]) + w[2]).chunk(3, 1),
                     of_h = torch::matmul(h, w[1]).chunk(3, 1);
          const Tensor r = torch::sigmoid(of_x[0] + of_h[0]), z = torch::sigmoid(of_x[1] + of_h[1]),
                       u = torch::tanh(of_x[2] + r * of_h[2]);
          h = u + z * (h - u);
        }
        return (h * h).mean();
      });
}

}  // namespace

std::unique_ptr<Workload> make_small_net(const std::string& name, const Parameters& p) {
  if (name == "playground") return playground(p);
  if (name == "gru_steps") return gru_steps(p);
  return nullptr;
}

}  // namespace benchmark_contenders
