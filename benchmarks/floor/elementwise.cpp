// Elementwise formulas: long arrays, broadcasting, chains of short ones, Rosenbrock's function.

#include <cmath>

#include "workloads.hpp"

namespace benchmark_contenders {
namespace {

/// x, a given output gradient, and what comes out.
template <class T>
struct Arrays {
  std::vector<T> x, gy, y, gx;
  Arrays(std::size_t n, double bound)
      : x(numbers<T>(n, seeds::kInput, bound)), gy(numbers<T>(n, seeds::kGradient)), y(n), gx(n) {}
};

/// x / (1 + exp(-u)), u = x (swish) or 2 sqrt(2/pi) (x + 0.044715 x^3) (GELU in its tanh form).
template <class T, bool Gelu>
class Gated : public Workload {
 public:
  explicit Gated(const Parameters& p) : a_(p.size("n", 1000000), 3) {}
  void step() override {
    const std::size_t n = a_.x.size();
    const T* __restrict x = a_.x.data(), * __restrict gy = a_.gy.data();
    T* __restrict y = a_.y.data(), * __restrict gx = a_.gx.data();
    constexpr T k = T(1.5957691216057308), c = T(0.044715);
    for (std::size_t i = 0; i < n; ++i) {
      const T u = Gelu ? k * (x[i] + c * x[i] * x[i] * x[i]) : x[i];
      y[i] = x[i] / (1 + std::exp(-u));
    }
    for (std::size_t i = 0; i < n; ++i) {
      const T u = Gelu ? k * (x[i] + c * x[i] * x[i] * x[i]) : x[i];
      const T slope = Gelu ? k * (1 + 3 * c * x[i] * x[i]) : 1;
      const T s = 1 / (1 + std::exp(-u));
      gx[i] = gy[i] * (s + x[i] * s * (1 - s) * slope);
    }
  }
  Results results() override {
    return {result("output", a_.y.data(), a_.y.size()),
            result("gradient", a_.gx.data(), a_.gx.size())};
  }

 private:
  Arrays<T> a_;
};

/// {n, d} with {d}: sum or product, with the gradients of both.
template <class T, bool Multiply>
class Broadcast : public Workload {
 public:
  explicit Broadcast(const Parameters& p)
      : n_(p.size("n", 4096)),
        d_(p.size("d", 512)),
        a_(n_ * d_, 1),
        b_(numbers<T>(d_, seeds::kOther)),
        gb_(d_) {}
  void step() override {
    const T* __restrict x = a_.x.data(), * __restrict b = b_.data(), * __restrict gy = a_.gy.data();
    T* __restrict y = a_.y.data(), * __restrict gx = a_.gx.data(), * __restrict gb = gb_.data();
    for (std::size_t i = 0; i < n_ * d_; i += d_) {
      for (std::size_t j = 0; j < d_; ++j) y[i + j] = Multiply ? x[i + j] * b[j] : x[i + j] + b[j];
    }
    std::fill_n(gb, d_, T(0));
    for (std::size_t i = 0; i < n_ * d_; i += d_) {
      for (std::size_t j = 0; j < d_; ++j) {
        gx[i + j] = Multiply ? gy[i + j] * b[j] : gy[i + j];
        gb[j] += Multiply ? gy[i + j] * x[i + j] : gy[i + j];
      }
    }
  }
  Results results() override {
    return {result("output", a_.y.data(), a_.y.size()),
            result("gradient", a_.gx.data(), a_.gx.size()),
            result("broadcast gradient", gb_.data(), d_)};
  }

 private:
  std::size_t n_, d_;
  Arrays<T> a_;
  std::vector<T> b_, gb_;
};

/// {n, 1} times {1, d}.
template <class T>
class Outer : public Workload {
 public:
  explicit Outer(const Parameters& p)
      : n_(p.size("n", 4096)),
        d_(p.size("d", 512)),
        x_(numbers<T>(n_, seeds::kInput)),
        b_(numbers<T>(d_, seeds::kOther)),
        gy_(numbers<T>(n_ * d_, seeds::kGradient)),
        y_(n_ * d_),
        gx_(n_),
        gb_(d_) {}
  void step() override {
    const T* __restrict x = x_.data(), * __restrict b = b_.data(), * __restrict gy = gy_.data();
    T* __restrict y = y_.data(), * __restrict gb = gb_.data();
    for (std::size_t i = 0; i < n_; ++i) {
      for (std::size_t j = 0; j < d_; ++j) y[i * d_ + j] = x[i] * b[j];
    }
    std::fill_n(gb, d_, T(0));
    for (std::size_t i = 0; i < n_; ++i) {
      const T xi = x[i];
      T sum = 0;
      for (std::size_t j = 0; j < d_; ++j) {
        sum += gy[i * d_ + j] * b[j];
        gb[j] += gy[i * d_ + j] * xi;
      }
      gx_[i] = sum;
    }
  }
  Results results() override {
    return {result("output", y_.data(), y_.size()), result("column gradient", gx_.data(), n_),
            result("row gradient", gb_.data(), d_)};
  }

