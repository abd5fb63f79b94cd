#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common.hpp"
#include "xgrad/optimizers/optimizer.hpp"

namespace benchmark_contenders {

/// Steps that minimise a loss of some weights: gradients zeroed, forward, backward, update.
template <class T>
class WeightSteps : public Workload {
 public:
  /// The constructor of what derives calls it first.
  void reset() override {
    weights_.clear();
    for (const Tensor<T>& t : initial_) weights_.push_back(xgrad::parameter(t));
    optimizer_ = make_optimizer();
    if (compiled_) compile();
  }
  void compile() override {
    compiled_.emplace(xgrad::compile(Step([this] { return one_step(); })));
  }
  void step() override { last_ = compiled_ ? (*compiled_)() : one_step(); }

 protected:
  virtual Tensor<T> loss() const = 0;
  virtual std::unique_ptr<xgrad::Optimizer<T>> make_optimizer() const = 0;

  const Tensor<T>& last_loss() const { return last_; }
  const std::vector<Tensor<T>>& weights() const { return weights_; }
  void set_initial(std::vector<Tensor<T>> weights) { initial_ = std::move(weights); }

 private:
  using Step = std::function<Tensor<T>()>;

  Tensor<T> one_step() {
    optimizer_->zero_grad();
    const Tensor<T> y = loss();
    y.backward();
    optimizer_->step();
    return y;
  }

  std::vector<Tensor<T>> initial_, weights_;
  std::unique_ptr<xgrad::Optimizer<T>> optimizer_;
  std::optional<xgrad::Compiled<Step>> compiled_;
  Tensor<T> last_;
};

}  // namespace benchmark_contenders
