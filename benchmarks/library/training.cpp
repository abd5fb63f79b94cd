// Training steps, as a user of xgrad writes them.

#include "common.hpp"
#include "xgrad/data/loader.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/convolution.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/modules/pooling.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/modules/shapes.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/optimizers/sgd.hpp"

namespace benchmark_contenders {
namespace {

using xgrad::BatchNorm;
using xgrad::Linear;
using xgrad::Module;

template <class T>
std::unique_ptr<xgrad::Optimizer<T>> make_optimizer(const Parameters& p,
                                                    const xgrad::NamedTensors<T>& parameters) {
  if (p.text("opt", "sgdm") == "adam") {
    return std::make_unique<xgrad::Adam<T>>(parameters, xgrad::AdamOptions{.learning_rate = 1e-3});
  }
  return std::make_unique<xgrad::Sgd<T>>(parameters,
                                         xgrad::SgdOptions{.learning_rate = 0.01, .momentum = 0.9});
}

/// A linear layer with the numbers of every contender.
template <class T>
Linear<T> linear(std::size_t in, std::size_t out, std::uint64_t seed) {
  Linear<T> l(in, out);
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  fill(l.weight.mutable_data(), in * out, seed, bound);
  fill(l.bias.mutable_data(), out, seed + 1, bound);
  return l;
}

/// 784-512-256-10 with relu, or BatchNorm-relu-Dropout, after both hidden layers.
template <class T>
struct Perceptron : xgrad::Sequential<T> {
  Perceptron(bool normalized, double dropout) {
    for (std::size_t i = 0; i < 3; ++i) {
      this->append(linear<T>(kPerceptron[i], kPerceptron[i + 1], seeds::kParameters + 10 * i),
                   "linear" + std::to_string(i));
      if (i == 2) break;
      if (normalized) this->append(BatchNorm<T>(kPerceptron[i + 1]));
      this->append(xgrad::Relu<T>());
      if (normalized && dropout > 0) this->append(xgrad::Dropout<T>(dropout));
    }
  }
  Results gradients() const {
    return {result("weight gradient", this->at("linear0.weight").gradient()),
            result("bias gradient", this->at("linear2.bias").gradient())};
  }
};

template <class T>
struct Block : Module<T> {
  Linear<T>& first;
  BatchNorm<T>& norm;
  Linear<T>& second;

  Block(std::size_t width, std::uint64_t seed)
      : first(this->template add<Linear<T>>("first", linear<T>(width, width, seed))),
        norm(this->template add<BatchNorm<T>>("norm", width)),
        second(this->template add<Linear<T>>("second", linear<T>(width, width, seed + 5))) {}
  Tensor<T> forward(const Tensor<T>& x) override { return x + second(relu(norm(first(x)))); }
};

template <class T>
struct ResidualNet : xgrad::Sequential<T> {
  ResidualNet(std::size_t blocks, std::size_t width) {
    for (std::size_t i = 0; i < blocks; ++i) {
      this->template emplace<Block<T>>(width, seeds::kParameters + 10 * i);
    }
    this->append(linear<T>(width, kClasses, seeds::kParameters + 1000), "head");
  }
  Results gradients() const {
    return {result("weight gradient", this->at("0.first.weight").gradient()),
            result("gain gradient", this->at("0.norm.weight").gradient())};
  }
};

/// 1 x 28 x 28, two convolutions 3 x 3 with relu and pooling, and two dense layers.
template <class T>
struct ConvNet : xgrad::Sequential<T> {
  ConvNet() {
    this->append(xgrad::Reshape<T>({1, 28, 28}));
    std::uint64_t seed = seeds::kParameters;
    for (const auto& [in, out] : {std::pair{1, 32}, std::pair{32, 64}}) {
      xgrad::Conv2d<T> conv(static_cast<std::size_t>(in), static_cast<std::size_t>(out), 3,
                            {.padding = 1});
      const double bound = 1 / std::sqrt(9.0 * in);
      fill(conv.weight.mutable_data(), conv.weight.size(), seed, bound);
      fill(conv.bias.mutable_data(), conv.bias.size(), seed + 1, bound);
      this->append(std::move(conv)).append(xgrad::Relu<T>()).append(xgrad::MaxPool2d<T>(2));
      seed += 10;
    }
    this->append(xgrad::Flatten<T>()).append(linear<T>(3136, 128, seed), "dense");
    this->append(xgrad::Relu<T>()).append(linear<T>(128, kClasses, seed + 10), "head");
  }
  Results gradients() const {
    return {result("kernel gradient", this->at("1.weight").gradient()),
            result("second kernel gradient", this->at("4.weight").gradient()),
            result("bias gradient", this->at("1.bias").gradient())};
  }
};

/// Zero the gradients, forward, backward, update.
template <class T, class Net>
class Training {
 public:
  Training(std::unique_ptr<Net> net, const Parameters& p) : net_(std::move(net)), p_(p) {
    for (const auto& [name, tensor] : net_->parameters()) initial_.push_back(tensor.clone());
    reset();
  }
  void reset() {
    const auto parameters = net_->parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      Tensor<T> t = parameters[i].tensor;
      t.set_value(initial_[i].value());
    }
    optimizer_ = make_optimizer(p_, parameters);
    xgrad::manual_seed(1);
    if (compiled_) compile();
  }
  void compile() {
    compiled_.emplace(xgrad::compile(
        Step([this](const Tensor<T>& x, const xgrad::Indices& y) { return one_step(x, y); })));
  }
  void step(const Tensor<T>& x, const xgrad::Indices& y) {
    loss_ = compiled_ ? (*compiled_)(x, y) : one_step(x, y);
  }
  T loss() const { return loss_.item(); }
  Results results() const {
    Results r = used_up_ ? Results{} : net_->gradients();
    r.push_back(result("loss", loss_));
    return r;
  }

