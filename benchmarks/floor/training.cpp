// Training steps: multilayer perceptron, with and without batch normalisation and dropout, residual
// perceptron, an epoch.

#include <numeric>

#include "layers.hpp"
#include "workloads.hpp"

namespace benchmark_contenders {
namespace {

/// 784-512-256-10 with max(., 0), or BatchNorm-max(., 0)-Dropout, after both hidden layers.
template <class T, bool Normalized>
class Perceptron {
 public:
  Perceptron(std::size_t batch, Update rule, bool dropout) : n_(batch), rule_(rule) {
    for (std::size_t i = 0; i < kLayers; ++i) {
      linear_.emplace_back(kPerceptron[i], kPerceptron[i + 1], seeds::kParameters + 10 * i);
      before_[i].resize(n_ * kPerceptron[i + 1]);
      after_[i] = g_[i] = before_[i];
      if (!Normalized || i == kLayers - 1) continue;
      norm_.emplace_back(kPerceptron[i + 1]);
      dropout_.emplace_back(before_[i].size(), static_cast<std::uint32_t>(i), dropout);
    }
  }

  void step(const T* x, const std::int64_t* label) {
    forward(x, label);
    backward(x);
    each([&](Parameter<T>& p) { p.update(rule_); });
  }
  void reset() {
    each([](Parameter<T>& p) { p.reset(); });
    for (Dropout& d : dropout_) d.reset();
  }
  T loss() const { return loss_; }
  Results results() {
    const auto& w = linear_[0].weight.grad;
    return {result("loss", &loss_, 1), result("weight gradient", w.data(), w.size()),
            result("bias gradient", linear_[2].bias.grad.data(), linear_[2].out)};
  }

 private:
  static constexpr std::size_t kLayers = 3;

  template <class F>
  void each(const F& f) {
    for (auto& l : linear_) l.each(f);
    for (auto& b : norm_) b.each(f);
  }

  void forward(const T* x, const std::int64_t* label) {
    const T* input = x;
    for (std::size_t i = 0; i < kLayers; ++i) {
      T *const y = before_[i].data(), *const a = Normalized ? after_[i].data() : y;
      linear_[i].forward(input, y, n_);
      if (i == kLayers - 1) break;
      const std::size_t n = before_[i].size();
      if constexpr (Normalized) {
        norm_[i].forward(y, a, n_);
        dropout_[i].forward(a, n);
      } else {
        for (std::size_t k = 0; k < n; ++k) y[k] = y[k] > 0 ? y[k] : 0;
      }
      input = a;
    }
    g_[2] = before_[2];
    loss_ = cross_entropy(g_[2].data(), label, n_, kClasses);
  }

  void backward(const T* x) {
    for (std::size_t i = kLayers; i-- > 1;) {
      const T* const input = Normalized ? after_[i - 1].data() : before_[i - 1].data();
      T* const g = g_[i - 1].data();
      linear_[i].backward(input, g_[i].data(), g, n_);
      if constexpr (Normalized) {
        dropout_[i - 1].backward(g, g_[i - 1].size());
        norm_[i - 1].backward(before_[i - 1].data(), g, g, n_);
      } else {
        mask(input, g, g_[i - 1].size());
      }
    }
    linear_[0].backward(x, g_[0].data(), nullptr, n_);
  }

  std::size_t n_;
  Update rule_;
  std::vector<Linear<T>> linear_;
  std::vector<BatchNorm<T, true>> norm_;
  std::vector<Dropout> dropout_;
  std::vector<T> before_[kLayers], after_[kLayers], g_[kLayers];
  T loss_ = 0;
};

template <class T, bool Normalized>
class FixedBatch : public Workload {
 public:
  explicit FixedBatch(const Parameters& p)
      : n_(p.size("batch", 128)),
        net_(n_, update_of(p), p.text("dropout", "on") == "on"),
        x_(numbers<T>(n_ * kPerceptron[0], seeds::kInput)),
        label_(labels(n_, kClasses)) {}
  void reset() override { net_.reset(); }
  void step() override { net_.step(x_.data(), label_.data()); }
  Results results() override { return net_.results(); }

