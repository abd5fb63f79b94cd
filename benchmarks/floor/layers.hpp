#pragma once

// Layers written by hand on OpenBLAS and fused loops: buffers allocated once, no tape, no
// checks. With the compiler's flags for this machine and -ffast-math they are the practical
// floor of a step.

#include <Random123/philox.h>
#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "../contenders/workload.hpp"

namespace benchmark_contenders {

/// C (m, n) = op(A) op(B) + beta C, row-major.
template <class T>
void gemm(bool ta, bool tb, std::size_t m, std::size_t n, std::size_t k, const T* a, const T* b,
          T* c, T beta = 0) {
  const auto i = [](std::size_t v) { return static_cast<blasint>(v); };
  const auto transposed = [](bool t) { return t ? CblasTrans : CblasNoTrans; };
  const blasint lda = i(ta ? m : k), ldb = i(tb ? k : n);
  if constexpr (sizeof(T) == 4) {
    cblas_sgemm(CblasRowMajor, transposed(ta), transposed(tb), i(m), i(n), i(k), 1, a, lda, b, ldb,
                beta, c, i(n));
  } else {
    cblas_dgemm(CblasRowMajor, transposed(ta), transposed(tb), i(m), i(n), i(k), 1, a, lda, b, ldb,
                beta, c, i(n));
  }
}

/// y (d) = sum of the n rows of x.
template <class T>
void sum_rows(const T* __restrict x, T* __restrict y, std::size_t n, std::size_t d) {
  std::fill_n(y, d, T(0));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < d; ++j) y[j] += x[i * d + j];
  }
}

enum class Update { momentum, adam };

inline Update update_of(const Parameters& p) {
  return p.text("opt", "sgdm") == "adam" ? Update::adam : Update::momentum;
}

/// A parameter with its gradient and what the optimizer keeps for it.
template <class T>
class Parameter {
 public:
  std::vector<T> value, grad;

  Parameter(std::size_t n, std::uint64_t seed, double bound)
      : value(n), grad(n), initial_(numbers<T>(n, seed, bound)), first_(n), second_(n) {
    reset();
  }
  Parameter(std::size_t n, T same) : value(n), grad(n), initial_(n, same), first_(n), second_(n) {
    reset();
  }

  void reset() {
    value = initial_;
    std::fill(first_.begin(), first_.end(), T(0));
    std::fill(second_.begin(), second_.end(), T(0));
    steps_ = 0;
  }

  void update(Update rule) {
    const std::size_t n = value.size();
    T* __restrict w = value.data(), * __restrict m = first_.data(), * __restrict v = second_.data();
    const T* __restrict g = grad.data();
    if (rule == Update::momentum) {
      for (std::size_t i = 0; i < n; ++i) {
        m[i] = T(0.9) * m[i] + g[i];
        w[i] -= T(0.01) * m[i];
      }
      return;
    }
    ++steps_;
    const T rate = static_cast<T>(1e-3 / (1 - std::pow(0.9, steps_)));
    const T scale = static_cast<T>(1 / std::sqrt(1 - std::pow(0.999, steps_)));
    for (std::size_t i = 0; i < n; ++i) {
      m[i] = T(0.9) * m[i] + T(0.1) * g[i];
      v[i] = T(0.999) * v[i] + T(0.001) * g[i] * g[i];
      w[i] -= rate * m[i] / (std::sqrt(v[i]) * scale + T(1e-8));
    }
  }

 private:
  std::vector<T> initial_, first_, second_;
  double steps_ = 0;
};

/// y = x W^T + b with W (out, in).
template <class T>
struct Linear {
  std::size_t in, out;
  Parameter<T> weight, bias;

  Linear(std::size_t in_, std::size_t out_, std::uint64_t seed)
      : in(in_),
        out(out_),
        weight(in * out, seed, 1 / std::sqrt(static_cast<double>(in))),
        bias(out, seed + 1, 1 / std::sqrt(static_cast<double>(in))) {}

  void forward(const T* x, T* y, std::size_t n) const {
    for (std::size_t i = 0; i < n; ++i) std::copy_n(bias.value.data(), out, y + i * out);
    gemm<T>(false, true, n, out, in, x, weight.value.data(), y, 1);
  }
  /// gx may be null.
  void backward(const T* x, const T* gy, T* gx, std::size_t n) {
    gemm<T>(true, false, out, in, n, gy, x, weight.grad.data());
    sum_rows(gy, bias.grad.data(), n, out);
    if (gx != nullptr) gemm<T>(false, false, n, in, out, gy, weight.value.data(), gx);
  }
  template <class F>
  void each(const F& f) {
    f(weight);
    f(bias);
  }
};

/// Batch normalisation in training mode, followed by max(., 0) if `Relu`.
template <class T, bool Relu>
struct BatchNorm {
  std::size_t d;
  Parameter<T> gain, shift;
  std::vector<T> mean, scale, running_mean, running_variance, a, b;

  explicit BatchNorm(std::size_t d_)
      : d(d_),
        gain(d, T(1)),
        shift(d, T(0)),
        mean(d),
        scale(d),
        running_mean(d),
        running_variance(d, T(1)),
        a(d),
        b(d) {}

