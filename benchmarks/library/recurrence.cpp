// The long short-term memory from primitive operations, with the library's cell, and with its
// operation for a whole sequence; Gru and Lstm as modules.

#include "common.hpp"
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
class Lstm : public Workload {
 public:
  enum class Way { primitives, cell, sequence };

  Lstm(const Parameters& p, Way way)
      : d_(p.size("hidden", 128)),
        n_(p.size("batch", 32)),
        way_(way),
        initial_{random<T>({d_, 4 * d_}, seeds::kParameters, 0.08),
                 random<T>({d_, 4 * d_}, seeds::kParameters + 1, 0.08),
                 random<T>({4 * d_}, seeds::kParameters + 2, 0.08)},
        zero_(Tensor<T>::filled({n_, d_}, 0)) {
    for (std::size_t i = 0; transposed() && i < 2; ++i) initial_[i] = transpose(initial_[i]);
    for (std::size_t t = 0; t < p.size("steps", 100); ++t) {
      x_.push_back(random<T>({n_, d_}, 1000 + t));
    }
    if (way_ == Way::sequence) x_ = {stack(x_)};
    reset();
  }
  void reset() override {
    weights_.clear();
    for (const Tensor<T>& t : initial_) weights_.push_back(xgrad::parameter(t));
    optimizer_ = std::make_unique<xgrad::Sgd<T>>(
        weights_, xgrad::SgdOptions{.learning_rate = 0.01, .momentum = 0.9});
    if (compiled_) compile();
  }
  void compile() override {
    compiled_.emplace(xgrad::compile(Step([this] { return one_step(); })));
  }
  void step() override { loss_ = compiled_ ? (*compiled_)() : one_step(); }
  Results results() override {
    const auto gradient = [&](std::size_t i) {
      return transposed() ? transpose(weights_[i].gradient()) : weights_[i].gradient();
    };
    return {result("loss", loss_), result("input weight gradient", gradient(0)),
            result("recurrent weight gradient", gradient(1)),
            result("bias gradient", weights_[2].gradient())};
  }

 private:
  using Step = std::function<Tensor<T>()>;

  Tensor<T> one_step() {
    optimizer_->zero_grad();
    const Tensor<T> h = way_ == Way::primitives ? from_primitives()
                        : way_ == Way::cell     ? with_cell()
                                                : as_sequence();
    const Tensor<T> loss = mean(h * h);
    loss.backward();
    optimizer_->step();
    return loss;
  }
  // The operations' weights are (4 d, d), as a linear layer's.
  bool transposed() const { return way_ != Way::primitives; }
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
  Tensor<T> as_sequence() const {
    return lstm(x_[0], {zero_, zero_}, weights_[0], weights_[1], weights_[2]).last.h;
  }

  std::size_t d_, n_;
  Way way_;
  std::vector<Tensor<T>> initial_, weights_, x_;
  Tensor<T> zero_;
  std::unique_ptr<xgrad::Optimizer<T>> optimizer_;
  std::optional<xgrad::Compiled<Step>> compiled_;
  Tensor<T> loss_;
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
