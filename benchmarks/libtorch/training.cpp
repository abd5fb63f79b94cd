// Training steps, as libtorch's documentation writes them.

#include "common.hpp"

namespace benchmark_contenders {
namespace {

namespace nn = torch::nn;
using torch::Tensor;

std::int64_t count(std::size_t n) { return static_cast<std::int64_t>(n); }

std::unique_ptr<torch::optim::Optimizer> make_optimizer(const Parameters& p,
                                                        const std::vector<Tensor>& parameters) {
  if (p.text("opt", "sgdm") == "adam") {
    return std::make_unique<torch::optim::Adam>(parameters, torch::optim::AdamOptions(1e-3));
  }
  return std::make_unique<torch::optim::SGD>(parameters,
                                             torch::optim::SGDOptions(0.01).momentum(0.9));
}

/// A linear layer with the numbers of every contender.
nn::Linear linear(std::size_t in, std::size_t out, std::uint64_t seed, torch::ScalarType type) {
  nn::Linear l(nn::LinearOptions(count(in), count(out)));
  l->to(type);
  const torch::NoGradGuard guard;
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  fill(l->weight, seed, bound);
  fill(l->bias, seed + 1, bound);
  return l;
}

/// 784-512-256-10 with ReLU, or BatchNorm-ReLU-Dropout, after both hidden layers.
struct PerceptronImpl : nn::Module {
  nn::Sequential layers;

  PerceptronImpl(bool normalized, double dropout, torch::ScalarType type) {
    for (std::size_t i = 0; i < 3; ++i) {
      layers->push_back(
          linear(kPerceptron[i], kPerceptron[i + 1], seeds::kParameters + 10 * i, type));
      if (i == 2) break;
      if (normalized) layers->push_back(nn::BatchNorm1d(count(kPerceptron[i + 1])));
      layers->push_back(nn::ReLU());
      if (normalized && dropout > 0) layers->push_back(nn::Dropout(dropout));
    }
    register_module("layers", layers);
    to(type);
  }
  Tensor forward(Tensor x) { return layers->forward(x); }
  Results gradients() {
    return {result("weight gradient", parameters()[0].grad()),
            result("bias gradient", parameters().back().grad())};
  }
};
TORCH_MODULE(Perceptron);

struct BlockImpl : nn::Module {
  nn::Linear first, second;
  nn::BatchNorm1d norm;

  BlockImpl(std::size_t width, std::uint64_t seed, torch::ScalarType type)
      : first(register_module("first", linear(width, width, seed, type))),
        second(register_module("second", linear(width, width, seed + 5, type))),
        norm(register_module("norm", nn::BatchNorm1d(count(width)))) {
    to(type);
  }
  Tensor forward(Tensor x) { return x + second(torch::relu(norm(first(x)))); }
};
TORCH_MODULE(Block);

struct ResidualNetImpl : nn::Module {
  std::vector<Block> blocks;
  nn::Linear head{nullptr};

  ResidualNetImpl(std::size_t n, std::size_t width, torch::ScalarType type) {
    for (std::size_t i = 0; i < n; ++i) {
      blocks.push_back(register_module("block" + std::to_string(i),
                                       Block(width, seeds::kParameters + 10 * i, type)));
    }
    head = register_module("head", linear(width, kClasses, seeds::kParameters + 1000, type));
  }
  Tensor forward(Tensor x) {
    for (Block& b : blocks) x = b(x);
    return head(x);
  }
  Results gradients() {
    return {result("weight gradient", blocks[0]->first->weight.grad()),
            result("gain gradient", blocks[0]->norm->weight.grad())};
  }
};
TORCH_MODULE(ResidualNet);

/// 1 x 28 x 28, two convolutions 3 x 3 with ReLU and pooling, and two dense layers.
struct ConvNetImpl : nn::Module {
  nn::Conv2d first, second;
  nn::Linear dense, head;

  explicit ConvNetImpl(torch::ScalarType type)
      : first(register_module("first", convolution(1, 32, seeds::kParameters, type))),
        second(register_module("second", convolution(32, 64, seeds::kParameters + 10, type))),
        dense(register_module("dense", linear(3136, 128, seeds::kParameters + 20, type))),
        head(register_module("head", linear(128, kClasses, seeds::kParameters + 30, type))) {}
  Tensor forward(Tensor x) {
    x = torch::max_pool2d(torch::relu(first(x.reshape({-1, 1, 28, 28}))), 2);
    x = torch::max_pool2d(torch::relu(second(x)), 2);
    return head(torch::relu(dense(x.flatten(1))));
  }
  Results gradients() {
    return {result("kernel gradient", first->weight.grad()),
            result("second kernel gradient", second->weight.grad()),
            result("bias gradient", first->bias.grad())};
  }

