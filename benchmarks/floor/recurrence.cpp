// A long short-term memory (Hochreiter, Schmidhuber 1997; forget gate: Gers et al. 2000), trained
// by one step of gradient descent through all time steps.

#include <cmath>

#include "layers.hpp"
#include "workloads.hpp"

namespace benchmark_contenders {
namespace {

/// z = x_t Wx + h Wh + b;  i, f, g, o = parts of z;  c = sigmoid(f) c + sigmoid(i) tanh(g);
/// h = sigmoid(o) tanh(c);  loss = mean(h_T^2).
/// The products with x of all steps are one GEMM, and so are those of the weight gradients.
template <class T>
class Lstm : public Workload {
 public:
  explicit Lstm(const Parameters& p)
      : d_(p.size("hidden", 128)),
        n_(p.size("batch", 32)),
        steps_(p.size("steps", 100)),
        rule_(update_of(p)),
        wx_(d_ * 4 * d_, seeds::kParameters, 0.08),
        wh_(d_ * 4 * d_, seeds::kParameters + 1, 0.08),
        b_(4 * d_, seeds::kParameters + 2, 0.08),
        z_(steps_ * 4 * n_ * d_),
        gz_(z_.size()),
        h_((steps_ + 1) * n_ * d_),
        c_(h_.size()),
        tanh_c_(steps_ * n_ * d_),
        gh_(n_ * d_),
        gc_(n_ * d_) {
    for (std::size_t t = 0; t < steps_; ++t) {
      const auto x = numbers<T>(n_ * d_, 1000 + t);
      x_.insert(x_.end(), x.begin(), x.end());
    }
  }
  void reset() override {
    wx_.reset();
    wh_.reset();
    b_.reset();
  }
  void step() override {
    forward();
    backward();
    wx_.update(rule_);
    wh_.update(rule_);
    b_.update(rule_);
  }
  Results results() override {
    return {result("loss", &loss_, 1),
            result("input weight gradient", wx_.grad.data(), wx_.grad.size()),
            result("recurrent weight gradient", wh_.grad.data(), wh_.grad.size()),
            result("bias gradient", b_.grad.data(), b_.grad.size())};
  }

 private:
  static T sigmoid(T v) { return 1 / (1 + std::exp(-v)); }
  static T tangent(T v) { return 2 / (1 + std::exp(-2 * v)) - 1; }

  void forward() {
    const std::size_t d = d_, size = n_ * d;
    gemm<T>(false, false, steps_ * n_, 4 * d, d, x_.data(), wx_.value.data(), z_.data());
    const T* __restrict b = b_.value.data();
    for (std::size_t t = 0; t < steps_; ++t) {
      T* __restrict z = &z_[t * 4 * size], * __restrict u = &tanh_c_[t * size];
      const T* __restrict c = &c_[t * size];
      T* __restrict h1 = &h_[(t + 1) * size], * __restrict c1 = &c_[(t + 1) * size];
      gemm<T>(false, false, n_, 4 * d, d, &h_[t * size], wh_.value.data(), z, 1);
      for (std::size_t r = 0; r < n_; ++r) {
        T* __restrict q = z + r * 4 * d;
        for (std::size_t j = 0; j < 2 * d; ++j) q[j] = sigmoid(q[j] + b[j]);
        for (std::size_t j = 2 * d; j < 3 * d; ++j) q[j] = tangent(q[j] + b[j]);
        for (std::size_t j = 3 * d; j < 4 * d; ++j) q[j] = sigmoid(q[j] + b[j]);
        for (std::size_t j = 0; j < d; ++j) {
          const std::size_t k = r * d + j;
          c1[k] = q[d + j] * c[k] + q[j] * q[2 * d + j];
          u[k] = tangent(c1[k]);
          h1[k] = q[3 * d + j] * u[k];
        }
      }
    }
    const T* const h = &h_[steps_ * size];
    T sum = 0;
    for (std::size_t k = 0; k < size; ++k) sum += h[k] * h[k];
    loss_ = sum / static_cast<T>(size);
    for (std::size_t k = 0; k < size; ++k) gh_[k] = 2 / static_cast<T>(size) * h[k];
    std::fill(gc_.begin(), gc_.end(), T(0));
  }

  void backward() {
    const std::size_t d = d_, size = n_ * d;
    T* __restrict gh = gh_.data(), * __restrict gc = gc_.data();
    for (std::size_t t = steps_; t-- > 0;) {
      const T* __restrict c = &c_[t * size], * __restrict u = &tanh_c_[t * size];
      for (std::size_t r = 0; r < n_; ++r) {
        const T* __restrict q = &z_[t * 4 * size + r * 4 * d];
        T* __restrict g = &gz_[t * 4 * size + r * 4 * d];
        for (std::size_t j = 0; j < d; ++j) {
          const std::size_t k = r * d + j;
          const T i = q[j], f = q[d + j], a = q[2 * d + j], o = q[3 * d + j];
          const T s = gc[k] + gh[k] * o * (1 - u[k] * u[k]);
          g[j] = s * a * i * (1 - i);
          g[d + j] = s * c[k] * f * (1 - f);
          g[2 * d + j] = s * i * (1 - a * a);
          g[3 * d + j] = gh[k] * u[k] * o * (1 - o);
          gc[k] = s * f;
        }
      }
      if (t > 0) gemm<T>(false, true, n_, d, 4 * d, &gz_[t * 4 * size], wh_.value.data(), gh);
    }
    gemm<T>(true, false, d, 4 * d, steps_ * n_, x_.data(), gz_.data(), wx_.grad.data());
    gemm<T>(true, false, d, 4 * d, steps_ * n_, h_.data(), gz_.data(), wh_.grad.data());
    sum_rows(gz_.data(), b_.grad.data(), steps_ * n_, 4 * d);
  }

  std::size_t d_, n_, steps_;
  Update rule_;
  Parameter<T> wx_, wh_, b_;
  std::vector<T> x_, z_, gz_, h_, c_, tanh_c_, gh_, gc_;
  T loss_ = 0;
};

}  // namespace

template <class T>
std::unique_ptr<Workload> make_recurrence(const std::string& name, const Parameters& p) {
  if (name.starts_with("lstm") && name != "lstm_module") return std::make_unique<Lstm<T>>(p);
  return nullptr;
}

template std::unique_ptr<Workload> make_recurrence<float>(const std::string&, const Parameters&);
template std::unique_ptr<Workload> make_recurrence<double>(const std::string&, const Parameters&);

}  // namespace benchmark_contenders