 private:
  using Step = std::function<Tensor<T>(const Tensor<T>&, const xgrad::Indices&)>;

  Tensor<T> one_step(const Tensor<T>& x, const xgrad::Indices& y) {
    if (used_up_) {
      const Tensor<T> loss = cross_entropy((*net_)(x), y);
      optimizer_->minimize(loss);
      return loss;
    }
    optimizer_->zero_grad();
    const Tensor<T> loss = cross_entropy((*net_)(x), y);
    loss.backward();
    optimizer_->step();
    return loss;
  }

  std::unique_ptr<Net> net_;
  Parameters p_;
  bool used_up_ = p_.text("gradients", "kept") == "used";
  std::vector<Tensor<T>> initial_;
  std::unique_ptr<xgrad::Optimizer<T>> optimizer_;
  std::optional<xgrad::Compiled<Step>> compiled_;
  Tensor<T> loss_;
};

template <class T>
std::unique_ptr<Perceptron<T>> perceptron(const Parameters& p, bool normalized) {
  return std::make_unique<Perceptron<T>>(normalized, p.text("dropout", "on") == "on" ? 0.5 : 0);
}

template <class T, class Net>
class FixedBatch : public Workload {
 public:
  FixedBatch(const Parameters& p, std::unique_ptr<Net> net, std::size_t width)
      : training_(std::move(net), p),
        x_(random<T>({p.size("batch", 128), width}, seeds::kInput)),
        y_(label_array(p.size("batch", 128))) {}
  void reset() override { training_.reset(); }
  void compile() override { training_.compile(); }
  void step() override { training_.step(x_, y_); }
  Results results() override { return training_.results(); }

 private:
  Training<T, Net> training_;
  Tensor<T> x_;
  xgrad::Indices y_;
};

template <class T>
class Epoch : public Workload {
 public:
  explicit Epoch(const Parameters& p)
      : training_(perceptron<T>(p, false), p),
        data_(random<T>({p.size("samples", 60000), kPerceptron[0]}, seeds::kInput).value(),
              label_array(p.size("samples", 60000))),
        loader_(data_, {.batch_size = p.size("batch", 128), .shuffle = true, .drop_last = true}) {}
  void reset() override { training_.reset(); }
  void step() override {
    double loss = 0;
    for (const auto& [x, y] : loader_) {
      training_.step(x, y);
      loss += static_cast<double>(training_.loss());
    }
    loss_ = loss / static_cast<double>(loader_.size());
  }
  Results results() override { return {result("loss", &loss_, 1)}; }

 private:
  Training<T, Perceptron<T>> training_;
  xgrad::LabeledDataset<T> data_;
  xgrad::DataLoader<xgrad::LabeledDataset<T>> loader_;
  double loss_ = 0;
};

}  // namespace

template <class T>
std::unique_ptr<Workload> make_training(const std::string& name, const Parameters& p) {
  if (name == "mlp" || name == "mlp_bn") {
    return std::make_unique<FixedBatch<T, Perceptron<T>>>(p, perceptron<T>(p, name == "mlp_bn"),
                                                          kPerceptron[0]);
  }
  if (name == "resmlp") {
    const std::size_t width = p.size("width", 256);
    return std::make_unique<FixedBatch<T, ResidualNet<T>>>(
        p, std::make_unique<ResidualNet<T>>(p.size("blocks", 20), width), width);
  }
  if (name == "cnn") {
    return std::make_unique<FixedBatch<T, ConvNet<T>>>(p, std::make_unique<ConvNet<T>>(), 784);
  }
  if (name == "epoch") return std::make_unique<Epoch<T>>(p);
  return nullptr;
}

template std::unique_ptr<Workload> make_training<float>(const std::string&, const Parameters&);
template std::unique_ptr<Workload> make_training<double>(const std::string&, const Parameters&);

}  // namespace benchmark_contenders