 private:
  static nn::Conv2d convolution(std::int64_t in, std::int64_t out, std::uint64_t seed,
                                torch::ScalarType type) {
    nn::Conv2d conv(nn::Conv2dOptions(in, out, 3).padding(1));
    conv->to(type);
    const torch::NoGradGuard guard;
    const double bound = 1 / std::sqrt(9.0 * static_cast<double>(in));
    fill(conv->weight, seed, bound);
    fill(conv->bias, seed + 1, bound);
    return conv;
  }
};
TORCH_MODULE(ConvNet);

/// Zero the gradients, forward, backward, update.
template <class Net>
class Training {
 public:
  Training(Net net, const Parameters& p) : net_(std::move(net)), p_(p) {
    for (const Tensor& t : net_->parameters()) initial_.push_back(t.detach().clone());
    reset();
  }
  void reset() {
    const torch::NoGradGuard guard;
    const auto parameters = net_->parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      Tensor t = parameters[i];
      t.copy_(initial_[i]);
    }
    optimizer_ = make_optimizer(p_, parameters);
  }
  void step(const Tensor& x, const Tensor& y) {
    optimizer_->zero_grad();
    loss_ = nn::functional::cross_entropy(net_->forward(x), y);
    loss_.backward();
    optimizer_->step();
  }
  double loss() const { return loss_.item<double>(); }
  Results results() {
    Results r = net_->gradients();
    r.push_back(result("loss", loss_));
    return r;
  }

 private:
  Net net_;
  Parameters p_;
  std::vector<Tensor> initial_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  Tensor loss_;
};

Perceptron perceptron(const Parameters& p, bool normalized) {
  const double dropout = p.text("dropout", "on") == "on" ? 0.5 : 0;
  return Perceptron(normalized, dropout, type_of(p));
}

template <class Net>
class FixedBatch : public Workload {
 public:
  FixedBatch(const Parameters& p, Net net, std::size_t width)
      : training_(std::move(net), p),
        x_(random({count(p.size("batch", 128)), count(width)}, type_of(p), seeds::kInput)),
        y_(label_tensor(p.size("batch", 128))) {}
  void reset() override { training_.reset(); }
  void step() override { training_.step(x_, y_); }
  Results results() override { return training_.results(); }

 private:
  Training<Net> training_;
  Tensor x_, y_;
};

class Epoch : public Workload {
 public:
  explicit Epoch(const Parameters& p)
      : training_(perceptron(p, false), p),
        n_(count(p.size("batch", 128))),
        samples_(count(p.size("samples", 60000))),
        x_(random({samples_, count(kPerceptron[0])}, type_of(p), seeds::kInput)),
        y_(label_tensor(p.size("samples", 60000))) {}
  void reset() override { training_.reset(); }
  void step() override {
    const Tensor order = torch::randperm(samples_, torch::kLong);
    loss_ = 0;
    for (std::int64_t i = 0; i + n_ <= samples_; i += n_) {
      const Tensor chosen = order.slice(0, i, i + n_);
      training_.step(x_.index_select(0, chosen), y_.index_select(0, chosen));
      loss_ += training_.loss();
    }
    loss_ /= static_cast<double>(samples_ / n_);
  }
  Results results() override { return {result("loss", &loss_, 1)}; }

 private:
  Training<Perceptron> training_;
  std::int64_t n_, samples_;
  Tensor x_, y_;
  double loss_ = 0;
};

/// From primitive operations, with libtorch's own cell, or with its operation for a sequence.
class Lstm : public Workload {
 public:
  enum class Way { primitives, cell, sequence };

  Lstm(const Parameters& p, Way way)
      : p_(p),
        d_(count(p.size("hidden", 128))),
        n_(count(p.size("batch", 32))),
        cell_(way != Way::primitives),
        sequence_(way == Way::sequence) {
    const auto type = type_of(p);
    initial_ = {random({d_, 4 * d_}, type, seeds::kParameters, 0.08),
                random({d_, 4 * d_}, type, seeds::kParameters + 1, 0.08),
                random({4 * d_}, type, seeds::kParameters + 2, 0.08)};
    if (cell_) {
      for (std::size_t i = 0; i < 2; ++i) initial_[i] = initial_[i].t().contiguous();
    }
    for (std::size_t t = 0; t < p.size("steps", 100); ++t) {
      x_.push_back(random({n_, d_}, type, 1000 + t));
    }
    if (sequence_) x_ = {torch::stack(x_)};
    no_bias_ = torch::zeros({4 * d_}, type);
    reset();
  }
  void reset() override {
    weights_.clear();
    for (const Tensor& t : initial_) weights_.push_back(t.clone().set_requires_grad(true));
    optimizer_ = make_optimizer(p_, weights_);
  }
  void step() override {
    optimizer_->zero_grad();
    Tensor h = torch::zeros({n_, d_}, type_of(p_)), c = torch::zeros({n_, d_}, type_of(p_));
    for (const Tensor& x : x_) {
      if (sequence_) {
        h = std::get<1>(torch::lstm(x, {h.unsqueeze(0), c.unsqueeze(0)},
                                    {weights_[0], weights_[1], weights_[2], no_bias_}, true, 1, 0,
                                    true, false, false));
      } else if (cell_) {
        std::tie(h, c) = torch::lstm_cell(x, {h, c}, weights_[0], weights_[1], weights_[2]);
      } else {
        const Tensor z =
            torch::matmul(x, weights_[0]) + torch::matmul(h, weights_[1]) + weights_[2];
        const auto part = [&](std::int64_t i) { return z.slice(1, i * d_, (i + 1) * d_); };
        c = torch::sigmoid(part(1)) * c + torch::sigmoid(part(0)) * torch::tanh(part(2));
        h = torch::sigmoid(part(3)) * torch::tanh(c);
      }
    }
    loss_ = (h * h).mean();
    loss_.backward();
    optimizer_->step();
  }
  Results results() override {
    const auto gradient = [&](std::size_t i) {
      return cell_ && i < 2 ? weights_[i].grad().t() : weights_[i].grad();
    };
    return {result("loss", loss_), result("input weight gradient", gradient(0)),
            result("recurrent weight gradient", gradient(1)), result("bias gradient", gradient(2))};
  }