  void forward(const T* __restrict x, T* __restrict y, std::size_t n) {
    const T count = static_cast<T>(n);
    T* __restrict m = mean.data(), * __restrict s = scale.data();
    T* __restrict p = a.data(), * __restrict q = b.data();
    sum_rows(x, m, n, d);
    for (std::size_t j = 0; j < d; ++j) m[j] /= count;
    std::fill_n(s, d, T(0));
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < d; ++j) s[j] += (x[i * d + j] - m[j]) * (x[i * d + j] - m[j]);
    }
    for (std::size_t j = 0; j < d; ++j) {
      const T variance = s[j] / count;
      running_mean[j] = T(0.9) * running_mean[j] + T(0.1) * m[j];
      running_variance[j] = T(0.9) * running_variance[j] + T(0.1) * variance * count / (count - 1);
      s[j] = 1 / std::sqrt(variance + T(1e-5));
      p[j] = gain.value[j] * s[j];
      q[j] = shift.value[j] - m[j] * p[j];
    }
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < d; ++j) {
        const T v = x[i * d + j] * p[j] + q[j];
        y[i * d + j] = Relu && v < 0 ? 0 : v;
      }
    }
  }

  /// gx may be gy, which is masked by the caller where Relu gave 0.
  void backward(const T* __restrict x, const T* gy, T* gx, std::size_t n) {
    const T count = static_cast<T>(n);
    const T* __restrict m = mean.data(), * __restrict s = scale.data();
    T* __restrict gg = gain.grad.data(), * __restrict gs = shift.grad.data();
    std::fill_n(gg, d, T(0));
    std::fill_n(gs, d, T(0));
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < d; ++j) {
        gs[j] += gy[i * d + j];
        gg[j] += gy[i * d + j] * (x[i * d + j] - m[j]) * s[j];
      }
    }
    // gx = gain s (gy - mean(gy) - xhat mean(gy xhat)) = p gy + q x + r
    T* __restrict p = a.data(), * __restrict q = b.data();
    for (std::size_t j = 0; j < d; ++j) {
      p[j] = gain.value[j] * s[j];
      q[j] = -p[j] * s[j] * gg[j] / count;
    }
    for (std::size_t i = 0; i < n; ++i) {
#ifndef __clang__
#pragma GCC ivdep
#endif
      for (std::size_t j = 0; j < d; ++j) {
        gx[i * d + j] = p[j] * (gy[i * d + j] - gs[j] / count) + q[j] * (x[i * d + j] - m[j]);
      }
    }
  }
  template <class F>
  void each(const F& f) {
    f(gain);
    f(shift);
  }
};

/// g = 0 where y is.
template <class T>
void mask(const T* __restrict y, T* __restrict g, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) g[i] = y[i] > 0 ? g[i] : 0;
}

/// The mean cross entropy of softmax(z); z (n, classes) becomes its gradient.
template <class T>
T cross_entropy(T* z, const std::int64_t* label, std::size_t n, std::size_t classes) {
  T loss = 0;
  for (std::size_t i = 0; i < n; ++i) {
    T* const row = z + i * classes;
    const T largest = *std::max_element(row, row + classes);
    const T own = row[label[i]];
    T sum = 0;
    for (std::size_t k = 0; k < classes; ++k) sum += row[k] = std::exp(row[k] - largest);
    loss += std::log(sum) + largest - own;
    const T factor = 1 / (sum * static_cast<T>(n));
    for (std::size_t k = 0; k < classes; ++k) row[k] *= factor;
    row[label[i]] -= 1 / static_cast<T>(n);
  }
  return loss / static_cast<T>(n);
}

/// Dropout after max(., 0), in place, with the mask in bytes. The generator is 16 xorshifts side by
/// side (Marsaglia 2003). The first mask after a reset is drawn as xgrad draws it, by Philox, so
/// that the results of that step can be compared. Off, it keeps everything.
class Dropout {
 public:
  Dropout(std::size_t n, std::uint32_t draw, bool on) : keep_(n), draw_(draw), on_(on) { reset(); }

  void reset() {
    first_ = true;
    for (std::uint32_t i = 0; i < kLanes; ++i) state_[i] = i + 1;
  }

  template <class T>
  void forward(T* __restrict x, std::size_t n) {
    std::uint8_t* const keep = keep_.data();
    if (first_ || !on_) return draw_as_xgrad(x, n);
    for (std::size_t k = 0; k < n; k += kLanes) {
      for (std::size_t q = 0; q < kLanes; ++q) {
        std::uint32_t s = state_[q];
        s ^= s << 13;
        s ^= s >> 17;
        s ^= s << 5;
        state_[q] = s;
        keep[k + q] = static_cast<std::uint8_t>((s >> 31) & (x[k + q] > 0 ? 1U : 0U));
        x[k + q] = keep[k + q] != 0 ? 2 * x[k + q] : 0;
      }
    }
  }
  /// Through dropout and max(., 0).
  template <class T>
  void backward(T* __restrict g, std::size_t n) const {
    const T scale = on_ ? 2 : 1;
    for (std::size_t i = 0; i < n; ++i) g[i] = keep_[i] != 0 ? scale * g[i] : 0;
  }

 private:
  static constexpr std::size_t kLanes = 16;

  template <class T>
  void draw_as_xgrad(T* x, std::size_t n) {
    first_ = false;
    for (std::size_t i = 0; i < n; ++i) {
      const r123::Philox4x32::ctr_type counter = {{static_cast<std::uint32_t>(i / 4), 0, draw_, 0}};
      const r123::Philox4x32::key_type key = {{kSeed, 0}};
      const bool kept =
          !on_ || r123::Philox4x32()(counter, key).v[i % 4] < (std::uint32_t{1} << 31);
      keep_[i] = kept && x[i] > 0 ? 1 : 0;
      x[i] = kept ? (on_ ? 2 : 1) * x[i] : 0;
    }
  }

  static constexpr std::uint32_t kSeed = 1;
  std::vector<std::uint8_t> keep_;
  std::uint32_t draw_;
  bool on_, first_ = true;
  std::uint32_t state_[kLanes];
};

}  // namespace benchmark_contenders