 private:
  std::size_t n_, d_;
  std::vector<T> x_, b_, gy_, y_, gx_, gb_;
};

/// y <- tanh(a y + b), n times; the gradients of a and b of sum(y). Without b in `deep`.
template <class T>
class Chain : public Workload {
 public:
  Chain(const Parameters& p, bool with_b)
      : n_(p.size("n", 1000)),
        with_b_(with_b),
        size_(p.size("size", 1)),
        y_((n_ + 1) * size_),
        ga_(size_),
        gb_(size_),
        g_(size_) {}
  void step() override {
    const T a = 1, b = 0;
    std::fill_n(y_.data(), size_, T(0.5));
    std::fill_n(ga_.data(), size_, T(0));
    std::fill_n(gb_.data(), size_, T(0));
    std::fill_n(g_.data(), size_, T(1));
    for (std::size_t i = 0; i < n_ * size_; ++i) y_[i + size_] = std::tanh(a * y_[i] + b);
    loss_ = 0;
    for (std::size_t j = 0; j < size_; ++j) loss_ += y_[n_ * size_ + j];
    for (std::size_t i = n_; i-- > 0;) {
      for (std::size_t j = 0; j < size_; ++j) {
        const T y = y_[(i + 1) * size_ + j], u = g_[j] * (1 - y * y);
        ga_[j] += u * y_[i * size_ + j];
        gb_[j] += u;
        g_[j] = u * a;
      }
    }
  }
  Results results() override {
    Results r = {result("loss", &loss_, 1), result("gradient of a", ga_.data(), size_)};
    if (with_b_) r.push_back(result("gradient of b", gb_.data(), size_));
    return r;
  }

 private:
  std::size_t n_;
  bool with_b_;
  std::size_t size_;
  std::vector<T> y_, ga_, gb_, g_;
  T loss_ = 0;
};

/// sum 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2 and its gradient, in double.
class Rosenbrock : public Workload {
 public:
  explicit Rosenbrock(const Parameters& p)
      : x_(numbers<double>(p.size("n", 10000), seeds::kInput)), gx_(x_.size()) {}
  void step() override {
    std::fill(gx_.begin(), gx_.end(), 0.0);
    double loss = 0;
    for (std::size_t i = 0; i + 1 < x_.size(); ++i) {
      const double u = x_[i + 1] - x_[i] * x_[i], v = 1 - x_[i];
      loss += 100 * u * u + v * v;
      gx_[i] += -400 * u * x_[i] - 2 * v;
      gx_[i + 1] += 200 * u;
    }
    loss_ = loss;
  }
  Results results() override {
    return {result("loss", &loss_, 1), result("gradient", gx_.data(), gx_.size())};
  }

 private:
  std::vector<double> x_, gx_;
  double loss_ = 0;
};

}  // namespace

template <class T>
std::unique_ptr<Workload> make_elementwise(const std::string& name, const Parameters& p) {
  if (name.starts_with("gelu")) return std::make_unique<Gated<T, true>>(p);
  if (name.starts_with("swish")) return std::make_unique<Gated<T, false>>(p);
  if (name == "badd") return std::make_unique<Broadcast<T, false>>(p);
  if (name == "bmul") return std::make_unique<Broadcast<T, true>>(p);
  if (name == "outer") return std::make_unique<Outer<T>>(p);
  if (name == "chain" || name == "deep") return std::make_unique<Chain<T>>(p, name == "chain");
  if (name == "rosenbrock") return std::make_unique<Rosenbrock>(p);
  if (name == "empty") return std::make_unique<Empty>();
  return nullptr;
}

template std::unique_ptr<Workload> make_elementwise<float>(const std::string&, const Parameters&);
template std::unique_ptr<Workload> make_elementwise<double>(const std::string&, const Parameters&);

}  // namespace benchmark_contenders