 private:
  std::size_t n_;
  Perceptron<T, Normalized> net_;
  std::vector<T> x_;
  std::vector<std::int64_t> label_;
};

/// All samples once, in a random order, gathered into batches.
template <class T>
class Epoch : public Workload {
 public:
  explicit Epoch(const Parameters& p)
      : n_(p.size("batch", 128)),
        net_(n_, update_of(p), false),
        samples_(p.size("samples", 60000)),
        x_(numbers<T>(samples_ * kPerceptron[0], seeds::kInput)),
        label_(labels(samples_, kClasses)),
        batch_x_(n_ * kPerceptron[0]),
        batch_label_(n_),
        order_(samples_) {}
  void reset() override { net_.reset(); }
  void step() override {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    for (std::size_t i = samples_; i-- > 1;) {
      std::swap(order_[i], order_[random_bits(seeds::kOther, draws_++) % (i + 1)]);
    }
    loss_ = 0;
    for (std::size_t i = 0; i + n_ <= samples_; i += n_) {
      for (std::size_t k = 0; k < n_; ++k) {
        std::copy_n(&x_[order_[i + k] * kPerceptron[0]], kPerceptron[0],
                    &batch_x_[k * kPerceptron[0]]);
        batch_label_[k] = label_[order_[i + k]];
      }
      net_.step(batch_x_.data(), batch_label_.data());
      loss_ += net_.loss();
    }
    loss_ /= static_cast<T>(samples_ / n_);
  }
  // The order is each contender's own.
  Results results() override { return {result("loss", &loss_, 1)}; }

 private:
  std::size_t n_;
  Perceptron<T, false> net_;
  std::size_t samples_;
  std::vector<T> x_;
  std::vector<std::int64_t> label_;
  std::vector<T> batch_x_;
  std::vector<std::int64_t> batch_label_;
  std::vector<std::size_t> order_;
  std::uint64_t draws_ = 0;
  T loss_ = 0;
};

/// x <- x + Linear(max(BatchNorm(Linear(x)), 0)), `blocks` times, and a head.
template <class T>
class Residual : public Workload {
 public:
  explicit Residual(const Parameters& p)
      : n_(p.size("batch", 128)),
        width_(p.size("width", 256)),
        rule_(update_of(p)),
        head_(width_, kClasses, seeds::kParameters + 1000),
        x_(p.size("blocks", 20) + 1, numbers<T>(n_ * width_, seeds::kInput)),
        logits_(n_ * kClasses),
        label_(labels(n_, kClasses)),
        g_(n_ * width_),
        inner_g_(n_ * width_) {
    for (std::size_t i = 0; i + 1 < x_.size(); ++i) {
      blocks_.push_back({Linear<T>(width_, width_, seeds::kParameters + 10 * i),
                         BatchNorm<T, true>(width_),
                         Linear<T>(width_, width_, seeds::kParameters + 10 * i + 5), g_, g_});
    }
  }
  void reset() override {
    each([](Parameter<T>& p) { p.reset(); });
  }
  void step() override {
    forward();
    backward();
    each([&](Parameter<T>& p) { p.update(rule_); });
  }
  Results results() override {
    const auto& w = blocks_[0].first.weight.grad;
    return {result("loss", &loss_, 1), result("weight gradient", w.data(), w.size()),
            result("gain gradient", blocks_[0].norm.gain.grad.data(), width_)};
  }

 private:
  struct Block {
    Linear<T> first;
    BatchNorm<T, true> norm;
    Linear<T> second;
    std::vector<T> before, after;  // the normalisation
  };

  template <class F>
  void each(const F& f) {
    for (Block& b : blocks_) {
      b.first.each(f);
      b.norm.each(f);
      b.second.each(f);
    }
    head_.each(f);
  }

