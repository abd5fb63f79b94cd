#pragma once

// Losses of one element as formulas of prediction x and target t.

#include <cstddef>

namespace xgrad::primitives {

struct SquaredError {
  static constexpr const char* name = "mse_loss";
  static constexpr std::size_t arity = 2;
  template <class X, class Y>
  auto operator()(const X& x, const Y& t) const {
    return square(x - t);
  }
};

struct AbsoluteError {
  static constexpr const char* name = "mae_loss";
  static constexpr std::size_t arity = 2;
  template <class X, class Y>
  auto operator()(const X& x, const Y& t) const {
    return abs(x - t);
  }
};

/// e^2 / 2 for |e| < delta, a line beyond.
struct Huber {
  static constexpr const char* name = "huber_loss";
  static constexpr std::size_t arity = 2;
  double delta;
  template <class X, class Y>
  auto operator()(const X& x, const Y& t) const {
    const auto e = x - t, size = abs(e);
    return where(size < delta, 0.5 * square(e), delta * size - 0.5 * delta * delta);
  }
};

/// Both logarithms are limited to -100, with slope 0 there.
struct BinaryCrossEntropy {
  static constexpr const char* name = "binary_cross_entropy";
  static constexpr std::size_t arity = 2;
  template <class X, class Y>
  auto operator()(const X& p, const Y& t) const {
    const auto none = p <= X(0), all = p >= X(1);
    const X low(-100);
    const X log_p = where(none, low, maximum(log(where(none, X(1), p)), low));
    const X log_q = where(all, low, maximum(log1p(-where(all, X(0), p)), low));
    return -(t * log_p + (1 - t) * log_q);
  }
};

/// softplus(x) - t x, arranged so that neither branch cancels and both have the right slope at 0.
struct LogitCrossEntropy {
  static constexpr const char* name = "binary_cross_entropy_with_logits";
  static constexpr std::size_t arity = 2;
  template <class X, class Y>
  auto operator()(const X& x, const Y& t) const {
    const auto positive = x > X(0);
    return where(positive, (1 - t) * x, -t * x) + softplus(where(positive, -x, x));
  }
};

/// t (log t - x), 0 at t = 0.
struct KlDivergence {
  static constexpr const char* name = "kl_div";
  static constexpr std::size_t arity = 2;
  template <class X, class Y>
  auto operator()(const X& x, const Y& t) const {
    const auto zero = t == Y(0);
    const auto y = t * (log(where(zero, Y(1), t)) - x);
    return where(zero, decltype(t * x)(0), y);
  }
};

/// exp(t) (t - x).
struct KlDivergenceOfLogs {
  static constexpr const char* name = "kl_div";
  static constexpr std::size_t arity = 2;
  template <class X, class Y>
  auto operator()(const X& x, const Y& t) const {
    return exp(t) * (t - x);
  }
};

}  // namespace xgrad::primitives
