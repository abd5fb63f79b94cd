// What works along an axis: sums, means, log-softmax, normalisations.

#include <cmath>

#include "layers.hpp"
#include "workloads.hpp"

namespace benchmark_contenders {
namespace {

/// Sum or mean of {n, d} over axis 0, axis 1 or both; the backward pass writes the full gradient.
template <class T, bool Mean>
class Sum : public Workload {
 public:
  explicit Sum(const Parameters& p)
      : n_(p.size("n", 4096)),
        d_(p.size("d", 1000)),
        axis_(p.text("axis", "all")),
        x_(numbers<T>(n_ * d_, seeds::kInput)),
        gx_(n_ * d_),
        y_(axis_ == "all" ? 1
           : axis_ == "0" ? d_
                          : n_),
        gy_(axis_ == "all" ? std::vector<T>(1, T(1)) : numbers<T>(y_.size(), seeds::kGradient)) {}
  void step() override {
    const T* __restrict x = x_.data(), * __restrict gy = gy_.data();
    T* __restrict gx = gx_.data(), * __restrict y = y_.data();
    const T scale =
        Mean ? static_cast<T>(static_cast<double>(y_.size()) / static_cast<double>(n_ * d_)) : 1;
    if (axis_ == "all") {
      T sum = 0;
      for (std::size_t i = 0; i < n_ * d_; ++i) sum += x[i];
      y[0] = sum * scale;
      for (std::size_t i = 0; i < n_ * d_; ++i) gx[i] = gy[0] * scale;
    } else if (axis_ == "0") {
      sum_rows(x, y, n_, d_);
      for (std::size_t j = 0; j < d_; ++j) y[j] *= scale;
      for (std::size_t i = 0; i < n_ * d_; i += d_) {
        for (std::size_t j = 0; j < d_; ++j) gx[i + j] = gy[j] * scale;
      }
    } else {
      for (std::size_t i = 0; i < n_; ++i) {
        T sum = 0;
        for (std::size_t j = 0; j < d_; ++j) sum += x[i * d_ + j];
        y[i] = sum * scale;
      }
      for (std::size_t i = 0; i < n_; ++i) {
        for (std::size_t j = 0; j < d_; ++j) gx[i * d_ + j] = gy[i] * scale;
      }
    }
  }
  Results results() override {
    return {result("output", y_.data(), y_.size()), result("gradient", gx_.data(), gx_.size())};
  }

 private:
  std::size_t n_, d_;
  std::string axis_;
  std::vector<T> x_, gx_, y_, gy_;
};

/// The arrays of an operation from {n, d} to {n, d}.
template <class T>
class Rows : public Workload {
 public:
  Rows(const Parameters& p, std::size_t d)
      : n_(p.size("n", 4096)),
        d_(p.size("d", d)),
        x_(numbers<T>(n_ * d_, seeds::kInput, 3)),
        gy_(numbers<T>(n_ * d_, seeds::kGradient)),
        y_(n_ * d_),
        gx_(n_ * d_) {}
  Results results() override {
    return {result("output", y_.data(), y_.size()), result("gradient", gx_.data(), gx_.size())};
  }

