// Single operations, forward and backward, in xgrad.

#include "common.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/ops/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/attention.hpp"
#include "xgrad/ops/convolution.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/softmax.hpp"

namespace benchmark_contenders {
namespace {

template <class T>
std::unique_ptr<Workload> gated(const std::string& name, const Parameters& p) {
  const std::size_t n = p.size("n", 1000000);
  const Tensor<T> x = random<T>({n}, seeds::kInput, 3);
  return std::make_unique<Operation<T>>(
      std::vector<typename Operation<T>::Leaf>{{"gradient", x}}, random<T>({n}, seeds::kGradient),
      [=]() -> Tensor<T> {
        if (name == "gelu_fused") return xgrad::gelu(x, xgrad::GeluForm::tanh);
        if (name == "swish_fused") return xgrad::silu(x);
        if (name == "gelu_map") return mapped_gelu(x);
        if (name == "swish_map") return mapped_swish(x);
        if (name == "swish") return x * sigmoid(x);
        return 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
      });
}

template <class T>
std::unique_ptr<Workload> broadcast(const std::string& name, const Parameters& p) {
  const std::size_t n = p.size("n", 4096), d = p.size("d", 512);
  using Leaves = std::vector<typename Operation<T>::Leaf>;
  const Tensor<T> gy = random<T>({n, d}, seeds::kGradient);
  if (name == "outer") {
    const Tensor<T> x = random<T>({n, 1}, seeds::kInput), b = random<T>({1, d}, seeds::kOther);
    return std::make_unique<Operation<T>>(Leaves{{"column gradient", x}, {"row gradient", b}}, gy,
                                          [=] { return x * b; });
  }
  const Tensor<T> x = random<T>({n, d}, seeds::kInput), b = random<T>({d}, seeds::kOther);
  return std::make_unique<Operation<T>>(
      Leaves{{"gradient", x}, {"broadcast gradient", b}}, gy,
      [=, adds = name == "badd"] { return adds ? x + b : x * b; });
}

template <class T>
std::unique_ptr<Workload> sum_or_mean(const std::string& name, const Parameters& p) {
  const std::size_t n = p.size("n", 4096), d = p.size("d", 1000);
  const std::string axis = p.text("axis", "all");
  const Tensor<T> x = random<T>({n, d}, seeds::kInput);
  Tensor<T> gy;
  if (axis != "all") gy = random<T>({axis == "0" ? d : n}, seeds::kGradient);
  xgrad::Axes axes;
  if (axis != "all") axes = xgrad::Axes{axis == "0" ? 0 : 1};
  return std::make_unique<Operation<T>>(
      std::vector<typename Operation<T>::Leaf>{{"gradient", x}}, gy,
      [=, is_sum = name == "sum"] { return is_sum ? sum(x, axes) : mean(x, axes); });
}

template <class T, class Norm>
std::unique_ptr<Workload> normalized(const Tensor<T>& x, const Tensor<T>& gy) {
  const auto norm = std::make_shared<Norm>(x.shape()[1]);
  return std::make_unique<Operation<T>>(
      std::vector<typename Operation<T>::Leaf>{{"gradient", x},
                                               {"gain gradient", norm->at("weight")},
                                               {"shift gradient", norm->at("bias")}},
      gy, [=] { return (*norm)(x); });
}

template <class T>
std::unique_ptr<Workload> along_rows(const std::string& name, const Parameters& p) {
  const std::size_t n = p.size("n", 4096), d = p.size("d", name == "log_softmax" ? 1000 : 512);
  const Tensor<T> x = random<T>({n, d}, seeds::kInput, 3), gy = random<T>({n, d}, seeds::kGradient);
  if (name == "layer_norm") return normalized<T, xgrad::LayerNorm<T>>(x, gy);
  if (name == "batch_norm") return normalized<T, xgrad::BatchNorm<T>>(x, gy);
  return std::make_unique<Operation<T>>(std::vector<typename Operation<T>::Leaf>{{"gradient", x}},
                                        gy, [=] { return xgrad::log_softmax(x, 1); });
}

template <class T>
std::unique_ptr<Workload> chain(const Parameters& p) {
  const std::size_t size = p.size("size", 1);
  const Tensor<T> a = Tensor<T>::filled({size}, 1), b = Tensor<T>::filled({size}, 0),
                  start = Tensor<T>::filled({size}, T(0.5));
  return std::make_unique<Operation<T>>(
      std::vector<typename Operation<T>::Leaf>{{"gradient of a", a}, {"gradient of b", b}},
      Tensor<T>(),
      [=, n = p.size("n", 1000)] {
        Tensor<T> y = start;
        for (std::size_t i = 0; i < n; ++i) y = tanh(a * y + b);
        return sum(y);
      },
      "loss");
}

template <class T>
std::unique_ptr<Workload> deep(const Parameters& p) {
  const Tensor<T> a = Tensor<T>::filled({1}, 1), start = Tensor<T>::filled({1}, T(0.5));
  return std::make_unique<Operation<T>>(
      std::vector<typename Operation<T>::Leaf>{{"gradient of a", a}}, Tensor<T>(),
      [=, n = p.size("n", 1000000)] {
        Tensor<T> y = start;
        for (std::size_t i = 0; i < n; ++i) y = tanh(a * y);
        return y;
      },
      "loss");
}

std::unique_ptr<Workload> rosenbrock(const Parameters& p) {
  const std::size_t n = p.size("n", 10000);
  const Tensor<double> x = random<double>({n}, seeds::kInput);
  return std::make_unique<Operation<double>>(
      std::vector<Operation<double>::Leaf>{{"gradient", x}}, Tensor<double>(),
      [=] {
        const Tensor<double> left = slice(x, 0, {.stop = -1}), right = slice(x, 0, {.start = 1});
        return sum(100 * square(right - square(left)) + square(1 - left));
      },
      "loss");
}

template <class T>
std::unique_ptr<Workload> block_convolution_of(const Parameters& p) {
  const BlockConvolution c = block_convolution(p.text("op", "depthwise"));
  const Tensor<T> x = random<T>({c.n, c.in, c.size, c.size}, seeds::kInput),
                  w = random<T>({c.out, c.in / c.groups, c.kernel, c.kernel}, seeds::kParameters),
                  b = random<T>({c.out}, seeds::kParameters + 1),
                  gy = random<T>({c.n, c.out, c.result(), c.result()}, seeds::kGradient);
  const xgrad::ConvOptions o{.stride = c.stride, .padding = c.padding(), .groups = c.groups};
  return std::make_unique<Operation<T>>(
      std::vector<typename Operation<T>::Leaf>{
          {"gradient", x}, {"weight gradient", w}, {"bias gradient", b}},
      gy, [=] { return xgrad::conv2d(x, w, b, o); });
}

template <class T>
std::unique_ptr<Workload> attention_of(const Parameters& p) {
  const HeadSizes h = head_sizes(p);
  const auto heads = [&](std::uint64_t seed) {
    return random<T>({h.batch, h.heads, h.length, h.width}, seed);
  };
  const Tensor<T> q = heads(seeds::kInput), k = heads(seeds::kParameters),
                  v = heads(seeds::kParameters + 1), gy = heads(seeds::kGradient);
  return std::make_unique<Operation<T>>(
      std::vector<typename Operation<T>::Leaf>{
          {"query gradient", q}, {"key gradient", k}, {"value gradient", v}},
      gy, [=] { return xgrad::scaled_dot_product_attention(q, k, v); });
}

struct Empty : Workload {
  void step() override {}
  Results results() override { return {}; }
};

}  // namespace

template <class T>
std::unique_ptr<Workload> make_operation(const std::string& name, const Parameters& p) {
  if (name.starts_with("gelu") || name.starts_with("swish")) return gated<T>(name, p);
  if (name == "badd" || name == "bmul" || name == "outer") return broadcast<T>(name, p);
  if (name == "sum" || name == "mean") return sum_or_mean<T>(name, p);
  if (name == "log_softmax" || name == "layer_norm" || name == "batch_norm") {
    return along_rows<T>(name, p);
  }
  if (name == "chain") return chain<T>(p);
  if (name == "deep") return deep<T>(p);
  if (name == "rosenbrock") return rosenbrock(p);
  if (name == "attention") return attention_of<T>(p);
  if (name == "mobilenet") return block_convolution_of<T>(p);
  if (name == "empty") return std::make_unique<Empty>();
  return nullptr;
}

template std::unique_ptr<Workload> make_operation<float>(const std::string&, const Parameters&);
template std::unique_ptr<Workload> make_operation<double>(const std::string&, const Parameters&);

}  // namespace benchmark_contenders
