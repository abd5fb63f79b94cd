#pragma once

// The derivative table: every function that formulas are made of, with its slope. Here roots,
// exponentials and steps; more in trigonometry.hpp and special.hpp.
//
// The slope at a kink is that of the flat or negative side, where(x <= 0, ...).

#include "xgrad/kernels/formulas/contract.hpp"

namespace xgrad::primitives {

// clang-format off
struct Negative   { static constexpr const char* name = "negative"; using Kind = OfOne<Reads::nothing>;
                    template <class X> X operator()(const X& x) const { return -x; }
                    template <class X> X slope(const X&, const X&) const { return X(-1); } };
struct Exp        { static constexpr const char* name = "exp"; using Kind = OfOne<Reads::output>;
                    template <class X> X operator()(const X& x) const { return exp(x); }
                    template <class X> X slope(const X&, const X& y) const { return y; } };
struct Expm1      { static constexpr const char* name = "expm1"; using Kind = OfOne<Reads::input>;
                    template <class X> X operator()(const X& x) const { return expm1(x); }
                    template <class X> X slope(const X& x, const X&) const { return exp(x); } };
struct Log        { static constexpr const char* name = "log"; using Kind = OfOne<Reads::input>;
                    template <class X> X operator()(const X& x) const { return log(x); }
                    template <class X> X slope(const X& x, const X&) const { return 1 / x; } };
struct Log1p      { static constexpr const char* name = "log1p"; using Kind = OfOne<Reads::input>;
                    template <class X> X operator()(const X& x) const { return log1p(x); }
                    template <class X> X slope(const X& x, const X&) const { return 1 / (1 + x); } };
struct Sqrt       { static constexpr const char* name = "sqrt"; using Kind = OfOne<Reads::output>;
                    template <class X> X operator()(const X& x) const { return sqrt(x); }
                    template <class X> X slope(const X&, const X& y) const { return 0.5 / abs(y); } };
struct Rsqrt      { static constexpr const char* name = "rsqrt"; using Kind = OfOne<Reads::output>;
                    template <class X> X operator()(const X& x) const { return rsqrt(x); }
                    template <class X> X slope(const X&, const X& y) const { return -0.5 * y * (y * y); } };
struct Square     { static constexpr const char* name = "square"; using Kind = OfOne<Reads::input>;
                    template <class X> X operator()(const X& x) const { return square(x); }
                    template <class X> X slope(const X& x, const X&) const { return 2 * x; } };
struct Reciprocal { static constexpr const char* name = "reciprocal"; using Kind = OfOne<Reads::output>;
                    template <class X> X operator()(const X& x) const { return reciprocal(x); }
                    template <class X> X slope(const X&, const X& y) const { return -(y * y); } };
struct Abs        { static constexpr const char* name = "abs"; using Kind = OfOne<Reads::input>;
                    template <class X> X operator()(const X& x) const { return abs(x); }
                    template <class X> X slope(const X& x, const X&) const { return sign(x); } };
struct Sign       { static constexpr const char* name = "sign"; using Kind = OfOne<Reads::nothing>;
                    template <class X> X operator()(const X& x) const { return sign(x); }
                    template <class X> X slope(const X&, const X&) const { return X(0); } };
struct Floor      { static constexpr const char* name = "floor"; using Kind = OfOne<Reads::nothing>;
                    template <class X> X operator()(const X& x) const { return floor(x); }
                    template <class X> X slope(const X&, const X&) const { return X(0); } };
// clang-format on

/// The nearest integer, of two the even one.
struct Round {
  static constexpr const char* name = "round";
  using Kind = OfOne<Reads::nothing>;
  template <class X>
  X operator()(const X& x) const {
    const X below = floor(x), rest = x - below;
    const auto odd = below != 2 * floor(below * X(0.5));
    return where(rest > X(0.5) || (rest == X(0.5) && odd), below + 1, below);
  }
  template <class X>
  X slope(const X&, const X&) const {
    return X(0);
  }
};

/// sqrt(x) with slope 0 at 0, where a norm or a standard deviation has its kink.
struct Root {
  static constexpr const char* name = "root";
  using Kind = OfOne<Reads::output>;
  template <class X>
  X operator()(const X& x) const {
    return sqrt(x);
  }
  template <class X>
  X slope(const X&, const X& y) const {
    const auto zero = y == X(0);
    return where(zero, X(0), 0.5 / where(zero, X(1), y));
  }
};

}  // namespace xgrad::primitives
