// Single operations, forward and backward, in libtorch.

#include "operation.hpp"

namespace benchmark_contenders {
namespace {

using torch::Tensor;

std::int64_t count(const Parameters& p, const std::string& name, std::size_t otherwise) {
  return static_cast<std::int64_t>(p.size(name, otherwise));
}

// A formula of one's own, xgrad's `map`, is a formula from primitive operations here.
std::unique_ptr<Workload> gated(const std::string& name, const Parameters& p) {
  const auto n = count(p, "n", 1000000);
  const Tensor x = random({n}, type_of(p), seeds::kInput, 3);
  return std::make_unique<Operation>(
      std::vector<Operation::Leaf>{{"gradient", x}}, random({n}, type_of(p), seeds::kGradient),
      [=]() -> Tensor {
        if (name == "gelu_fused") return torch::gelu(x, "tanh");
        if (name == "swish_fused") return torch::silu(x);
        if (name.starts_with("swish")) return x * torch::sigmoid(x);
        return 0.5 * x * (1 + torch::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
      });
}

std::unique_ptr<Workload> broadcast(const std::string& name, const Parameters& p) {
  const auto n = count(p, "n", 4096), d = count(p, "d", 512);
  const auto type = type_of(p);
  const Tensor gy = random({n, d}, type, seeds::kGradient);
  if (name == "outer") {
    const Tensor x = random({n, 1}, type, seeds::kInput), b = random({1, d}, type, seeds::kOther);
    return std::make_unique<Operation>(
        std::vector<Operation::Leaf>{{"column gradient", x}, {"row gradient", b}}, gy,
        [=] { return x * b; });
  }
  const Tensor x = random({n, d}, type, seeds::kInput), b = random({d}, type, seeds::kOther);
  return std::make_unique<Operation>(
      std::vector<Operation::Leaf>{{"gradient", x}, {"broadcast gradient", b}}, gy,
      [=, add = name == "badd"] { return add ? x + b : x * b; });
}

std::unique_ptr<Workload> sum(const std::string& name, const Parameters& p) {
  const auto n = count(p, "n", 4096), d = count(p, "d", 1000);
  const std::string axis = p.text("axis", "all");
  const Tensor x = random({n, d}, type_of(p), seeds::kInput);
  const Tensor gy =
      axis == "all" ? Tensor() : random({axis == "0" ? d : n}, type_of(p), seeds::kGradient);
  return std::make_unique<Operation>(std::vector<Operation::Leaf>{{"gradient", x}}, gy,
                                     [=, is_sum = name == "sum"] {
                                       if (axis == "all") return is_sum ? x.sum() : x.mean();
                                       const std::int64_t along = axis == "0" ? 0 : 1;
                                       return is_sum ? x.sum(along) : x.mean(along);
                                     });
}

std::unique_ptr<Workload> normalization(const std::string& name, const Parameters& p) {
  const auto n = count(p, "n", 4096), d = count(p, "d", name == "log_softmax" ? 1000 : 512);
  const auto type = type_of(p);
  const Tensor x = random({n, d}, type, seeds::kInput, 3),
               gy = random({n, d}, type, seeds::kGradient);
  if (name == "log_softmax") {
    return std::make_unique<Operation>(std::vector<Operation::Leaf>{{"gradient", x}}, gy,
                                       [=] { return torch::log_softmax(x, 1); });
  }
  if (name == "layer_norm") {
    torch::nn::LayerNorm norm(torch::nn::LayerNormOptions({d}));
    norm->to(type);
    return std::make_unique<Operation>(
        std::vector<Operation::Leaf>{
            {"gradient", x}, {"gain gradient", norm->weight}, {"shift gradient", norm->bias}},
        gy, [=]() mutable { return norm(x); });
  }
  torch::nn::BatchNorm1d norm(d);
  norm->to(type);
  return std::make_unique<Operation>(
      std::vector<Operation::Leaf>{
          {"gradient", x}, {"gain gradient", norm->weight}, {"shift gradient", norm->bias}},
      gy, [=]() mutable { return norm(x); });
}

std::unique_ptr<Workload> chain(const Parameters& p) {
  const auto size = count(p, "size", 1);
  const auto type = type_of(p);
  const Tensor a = torch::ones({size}, type), b = torch::zeros({size}, type),
               start = torch::full({size}, 0.5, type);
  return std::make_unique<Operation>(
      std::vector<Operation::Leaf>{{"gradient of a", a}, {"gradient of b", b}}, Tensor(),
      [=, n = p.size("n", 1000)] {
        Tensor y = start;
        for (std::size_t i = 0; i < n; ++i) y = torch::tanh(a * y + b);
        return y.sum();
      },
      "loss");
}

std::unique_ptr<Workload> deep(const Parameters& p) {
  const auto type = type_of(p);
  const Tensor a = torch::ones({1}, type), start = torch::full({1}, 0.5, type);
  return std::make_unique<Operation>(
      std::vector<Operation::Leaf>{{"gradient of a", a}}, Tensor(),
      [=, n = p.size("n", 1000000)] {
        Tensor y = start;
        for (std::size_t i = 0; i < n; ++i) y = torch::tanh(a * y);
        return y;
      },
      "loss");
}

std::unique_ptr<Workload> rosenbrock(const Parameters& p) {
  const auto n = count(p, "n", 10000);
  const Tensor x = random({n}, torch::kDouble, seeds::kInput);
  return std::make_unique<Operation>(
      std::vector<Operation::Leaf>{{"gradient", x}}, Tensor(),
      [=] {
        const Tensor left = x.slice(0, 0, n - 1), right = x.slice(0, 1, n);
        const Tensor u = right - left * left, v = 1 - left;
        return (100 * u * u + v * v).sum();
      },
      "loss");
}

// As it is composed: with the weights of all pairs.
std::unique_ptr<Workload> attention_of(const Parameters& p) {
  const HeadSizes h = head_sizes(p);
  const auto heads = [&, type = type_of(p)](std::uint64_t seed) {
    const auto whole = [](std::size_t n) { return static_cast<std::int64_t>(n); };
    return random({whole(h.batch), whole(h.heads), whole(h.length), whole(h.width)}, type, seed);
  };
  const Tensor q = heads(seeds::kInput), k = heads(seeds::kParameters),
               v = heads(seeds::kParameters + 1), gy = heads(seeds::kGradient);
  const double scale = std::sqrt(static_cast<double>(h.width));
  return std::make_unique<Operation>(
      std::vector<Operation::Leaf>{
          {"query gradient", q}, {"key gradient", k}, {"value gradient", v}},
      gy, [=] {
        return torch::matmul(torch::softmax(torch::matmul(q, k.transpose(-2, -1)) / scale, -1), v);
      });
}

std::unique_ptr<Workload> block_convolution_of(const Parameters& p) {
  const BlockConvolution c = block_convolution(p.text("op", "depthwise"));
  const auto whole = [](std::size_t n) { return static_cast<std::int64_t>(n); };
  const auto type = type_of(p);
  const std::int64_t size = whole(c.size), kernel = whole(c.kernel), result = whole(c.result());
  const Tensor x = random({whole(c.n), whole(c.in), size, size}, type, seeds::kInput),
               w = random({whole(c.out), whole(c.in / c.groups), kernel, kernel}, type,
                          seeds::kParameters),
               b = random({whole(c.out)}, type, seeds::kParameters + 1),
               gy = random({whole(c.n), whole(c.out), result, result}, type, seeds::kGradient);
  return std::make_unique<Operation>(
      std::vector<Operation::Leaf>{{"gradient", x}, {"weight gradient", w}, {"bias gradient", b}},
      gy, [=] {
        return torch::conv2d(x, w, b, whole(c.stride), whole(c.padding()), 1, whole(c.groups));
      });
}

struct Empty : Workload {
  void step() override {}
  Results results() override { return {}; }
};

}  // namespace

std::unique_ptr<Workload> make_operation(const std::string& name, const Parameters& p) {
  if (name.starts_with("gelu") || name.starts_with("swish")) return gated(name, p);
  if (name == "badd" || name == "bmul" || name == "outer") return broadcast(name, p);
  if (name == "sum" || name == "mean") return sum(name, p);
  if (name == "log_softmax" || name == "layer_norm" || name == "batch_norm")
    return normalization(name, p);
  if (name == "chain") return chain(p);
  if (name == "deep") return deep(p);
  if (name == "rosenbrock") return rosenbrock(p);
  if (name == "attention") return attention_of(p);
  if (name == "mobilenet") return block_convolution_of(p);
  if (name == "empty") return std::make_unique<Empty>();
  return nullptr;
}

}  // namespace benchmark_contenders