  void forward() {
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      Block& b = blocks_[i];
      b.first.forward(x_[i].data(), b.before.data(), n_);
      b.norm.forward(b.before.data(), b.after.data(), n_);
      // The sum x + bias is the product's destination.
      const T *const x = x_[i].data(), *const bias = b.second.bias.value.data();
      T* const y = x_[i + 1].data();
      for (std::size_t r = 0; r < n_; ++r) {
        for (std::size_t j = 0; j < width_; ++j) y[r * width_ + j] = x[r * width_ + j] + bias[j];
      }
      gemm<T>(false, true, n_, width_, width_, b.after.data(), b.second.weight.value.data(), y, 1);
    }
    head_.forward(x_.back().data(), logits_.data(), n_);
    loss_ = cross_entropy(logits_.data(), label_.data(), n_, kClasses);
  }

  void backward() {
    T *const g = g_.data(), *const h = inner_g_.data();
    head_.backward(x_.back().data(), logits_.data(), g, n_);
    for (std::size_t i = blocks_.size(); i-- > 0;) {
      Block& b = blocks_[i];
      b.second.backward(b.after.data(), g, h, n_);
      mask(b.after.data(), h, n_ * width_);
      b.norm.backward(b.before.data(), h, h, n_);
      b.first.backward(x_[i].data(), h, nullptr, n_);
      if (i == 0) break;
      gemm<T>(false, false, n_, width_, width_, h, b.first.weight.value.data(), g, 1);
    }
  }

  std::size_t n_, width_;
  Update rule_;
  std::vector<Block> blocks_;
  Linear<T> head_;
  std::vector<std::vector<T>> x_;
  std::vector<T> logits_;
  std::vector<std::int64_t> label_;
  std::vector<T> g_, inner_g_;
  T loss_ = 0;
};

/// The multiplications of a small convolutional network, image by image, on operands that are there:
/// 1 -> 32 and 32 -> 64 channels, 3 x 3, 28 x 28 and 14 x 14 places, and two dense layers. No results.
template <class T>
class ConvolutionProducts : public Workload {
 public:
  explicit ConvolutionProducts(const Parameters& p) : n_(p.size("batch", 64)) {}
  void step() override {
    for (std::size_t i = 0; i < n_; ++i) {
      product(false, false, 32, 784, 9);
      product(false, true, 32, 9, 784);
      product(false, false, 64, 196, 288);
      product(false, true, 64, 288, 196);
      product(true, false, 288, 196, 64);
    }
    for (const auto& [in, out] :
         {std::pair<std::size_t, std::size_t>{3136, 128}, {128, kClasses}}) {
      product(false, true, n_, out, in);
      product(true, false, out, in, n_);
      product(false, false, n_, in, out);
    }
  }
  Results results() override { return {}; }

 private:
  void product(bool ta, bool tb, std::size_t m, std::size_t n, std::size_t k) {
    gemm<T>(ta, tb, m, n, k, a_.data(), b_.data(), c_.data());
  }

  std::size_t n_;
  std::vector<T> a_ = numbers<T>(std::size_t{1} << 19, 1), b_ = numbers<T>(std::size_t{1} << 19, 2),
                 c_ = numbers<T>(std::size_t{1} << 19, 3);
};

}  // namespace

template <class T>
std::unique_ptr<Workload> make_training(const std::string& name, const Parameters& p) {
  if (name == "mlp") return std::make_unique<FixedBatch<T, false>>(p);
  if (name == "mlp_bn") return std::make_unique<FixedBatch<T, true>>(p);
  if (name == "cnn") return std::make_unique<ConvolutionProducts<T>>(p);
  if (name == "epoch") return std::make_unique<Epoch<T>>(p);
  if (name == "resmlp") return std::make_unique<Residual<T>>(p);
  return nullptr;
}

template std::unique_ptr<Workload> make_training<float>(const std::string&, const Parameters&);
template std::unique_ptr<Workload> make_training<double>(const std::string&, const Parameters&);

}  // namespace benchmark_contenders