 protected:
  std::size_t n_, d_;
  std::vector<T> x_, gy_, y_, gx_;
};

template <class T>
class LogSoftmax : public Rows<T> {
 public:
  explicit LogSoftmax(const Parameters& p) : Rows<T>(p, 1000) {}
  void step() override {
    const std::size_t d = this->d_;
    for (std::size_t i = 0; i < this->n_; ++i) {
      const T* __restrict x = &this->x_[i * d];
      T* __restrict y = &this->y_[i * d];
      T largest = x[0], sum = 0;
      for (std::size_t j = 0; j < d; ++j) largest = x[j] > largest ? x[j] : largest;
      for (std::size_t j = 0; j < d; ++j) sum += std::exp(x[j] - largest);
      const T shift = largest + std::log(sum);
      for (std::size_t j = 0; j < d; ++j) y[j] = x[j] - shift;
    }
    for (std::size_t i = 0; i < this->n_; ++i) {
      const T* __restrict y = &this->y_[i * d], * __restrict gy = &this->gy_[i * d];
      T* __restrict gx = &this->gx_[i * d];
      T sum = 0;
      for (std::size_t j = 0; j < d; ++j) sum += gy[j];
      for (std::size_t j = 0; j < d; ++j) gx[j] = gy[j] - std::exp(y[j]) * sum;
    }
  }
};

template <class T>
class LayerNorm : public Rows<T> {
 public:
  explicit LayerNorm(const Parameters& p)
      : Rows<T>(p, 512),
        gain_(this->d_, T(1)),
        shift_(this->d_, T(0)),
        mean_(this->n_),
        scale_(this->n_) {}
  void step() override {
    const std::size_t d = this->d_;
    const T count = static_cast<T>(d);
    const T* __restrict w = gain_.value.data(), * __restrict b = shift_.value.data();
    for (std::size_t i = 0; i < this->n_; ++i) {
      const T* __restrict x = &this->x_[i * d];
      T* __restrict y = &this->y_[i * d];
      T m = 0, v = 0;
      for (std::size_t j = 0; j < d; ++j) m += x[j];
      m /= count;
      for (std::size_t j = 0; j < d; ++j) v += (x[j] - m) * (x[j] - m);
      const T s = 1 / std::sqrt(v / count + T(1e-5));
      for (std::size_t j = 0; j < d; ++j) y[j] = (x[j] - m) * s * w[j] + b[j];
      mean_[i] = m;
      scale_[i] = s;
    }
    T* __restrict gw = gain_.grad.data(), * __restrict gb = shift_.grad.data();
    std::fill_n(gw, d, T(0));
    std::fill_n(gb, d, T(0));
    for (std::size_t i = 0; i < this->n_; ++i) {
      const T* __restrict x = &this->x_[i * d], * __restrict gy = &this->gy_[i * d];
      T* __restrict gx = &this->gx_[i * d];
      const T m = mean_[i], s = scale_[i];
      T sum = 0, dot = 0;
      for (std::size_t j = 0; j < d; ++j) {
        const T xhat = (x[j] - m) * s, u = gy[j] * w[j];
        sum += u;
        dot += u * xhat;
        gw[j] += gy[j] * xhat;
        gb[j] += gy[j];
      }
      sum /= count;
      dot /= count;
      for (std::size_t j = 0; j < d; ++j) gx[j] = s * (gy[j] * w[j] - sum - (x[j] - m) * s * dot);
    }
  }
  Results results() override {
    Results r = Rows<T>::results();
    r.push_back(result("gain gradient", gain_.grad.data(), this->d_));
    return r;
  }

 private:
  Parameter<T> gain_, shift_;
  std::vector<T> mean_, scale_;
};

template <class T>
class BatchNormalization : public Rows<T> {
 public:
  explicit BatchNormalization(const Parameters& p) : Rows<T>(p, 512), norm_(this->d_) {}
  void step() override {
    norm_.forward(this->x_.data(), this->y_.data(), this->n_);
    norm_.backward(this->x_.data(), this->gy_.data(), this->gx_.data(), this->n_);
  }
  Results results() override {
    Results r = Rows<T>::results();
    r.push_back(result("gain gradient", norm_.gain.grad.data(), this->d_));
    return r;
  }

 private:
  BatchNorm<T, false> norm_;
};

}  // namespace

template <class T>
std::unique_ptr<Workload> make_along_axes(const std::string& name, const Parameters& p) {
  if (name == "sum") return std::make_unique<Sum<T, false>>(p);
  if (name == "mean") return std::make_unique<Sum<T, true>>(p);
  if (name == "log_softmax") return std::make_unique<LogSoftmax<T>>(p);
  if (name == "layer_norm") return std::make_unique<LayerNorm<T>>(p);
  if (name == "batch_norm") return std::make_unique<BatchNormalization<T>>(p);
  return nullptr;
}

template std::unique_ptr<Workload> make_along_axes<float>(const std::string&, const Parameters&);
template std::unique_ptr<Workload> make_along_axes<double>(const std::string&, const Parameters&);

}  // namespace benchmark_contenders
