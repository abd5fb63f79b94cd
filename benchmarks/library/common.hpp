#pragma once

// xgrad's tensors with the numbers of every contender.

#include <functional>
#include <optional>
#include <utility>

#include "../contenders/workload.hpp"
#include "xgrad/autograd/tensor.hpp"
#include "xgrad/compile/compile.hpp"

namespace benchmark_contenders {

using xgrad::Shape;
using xgrad::Tensor;

template <class T>
Tensor<T> random(const Shape& shape, std::uint64_t seed, double bound = 1) {
  Tensor<T> t = Tensor<T>::uninitialized(shape);
  fill(t.mutable_data(), t.size(), seed, bound);
  return t;
}

inline xgrad::Indices label_array(std::size_t n) {
  xgrad::Indices a(xgrad::Indices::shape_type{n});
  const auto values = labels(n, kClasses);
  std::copy(values.begin(), values.end(), a.data());
  return a;
}

template <class T>
Result result(const std::string& name, const Tensor<T>& t) {
  return result(name, t.data(), t.size());
}

/// An operation on leaves, and its backward pass from a given output gradient, or, when there is
/// none, from 1.
template <class T>
class Operation : public Workload {
 public:
  using Forward = std::function<Tensor<T>()>;
  struct Leaf {
    std::string name;  // of its gradient among the results
    Tensor<T> tensor;
  };

  Operation(std::vector<Leaf> leaves, Tensor<T> gradient, Forward forward,
            std::string output = "output")
      : leaves_(std::move(leaves)),
        gradient_(std::move(gradient)),
        forward_(std::move(forward)),
        output_(std::move(output)) {
    for (Leaf& l : leaves_) l.tensor.requires_grad_();
  }
  void compile() override {
    compiled_ = xgrad::compile(std::function<Tensor<T>()>([this] { return pass(); }));
  }
  void step() override {
    y_ = Tensor<T>();
    y_ = compiled_ ? (*compiled_)() : pass();
  }
  Results results() override {
    Results r = {result(output_, y_)};
    for (const Leaf& l : leaves_) r.push_back(result(l.name, l.tensor.gradient()));
    return r;
  }

 private:
  Tensor<T> pass() {
    for (Leaf& l : leaves_) l.tensor.zero_grad();
    Tensor<T> y = forward_();
    y.backward(gradient_);
    return y;
  }

  std::vector<Leaf> leaves_;
  Tensor<T> gradient_;
  Forward forward_;
  std::string output_;
  Tensor<T> y_;
  std::optional<xgrad::Compiled<std::function<Tensor<T>()>>> compiled_;
};

/// GELU and swish through `map`, in a file that is compiled for this machine.
template <class T>
Tensor<T> mapped_gelu(const Tensor<T>& x);
template <class T>
Tensor<T> mapped_swish(const Tensor<T>& x);

/// The families of workloads; null for a name that is in none.
template <class T>
std::unique_ptr<Workload> make_training(const std::string& name, const Parameters& p);
template <class T>
std::unique_ptr<Workload> make_operation(const std::string& name, const Parameters& p);
template <class T>
std::unique_ptr<Workload> make_matrices(const std::string& name, const Parameters& p);
template <class T>
std::unique_ptr<Workload> make_small_net(const std::string& name, const Parameters& p);
template <class T>
std::unique_ptr<Workload> make_recurrence(const std::string& name, const Parameters& p);
template <class T>
std::unique_ptr<Workload> make_einsum(const std::string& name, const Parameters& p);
template <class T>
std::unique_ptr<Workload> make_decomposition(const std::string& name, const Parameters& p);
template <class T>
std::unique_ptr<Workload> make_paths(const std::string& name, const Parameters& p);

}  // namespace benchmark_contenders
