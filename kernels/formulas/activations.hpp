#pragma once

// Activation functions.

#include "xgrad/kernels/formulas/contract.hpp"

namespace xgrad::primitives {

/// log(sigmoid(x)) = -softplus(-x).
struct LogSigmoid {
  static constexpr const char* name = "log_sigmoid";
  using Kind = OfOne<Reads::input>;
  template <class X>
  X operator()(const X& x) const {
    return -softplus(-x);
  }
  template <class X>
  X slope(const X& x, const X&) const {
    return sigmoid(-x);
  }
};

/// x limited to [low, high]; flat, with slope 0, at and beyond the limits. A limit of NaN is none.
struct Clamp {
  static constexpr const char* name = "clamp";
  using Kind = OfOne<Reads::input>;
  double low, high;
  template <class X>
  X operator()(const X& x) const {
    return where(x <= X(low), X(low), where(x >= X(high), X(high), x));
  }
  template <class X>
  X slope(const X& x, const X&) const {
    return where(x <= X(low) || x >= X(high), X(0), X(1));
  }
};

/// x for x > 0, a x for x <= 0.
struct LeakyRelu {
  static constexpr const char* name = "leaky_relu";
  using Kind = OfOne<Reads::input>;
  double a;
  template <class X>
  X operator()(const X& x) const {
    return where(x <= X(0), X(a) * x, x);
  }
  template <class X>
  X slope(const X& x, const X&) const {
    return where(x <= X(0), X(a), X(1));
  }
};

/// The same with the slope as an input, y.
struct Prelu {
  static constexpr const char* name = "prelu";
  using Kind = OfTwo;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return where(x <= X(0), y * x, x);
  }
  template <class X>
  X by_first(const X& x, const X& y, const X&) const {
    return where(x <= X(0), y, X(1));
  }
  template <class X>
  X by_second(const X& x, const X&, const X&) const {
    return where(x <= X(0), x, X(0));
  }
  static Saved saves(unsigned needed) { return {(needed & 1U) != 0 ? 3U : 1U}; }
};

/// scale x for x > 0, scale alpha (e^(x / width) - 1) for x <= 0: ELU, CELU and SELU. alpha,
/// scale >= 0, width > 0.
struct ExponentialLinear {
  static constexpr const char* name = "elu";
  using Kind = OfOne<Reads::input>;
  double alpha, scale, width;
  template <class X>
  X operator()(const X& x) const {
    return where(x <= X(0), X(scale * alpha) * expm1(minimum(X(0), x) * X(1 / width)),
                 X(scale) * x);
  }
  template <class X>
  X slope(const X& x, const X&) const {
    return where(x <= X(0), X(scale * alpha / width) * exp(x * X(1 / width)), X(scale));
  }
};

/// x Phi(x), Phi the normal distribution function.
struct Gelu {
  static constexpr const char* name = "gelu";
  using Kind = Composed<1>;
  template <class X>
  X operator()(const X& x) const {
    if constexpr (requires { gelu_value(x); })
      return gelu_value(x);
    else
      return x * ndtr(x);
  }
};

/// 0.5 x (1 + tanh(u)) with u = sqrt(2/pi) (x + 0.044715 x^3), written as x sigmoid(2u).
struct GeluTanh {
  static constexpr const char* name = "gelu";
  using Kind = Composed<1>;
  template <class X>
  X operator()(const X& x) const {
    if constexpr (requires { gelu_tanh_value(x); })
      return gelu_tanh_value(x);
    else
      return x * sigmoid(1.5957691216057308 * (x + 0.044715 * (x * x * x)));
  }
};

/// x sigmoid(x).
struct Silu {
  static constexpr const char* name = "silu";
  using Kind = Composed<1>;
  template <class X>
  X operator()(const X& x) const {
    if constexpr (requires { silu_value(x); })
      return silu_value(x);
    else
      return x * sigmoid(x);
  }
};

/// x / (1 + |x|).
struct Softsign {
  static constexpr const char* name = "softsign";
  using Kind = OfOne<Reads::input>;
  template <class X>
  X operator()(const X& x) const {
    if constexpr (requires { softsign_value(x); })
      return softsign_value(x);
    else
      return x / (1 + abs(x));
  }
  template <class X>
  X slope(const X& x, const X&) const {
    return square(1 / (1 + abs(x)));
  }
};

/// x tanh(softplus(x)).
struct Mish {
  static constexpr const char* name = "mish";
  using Kind = Composed<1>;
  template <class X>
  X operator()(const X& x) const {
    if constexpr (requires { mish_value(x); })
      return mish_value(x);
    else
      return x * tanh(softplus(x));
  }
};

}  // namespace xgrad::primitives