 private:
  Parameters p_;
  std::int64_t d_, n_;
  bool cell_, sequence_;
  std::vector<Tensor> initial_, weights_, x_;
  Tensor no_bias_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  Tensor loss_;
};

/// nn::GRU or nn::LSTM, loss mean(h^2) of all outputs; with padding=half a packed sequence.
template <class Net, class Options>
class RecurrentModule : public Workload {
 public:
  explicit RecurrentModule(const Parameters& p)
      : p_(p), steps_(p.size("steps", 100)), n_(p.size("batch", 32)), net_(nullptr) {
    const std::int64_t d = count(p.size("hidden", 128));
    net_ = Net(Options(d, d));
    net_->to(type_of(p));
    x_ = random({count(steps_), count(n_), d}, type_of(p), 1000);
    padded_ = p.text("padding", "none") == "half";
    reset();
  }
  void reset() override {
    std::uint64_t seed = seeds::kParameters;
    for (const Tensor& parameter : net_->parameters()) fill(parameter.data(), seed++, 0.08);
    optimizer_ = make_optimizer(p_, net_->parameters());
  }
  void step() override {
    optimizer_->zero_grad();
    const Tensor h = padded_ ? of_lengths() : std::get<0>(net_->forward(x_));
    loss_ = (h * h).mean();
    loss_.backward();
    optimizer_->step();
  }
  Results results() override {
    Results all = {result("loss", loss_)};
    for (const auto& parameter : net_->named_parameters())
      all.push_back(result(parameter.key() + " gradient", parameter.value().grad()));
    return all;
  }

 private:
  Tensor of_lengths() {
    std::vector<std::int64_t> lengths;
    for (const std::size_t length : lengths_up_to(steps_, n_)) lengths.push_back(count(length));
    const auto packed = nn::utils::rnn::pack_padded_sequence(
        x_, torch::tensor(lengths), /*batch_first=*/false, /*enforce_sorted=*/false);
    const auto y = std::get<0>(net_->forward_with_packed_input(packed));
    return std::get<0>(nn::utils::rnn::pad_packed_sequence(y, false, 0, count(steps_)));
  }

  Parameters p_;
  std::size_t steps_, n_;
  bool padded_ = false;
  Net net_;
  Tensor x_, loss_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
};

}  // namespace

std::unique_ptr<Workload> make_training(const std::string& name, const Parameters& p) {
  torch::manual_seed(0);
  if (name == "mlp")
    return std::make_unique<FixedBatch<Perceptron>>(p, perceptron(p, false), kPerceptron[0]);
  if (name == "mlp_bn")
    return std::make_unique<FixedBatch<Perceptron>>(p, perceptron(p, true), kPerceptron[0]);
  if (name == "resmlp") {
    const std::size_t width = p.size("width", 256);
    return std::make_unique<FixedBatch<ResidualNet>>(
        p, ResidualNet(p.size("blocks", 20), width, type_of(p)), width);
  }
  if (name == "cnn")
    return std::make_unique<FixedBatch<ConvNet>>(p, ConvNet(type_of(p)), kPerceptron[0]);
  if (name == "epoch") return std::make_unique<Epoch>(p);
  if (name == "lstm") return std::make_unique<Lstm>(p, Lstm::Way::primitives);
  if (name == "lstm_cell") return std::make_unique<Lstm>(p, Lstm::Way::cell);
  if (name == "lstm_sequence") return std::make_unique<Lstm>(p, Lstm::Way::sequence);
  if (name == "gru") return std::make_unique<RecurrentModule<nn::GRU, nn::GRUOptions>>(p);
  if (name == "lstm_module") return std::make_unique<RecurrentModule<nn::LSTM, nn::LSTMOptions>>(p);
  return nullptr;
}

}  // namespace benchmark_contenders
