#pragma once

#include <functional>
#include <utility>

#include "common.hpp"

namespace benchmark_contenders {

/// An operation on leaves, and its backward pass from a given output gradient; the sum of the
/// output is differentiated when there is none.
class Operation : public Workload {
 public:
  using Forward = std::function<torch::Tensor()>;
  struct Leaf {
    std::string name;  // of its gradient among the results
    torch::Tensor tensor;
  };

  Operation(std::vector<Leaf> leaves, torch::Tensor gradient, Forward forward,
            std::string output = "output")
      : leaves_(std::move(leaves)),
        gradient_(std::move(gradient)),
        forward_(std::move(forward)),
        output_(std::move(output)) {
    for (Leaf& l : leaves_) l.tensor.set_requires_grad(true);
  }
  void step() override {
    for (Leaf& l : leaves_) l.tensor.mutable_grad() = torch::Tensor();
    y_ = torch::Tensor();
    y_ = forward_();
    if (gradient_.defined()) {
      y_.backward(gradient_);
    } else {
      y_.backward();
    }
  }
  Results results() override {
    Results r = {result(output_, y_)};
    for (const Leaf& l : leaves_) r.push_back(result(l.name, l.tensor.grad()));
    return r;
  }

 private:
  std::vector<Leaf> leaves_;
  torch::Tensor gradient_;
  Forward forward_;
  std::string output_;
  torch::Tensor y_;
};

}  // namespace benchmark_contenders
