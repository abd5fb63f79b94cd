// Training steps in which tensors are small: a perceptron 2-16-16-1 with tanh and squared errors by Adam, and a gated
// recurrent unit written out.

#include "common.hpp"
#include "weight_steps.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/optimizers/sgd.hpp"

namespace benchmark_contenders {
namespace {

/// Weights of these shapes, a loss of them, and an optimizer.
template <class T>
class SmallNet : public WeightSteps<T> {
 public:
  using Loss = std::function<Tensor<T>(const std::vector<Tensor<T>>& weights)>;

  SmallNet(const std::vector<SmallArray>& weights, bool adam, Loss loss)
      : adam_(adam), loss_of_(std::move(loss)) {
    std::uint64_t seed = seeds::kParameters;
    std::vector<Tensor<T>> initial;
    for (const SmallArray& w : weights) {
      const Shape shape = w.columns == 0 ? Shape{w.rows} : Shape{w.rows, w.columns};
      initial.push_back(random<T>(shape, seed++, w.bound));
    }
    this->set_initial(std::move(initial));
    this->reset();
  }
  Results results() override {
    Results r = {result("loss", this->last_loss())};
    for (std::size_t i = 0; i < this->weights().size(); ++i)
      r.push_back(result("gradient " + std::to_string(i), this->weights()[i].gradient()));
    return r;
  }

 private:
  Tensor<T> loss() const override { return loss_of_(this->weights()); }
  std::unique_ptr<xgrad::Optimizer<T>> make_optimizer() const override {
    if (adam_) {
      return std::make_unique<xgrad::Adam<T>>(this->weights(),
                                              xgrad::AdamOptions{.learning_rate = 1e-3});
    }
    return std::make_unique<xgrad::Sgd<T>>(
        this->weights(), xgrad::SgdOptions{.learning_rate = 0.01, .momentum = 0.9});
  }

  bool adam_;
  Loss loss_of_;
};

template <class T>
std::unique_ptr<Workload> playground(const Parameters& p) {
  const std::size_t n = p.size("batch", 32);
  const Tensor<T> x = random<T>({n, 2}, seeds::kInput), y = random<T>({n, 1}, seeds::kOther);
  return std::make_unique<SmallNet<T>>(playground_weights(), true, [x, y](const auto& w) {
    const Tensor<T> h = tanh(linear(tanh(linear(x, w[0], w[1])), w[2], w[3]));
    return mse_loss(linear(h, w[4], w[5]), y);
  });
}

template <class T>
std::unique_ptr<Workload> gru_steps(const Parameters& p) {
  const std::size_t d = p.size("hidden", 16), n = p.size("batch", 1);
  std::vector<Tensor<T>> inputs;
  for (std::size_t t = 0; t < p.size("steps", 100); ++t)
    inputs.push_back(random<T>({n, d}, 1000 + t));
  const Tensor<T> zero = Tensor<T>::filled({n, d}, 0);
  return std::make_unique<SmallNet<T>>(gru_weights(d), false, [inputs, zero](const auto& w) {
    Tensor<T> h = zero;
    for (const Tensor<T>& x : inputs) {
      const auto of_x = split(matmul(x, w[0]) + w[2], 3, 1), of_h = split(matmul(h, w[1]), 3, 1);
      const Tensor<T> r = sigmoid(of_x[0] + of_h[0]), z = sigmoid(of_x[1] + of_h[1]),
                      u = tanh(of_x[2] + r * of_h[2]);
      h = u + z * (h - u);
    }
    return mean(h * h);
  });
}

}  // namespace

template <class T>
std::unique_ptr<Workload> make_small_net(const std::string& name, const Parameters& p) {
  if (name == "playground") return playground<T>(p);
  if (name == "gru_steps") return gru_steps<T>(p);
  return nullptr;
}

template std::unique_ptr<Workload> make_small_net<float>(const std::string&, const Parameters&);
template std::unique_ptr<Workload> make_small_net<double>(const std::string&, const Parameters&);

}  // namespace benchmark_contenders
