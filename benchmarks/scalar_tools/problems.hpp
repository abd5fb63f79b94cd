#pragma once

// Gradients of functions of few numbers, which tools that record numbers one by one are made for; each written once for
// all of them. xgrad's are written with its tensors.

#include <cmath>
#include <cstddef>
#include <functional>
#include <vector>

namespace benchmark_scalar_tools {

/// Computes the gradient at x.
using Gradient = std::function<void(const double* x, double* gradient)>;

struct Problem {
  enum class Kind { minors, lstm, runge_kutta };
  const char* name;
  Kind kind;
  std::size_t size;   ///< of the matrix, of the state
  std::size_t steps;  ///< in time
  std::size_t inputs() const {
    return kind == Kind::minors ? size * size
           : kind == Kind::lstm ? 4 * size * (2 * size + 1)
                                : size;
  }
};

/// The determinant of a (n, n) by expansion along its rows, without sharing of minors.
template <class S>
S minors(const std::vector<S>& a, std::size_t n, std::size_t row, std::vector<bool>& used) {
  S sum = 0;
  bool minus = false, first = true;
  for (std::size_t j = 0; j < n; ++j) {
    if (used[j]) continue;
    S term = a[row * n + j];
    if (row + 1 < n) {
      used[j] = true;
      term = term * minors(a, n, row + 1, used);
      used[j] = false;
    }
    if (first) {
      sum = term;
    } else if (minus) {
      sum = sum - term;
    } else {
      sum = sum + term;
    }
    first = false;
    minus = !minus;
  }
  return sum;
}

/// Number i of the LSTM's input at step t.
inline double signal(std::size_t t, std::size_t i) {
  return std::sin(0.7 * static_cast<double>(t) + static_cast<double>(i));
}

/// The mean square of the last h; w is the input weight (4 d, d), the recurrent one (4 d, d) and the bias (4 d).
template <class S>
S lstm(const std::vector<S>& w, std::size_t d, std::size_t steps) {
  using std::exp;
  using std::tanh;
  const auto sigmoid = [](const S& z) { return S(1 / (1 + exp(-z))); };
  std::vector<S> h(d, S(0.0)), c(d, S(0.0)), z(4 * d, S(0.0));
  for (std::size_t t = 0; t < steps; ++t) {
    for (std::size_t g = 0; g < 4 * d; ++g) {
      z[g] = w[8 * d * d + g];
      for (std::size_t i = 0; i < d; ++i) {
        z[g] = z[g] + w[g * d + i] * signal(t, i);
        z[g] = z[g] + w[4 * d * d + g * d + i] * h[i];
      }
    }
    for (std::size_t i = 0; i < d; ++i) {
      c[i] = sigmoid(z[d + i]) * c[i] + sigmoid(z[i]) * tanh(z[2 * d + i]);
      h[i] = sigmoid(z[3 * d + i]) * tanh(c[i]);
    }
  }
  S sum = h[0] * h[0];
  for (std::size_t i = 1; i < d; ++i) sum = sum + h[i] * h[i];
  return S(sum / static_cast<double>(d));
}

constexpr double kForcing = 8, kTimeStep = 0.01;

/// Lorenz 1996, "Predictability: a problem partly solved", by the classical Runge-Kutta method: the mean square of the
/// numbers at the end.
template <class S>
S runge_kutta(std::vector<S> y, std::size_t steps) {
  const std::size_t n = y.size();
  const auto slope = [n](const std::vector<S>& at) {
    std::vector<S> k(at);
    for (std::size_t i = 0; i < n; ++i)
      k[i] = (at[(i + 1) % n] - at[(i + n - 2) % n]) * at[(i + n - 1) % n] - at[i] + kForcing;
    return k;
  };
  const auto moved = [n](const std::vector<S>& from, const std::vector<S>& k, double time) {
    std::vector<S> to(from);
    for (std::size_t i = 0; i < n; ++i) to[i] = from[i] + time * k[i];
    return to;
  };
  for (std::size_t t = 0; t < steps; ++t) {
    const auto k1 = slope(y), k2 = slope(moved(y, k1, kTimeStep / 2)),
               k3 = slope(moved(y, k2, kTimeStep / 2)), k4 = slope(moved(y, k3, kTimeStep));
    for (std::size_t i = 0; i < n; ++i)
      y[i] = y[i] + kTimeStep / 6 * (k1[i] + 2 * (k2[i] + k3[i]) + k4[i]);
  }
  S sum = y[0] * y[0];
  for (std::size_t i = 1; i < n; ++i) sum = sum + y[i] * y[i];
  return S(sum / static_cast<double>(n));
}

template <class S>
S value_of(const Problem& p, const std::vector<S>& x) {
  if (p.kind == Problem::Kind::minors) {
    std::vector<bool> used(p.size);
    return minors(x, p.size, 0, used);
  }
  return p.kind == Problem::Kind::lstm ? lstm(x, p.size, p.steps) : runge_kutta(x, p.steps);
}

// One of the tools each. `again`: what was recorded once, or compiled, is run; otherwise each call records.
Gradient of_xgrad(const Problem& p, bool again);
Gradient of_adolc(const Problem& p, bool again);
Gradient of_sacado(const Problem& p);

}  // namespace benchmark_scalar_tools
