#pragma once

// Paths of a diffusion, of two numbers each, and the gradient of where each path ends by where it
// began: 11 operations on numbers in each of the steps. Written for one path and batched by vmap, written for
// one path and called in a loop, and written by hand with an axis for the paths.

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "common.hpp"
#include "xgrad/compile/vmap.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/slicing.hpp"

namespace benchmark_contenders {

template <class T>
class Paths : public Workload {
 public:
  enum class Way { vmap, loop, hand };
  using Gradients = std::vector<Tensor<T>>;

  Paths(const Parameters& p, Way way)
      : way_(way),
        steps_(p.size("steps", 100)),
        start_(random<T>({p.size("n", 100000)}, seeds::kInput).requires_grad_()),
        pull_(random<T>(start_.shape(), seeds::kOther).requires_grad_()),
        one_(Tensor<T>::filled(start_.shape(), T(1))) {
    const auto of_one = [this](const Tensor<T>& x, const Tensor<T>& v) {
      return xgrad::grad<T>({end(x, v)}, {x, v});
    };
    if (way_ == Way::vmap) gradients_ = xgrad::vmap(of_one);
    if (way_ == Way::loop)
      gradients_ = [=](const auto& x, const auto& v) { return each(of_one, x, v); };
    if (way_ == Way::hand)
      gradients_ = [this](const Tensor<T>& x, const Tensor<T>& v) {
        return xgrad::grad<T>({end(x, v)}, {x, v}, {}, {one_});
      };
  }
  void compile() override { gradients_ = xgrad::compile(std::move(gradients_)); }
  void step() override { last_ = gradients_(start_, pull_); }
  Results results() override {
    return {result("gradient by the start", last_[0]), result("gradient by the pull", last_[1])};
  }

 private:
  Tensor<T> end(Tensor<T> x, Tensor<T> v) const {
    for (std::size_t i = 0; i < steps_; ++i) {
      x = x + T(0.01) * (tanh(x) - v * x);
      v = v + T(0.02) * (T(1) - v) * exp(-x * x);
    }
    return x * v;
  }
  template <class F>
  static Gradients each(const F& f, const Tensor<T>& x, const Tensor<T>& v) {
    Gradients by_x, by_v;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto at = static_cast<std::ptrdiff_t>(i);
      const Gradients g = f(select(x, 0, at), select(v, 0, at));
      by_x.push_back(g[0]);
      by_v.push_back(g[1]);
    }
    return {stack(by_x), stack(by_v)};
  }

  Way way_;
  std::size_t steps_;
  Tensor<T> start_, pull_, one_;
  std::function<Gradients(const Tensor<T>&, const Tensor<T>&)> gradients_;
  Gradients last_;
};

}  // namespace benchmark_contenders
