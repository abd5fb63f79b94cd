// The long short-term memory from primitive operations, and with the library's cell.

#include "common.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/optimizers/sgd.hpp"

namespace benchmark_contenders {
namespace {

template <class T>
class Lstm : public Workload {
 public:
  explicit Lstm(const Parameters& p)
      : d_(p.size("hidden", 128)),
        n_(p.size("batch", 32)),
        initial_{random<T>({d_, 4 * d_}, seeds::kParameters, 0.08),
                 random<T>({d_, 4 * d_}, seeds::kParameters + 1, 0.08),
                 random<T>({4 * d_}, seeds::kParameters + 2, 0.08)},
        zero_(Tensor<T>::filled({n_, d_}, 0)) {
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
    Tensor<T> h = zero_, c = zero_;
    for (const Tensor<T>& x : x_) {
      const Tensor<T> z = matmul(x, weights_[0]) + matmul(h, weights_[1]) + weights_[2];
      const std::vector<Tensor<T>> part = split(z, 4, 1);
      c = sigmoid(part[1]) * c + sigmoid(part[0]) * tanh(part[2]);
      h = sigmoid(part[3]) * tanh(c);
    }
    loss_ = mean(h * h);
    loss_.backward();
    optimizer_->step();
  }
  Results results() override {
    return {result("loss", loss_), result("input weight gradient", weights_[0].gradient()),
            result("recurrent weight gradient", weights_[1].gradient()),
            result("bias gradient", weights_[2].gradient())};
  }

 private:
  std::size_t d_, n_;
  std::vector<Tensor<T>> initial_, weights_, x_;
  Tensor<T> zero_;
  std::unique_ptr<xgrad::Optimizer<T>> optimizer_;
  Tensor<T> loss_;
};

}  // namespace

template <class T>
std::unique_ptr<Workload> make_recurrence(const std::string& name, const Parameters& p) {
  if (name != "lstm") return nullptr;
  return std::make_unique<Lstm<T>>(p);
}

template std::unique_ptr<Workload> make_recurrence<float>(const std::string&, const Parameters&);
template std::unique_ptr<Workload> make_recurrence<double>(const std::string&, const Parameters&);

}  // namespace benchmark_contenders
