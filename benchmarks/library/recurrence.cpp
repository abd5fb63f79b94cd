// The long short-term memory from primitive operations, with the library's cell, and with its
// operation for a whole sequence; Gru and Lstm as modules.

#include "common.hpp"
#include "weight_steps.hpp"
#include "xgrad/modules/recurrent.hpp"
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
class Lstm : public WeightSteps<T> {
 public:
  enum class Way { primitives, cell, sequence };

  Lstm(const Parameters& p, Way way)
      : d_(p.size("hidden", 128)),
        n_(p.size("batch", 32)),
        way_(way),
        zero_(Tensor<T>::filled({n_, d_}, 0)) {
    std::vector<Tensor<T>> initial = {random<T>({d_, 4 * d_}, seeds::kParameters, 0.08),
                                      random<T>({d_, 4 * d_}, seeds::kParameters + 1, 0.08),
                                      random<T>({4 * d_}, seeds::kParameters + 2, 0.08)};
    for (std::size_t i = 0; transposed() && i < 2; ++i) initial[i] = transpose(initial[i]);
    for (std::size_t t = 0; t < p.size("steps", 100); ++t) {
      x_.push_back(random<T>({n_, d_}, 1000 + t));
    }
    if (way_ == Way::sequence) x_ = {stack(x_)};
    this->set_initial(std::move(initial));
    this->reset();
  }
  Results results() override {
    const auto gradient = [&](std::size_t i) {
      const Tensor<T> g = this->weights()[i].gradient();
      return transposed() ? transpose(g) : g;
    };
    return {result("loss", this->last_loss()), result("input weight gradient", gradient(0)),
            result("recurrent weight gradient", gradient(1)),
            result("bias gradient", this->weights()[2].gradient())};
  }

 private:
  Tensor<T> loss() const override {
    const Tensor<T> h = way_ == Way::primitives ? from_primitives()
                        : way_ == Way::cell     ? with_cell()
                                                : as_sequence();
    return mean(h * h);
  }
  std::unique_ptr<xgrad::Optimizer<T>> make_optimizer() const override {
    return std::make_unique<xgrad::Sgd<T>>(
        this->weights(), xgrad::SgdOptions{.learning_rate = 0.01, .momentum = 0.9});
  }
  // The operations' weights are (4 d, d), as a linear layer's.
  bool transposed() const { return way_ != Way::primitives; }
  Tensor<T> from_primitives() const {
    const auto& w = this->weights();
    Tensor<T> h = zero_, c = zero_;
    for (const Tensor<T>& x : x_) {
      const Tensor<T> z = matmul(x, w[0]) + matmul(h, w[1]) + w[2];
      const std::vector<Tensor<T>> part = split(z, 4, 1);
      c = sigmoid(part[1]) * c + sigmoid(part[0]) * tanh(part[2]);
      h = sigmoid(part[3]) * tanh(c);
    }
    return h;
  }
  Tensor<T> with_cell() const {
    const auto& w = this->weights();
    xgrad::LstmState<T> state{zero_, zero_};
    for (const Tensor<T>& x : x_) state = lstm_cell(x, state, w[0], w[1], w[2]);
    return state.h;
  }
  Tensor<T> as_sequence() const {
    const auto& w = this->weights();
    return lstm(x_[0], {zero_, zero_}, w[0], w[1], w[2]).last.h;
  }

  std::size_t d_, n_;
  Way way_;
  std::vector<Tensor<T>> x_;
  Tensor<T> zero_;
};

/// Gru or Lstm, loss mean(h^2) of all outputs; with padding=half sequences of 1 to all steps.
template <template <class> class Net, class T>
class RecurrentModule : public Workload {
 public:
  explicit RecurrentModule(const Parameters& p)
      : d_(p.size("hidden", 128)), n_(p.size("batch", 32)), net_(d_, d_) {
    const std::size_t steps = p.size("steps", 100);
    x_ = random<T>({steps, n_, d_}, 1000);
    if (p.text("padding", "none") == "half") lengths_ = lengths_up_to(steps, n_);
    reset();
  }
  void reset() override {
    std::uint64_t seed = seeds::kParameters;
    for (const auto& [name, parameter] : net_.parameters()) {
      Tensor<T> to = parameter;
      fill(to.mutable_data(), to.size(), seed++, 0.08);
    }
    optimizer_ = std::make_unique<xgrad::Sgd<T>>(
        net_.parameters(), xgrad::SgdOptions{.learning_rate = 0.01, .momentum = 0.9});
  }
  void step() override {
    optimizer_->zero_grad();
    const Tensor<T> h = net_(x_, {.lengths = lengths_}).h;
    loss_ = mean(h * h);
    loss_.backward();
    optimizer_->step();
  }
  Results results() override {
    Results all = {result("loss", loss_)};
    for (const auto& [name, parameter] : net_.parameters())
      all.push_back(result(name + " gradient", parameter.gradient()));
    return all;
  }

 private:
  std::size_t d_, n_;
  Net<T> net_;
  std::unique_ptr<xgrad::Optimizer<T>> optimizer_;
  std::vector<std::size_t> lengths_;
  Tensor<T> x_, loss_;
};

}  // namespace

template <class T>
std::unique_ptr<Workload> make_recurrence(const std::string& name, const Parameters& p) {
  using Way = typename Lstm<T>::Way;
  if (name == "lstm") return std::make_unique<Lstm<T>>(p, Way::primitives);
  if (name == "lstm_cell") return std::make_unique<Lstm<T>>(p, Way::cell);
  if (name == "lstm_sequence") return std::make_unique<Lstm<T>>(p, Way::sequence);
  if (name == "gru") return std::make_unique<RecurrentModule<xgrad::Gru, T>>(p);
  if (name == "lstm_module") return std::make_unique<RecurrentModule<xgrad::Lstm, T>>(p);
  return nullptr;
}

template std::unique_ptr<Workload> make_recurrence<float>(const std::string&, const Parameters&);
template std::unique_ptr<Workload> make_recurrence<double>(const std::string&, const Parameters&);

}  // namespace benchmark_contenders
