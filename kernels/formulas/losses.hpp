#pragma once

// Losses of one element as formulas of prediction x and target t.

#include <limits>

#include "xgrad/kernels/formulas/contract.hpp"

namespace xgrad::primitives {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct SquaredError {
  static constexpr const char* name = "mse_loss";
  using Kind = Composed<2>;
  template <class X, class Y>
  auto operator()(const X& x, const Y& t) const {
    return square(x - t);
  }
};

struct AbsoluteError {
  static constexpr const char* name = "mae_loss";
  using Kind = Composed<2>;
  template <class X, class Y>
  auto operator()(const X& x, const Y& t) const {
    return abs(x - t);
  }
};

/// e^2 / 2 for |e| < delta, a line beyond.
struct Huber {
  static constexpr const char* name = "huber_loss";
  using Kind = Composed<2>;
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
  using Kind = Composed<2>;
  template <class X, class Y>
  auto operator()(const X& p, const Y& t) const {
    return -(t * maximum(log(p), -100) + (1 - t) * maximum(log1p(-p), -100));
  }
};

/// softplus(x) - t x, arranged so that neither branch cancels and both have the right slope at 0. A
/// certain prediction that is right costs nothing.
struct LogitCrossEntropy {
  static constexpr const char* name = "binary_cross_entropy_with_logits";
  using Kind = Composed<2>;
  template <class X, class Y>
  auto operator()(const X& x, const Y& t) const {
    const auto positive = x > X(0);
    const auto right = abs(x) == X(kInfinity) && where(positive, 1 - t, t) == Y(0);
    const auto linear = where(positive, (1 - t) * x, -t * x);
    return where(right, decltype(t * x)(0), linear) + softplus(where(positive, -x, x));
  }
};

/// t (log t - x), 0 at t = 0. Its slope is that of no product: 1 / t is infinite long before t is 0.
struct KlDivergence {
  static constexpr const char* name = "kl_div";
  using Kind = OfTwo;
  template <class X, class Y>
  auto operator()(const X& x, const Y& t) const {
    const auto zero = t == Y(0);
    const auto y = t * (log(where(zero, Y(1), t)) - x);
    return where(zero, decltype(t * x)(0), y);
  }
  template <class X>
  X by_first(const X&, const X& t, const X&) const {
    return -t;
  }
  template <class X>
  X by_second(const X& x, const X& t, const X&) const {
    const auto zero = t == X(0);
    return where(zero, X(0), (log(where(zero, X(1), t)) - x) + X(1));
  }
  static Saved saves(unsigned needed) {
    return {.inputs = (needed << 1 & 2U) | (needed & 2U ? 3U : 0U)};
  }
};

/// exp(t) (t - x), 0 at t = -infinity.
struct KlDivergenceOfLogs {
  static constexpr const char* name = "kl_div";
  using Kind = Composed<2>;
  template <class X, class Y>
  auto operator()(const X& x, const Y& t) const {
    const auto zero = t == Y(-kInfinity);
    return where(zero, decltype(t * x)(0), exp(t) * (t - x));
  }
};

}  // namespace xgrad::primitives
