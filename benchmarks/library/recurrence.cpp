// The long short-term memory from primitive operations, and with the library's cell.

#include "common.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/recurrent.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/optimizers/sgd.hpp"

namespace benchmark_contenders {
namespace {

template <class T>
class Lstm : public Workload {
 public:
  Lstm(const Parameters& p, bool cell)
      : d_(p.size("hidden", 128)),
        n_(p.size("batch", 32)),
        cell_(cell),
        initial_{random<T>({d_, 4 * d_}, seeds::kParameters, 0.08),
                 random<T>({d_, 4 * d_}, seeds::kParameters + 1, 0.08),
                 random<T>({4 * d_}, seeds::kParameters + 2, 0.08)},
        zero_(Tensor<T>::filled({n_, d_}, 0)) {
    // The cell's weights are (4 d, d), as a linear layer's.
    for (std::size_t i = 0; cell && i < 2; ++i) initial_[i] = transpose(initial_[i]);
    for (std::size_t t = 0; t < p.size("steps", 100); ++t) {
      x_.push_back(random<T>({n_, d_}, 1000 + t));
    }
    reset();
  }
  void reset() override {
    weights_.clear();
    for (const Tensor<T>& t : initial_) weights_.push_back(xgrad::parameter(t));
    optimizer_ = std::make_unique<xgrad::Sgd<T>>(
        weights_, xgrad::SgdOptions{.learning_rate = 0.01, .momentum = 0.9});
  }
  void step() override {
    optimizer_->zero_grad();
    const Tensor<T> h = cell_ ? with_cell() : from_primitives();
    loss_ = mean(h * h);
    loss_.backward();
    optimizer_->step();
  }
  Results results() override {
    const auto gradient = [&](std::size_t i) {
      return cell_ ? transpose(weights_[i].gradient()) : weights_[i].gradient();
    };
    return {result("loss", loss_), result("input weight gradient", gradient(0)),
            result("recurrent weight gradient", gradient(1)),
            result("bias gradient", weights_[2].gradient())};
  }

 private:
  Tensor<T> from_primitives() const {
    Tensor<T> h = zero_, c = zero_;
    for (const Tensor<T>& x : x_) {
      const Tensor<T> z = matmul(x, weights_[0]) + matmul(h, weights_[1]) + weights_[2];
      const std::vector<Tensor<T>> part = split(z, 4, 1);
      c = sigmoid(part[1]) * c + sigmoid(part[0]) * tanh(part[2]);
      h = sigmoid(part[3]) * tanh(c);
    }
    return h;
  }
  Tensor<T> with_cell() const {
    xgrad::LstmState<T> state{zero_, zero_};
    for (const Tensor<T>& x : x_) {
      state = lstm_cell(x, state, weights_[0], weights_[1], weights_[2]);
    }
    return state.h;
  }

  std::size_t d_, n_;
  bool cell_;
  std::vector<Tensor<T>> initial_, weights_, x_;
  Tensor<T> zero_;
  std::unique_ptr<xgrad::Optimizer<T>> optimizer_;
  Tensor<T> loss_;
};

}  // namespace

template <class T>
std::unique_ptr<Workload> make_recurrence(const std::string& name, const Parameters& p) {
  if (name != "lstm" && name != "lstm_cell") return nullptr;
  return std::make_unique<Lstm<T>>(p, name == "lstm_cell");
}

template std::unique_ptr<Workload> make_recurrence<float>(const std::string&, const Parameters&);
template std::unique_ptr<Workload> make_recurrence<double>(const std::string&, const Parameters&);

}  // namespace benchmark_contenders
