#pragma once

// Arithmetic and selection: formulas of two arguments and more.

#include "xgrad/kernels/formulas/contract.hpp"

namespace xgrad::primitives {

struct Add {
  static constexpr const char* name = "add";
  using Kind = OfTwo;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return x + y;
  }
  template <class X>
  X by_first(const X&, const X&, const X&) const {
    return X(1);
  }
  template <class X>
  X by_second(const X&, const X&, const X&) const {
    return X(1);
  }
  static Saved saves(unsigned) { return {}; }
  template <class B>
  static bool shares(const B&) {
    return true;
  }
  template <class B>
  static void vjp(B& b) {
    b.add(0, b.gradient());
    b.add(1, b.take_gradient());
  }
};

struct Subtract {
  static constexpr const char* name = "subtract";
  using Kind = OfTwo;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return x - y;
  }
  template <class X>
  X by_first(const X&, const X&, const X&) const {
    return X(1);
  }
  template <class X>
  X by_second(const X&, const X&, const X&) const {
    return X(-1);
  }
  static Saved saves(unsigned) { return {}; }
  template <class B>
  static bool shares(const B& b) {
    return b.needs(0);
  }
  template <class B>
  static void vjp(B& b) {
    b.add(0, b.gradient());
    if (b.needs(1)) b.add(1, -b.gradient());
  }
};

struct Multiply {
  static constexpr const char* name = "multiply";
  using Kind = OfTwo;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return x * y;
  }
  template <class X>
  X by_first(const X&, const X& y, const X&) const {
    return y;
  }
  template <class X>
  X by_second(const X& x, const X&, const X&) const {
    return x;
  }
  static Saved saves(unsigned needed) { return {(needed & 1U) << 1 | needed >> 1}; }
};

/// x y, and 0 where either is 0: a slope and what it multiplies.
struct Chain : Multiply {
  static constexpr const char* name = "chain";
  template <class X>
  X operator()(const X& x, const X& y) const {
    return where(x == X(0) || y == X(0), X(0), x * y);
  }
};

struct Divide {
  static constexpr const char* name = "divide";
  using Kind = OfTwo;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return x / y;
  }
  template <class X>
  X by_first(const X&, const X& y, const X&) const {
    return 1 / y;
  }
  template <class X>
  X by_second(const X& x, const X& y, const X&) const {
    return -(x / y / y);
  }
  static Saved saves(unsigned needed) { return {(needed & 2U) != 0 ? 3U : 2U}; }
};

/// x^y. By x it is 0 where y is; by y it is 0 at x = 0 for y >= 0.
struct Power {
  static constexpr const char* name = "pow";
  using Kind = OfTwo;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return pow(x, y);
  }
  template <class X>
  X by_first(const X& x, const X& y, const X&) const {
    const auto none = y == X(0);
    const X p = pow(x, where(none, X(1), y - 1));
    return where(none || p == X(0), X(0), y * p);
  }
  template <class X>
  X by_second(const X& x, const X& y, const X& z) const {
    return where(z == X(0) || (x == X(0) && y == X(0)), X(0), z * log(x));
  }
  static Saved saves(unsigned needed) { return {3U, (needed & 2U) != 0}; }
};

/// The larger one; equal arguments share the gradient evenly.
struct Maximum {
  static constexpr const char* name = "maximum";
  using Kind = OfTwo;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return maximum(x, y);
  }
  template <class X>
  X by_first(const X& x, const X& y, const X&) const {
    return where(x == y, X(0.5), where(x > y || x != x, X(1), X(0)));
  }
  template <class X>
  X by_second(const X& x, const X& y, const X&) const {
    return where(x == y, X(0.5), where(x > y || x != x, X(0), X(1)));
  }
  static Saved saves(unsigned) { return {3U}; }
};

/// The smaller one; equal arguments share the gradient evenly.
struct Minimum {
  static constexpr const char* name = "minimum";
  using Kind = OfTwo;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return minimum(x, y);
  }
  template <class X>
  X by_first(const X& x, const X& y, const X&) const {
    return where(x == y, X(0.5), where(x < y || x != x, X(1), X(0)));
  }
  template <class X>
  X by_second(const X& x, const X& y, const X&) const {
    return where(x == y, X(0.5), where(x < y || x != x, X(0), X(1)));
  }
  static Saved saves(unsigned) { return {3U}; }
};

/// log(e^x + e^y).
struct LogAddExp {
  static constexpr const char* name = "logaddexp";
  using Kind = OfTwo;
  template <class X>
  X operator()(const X& x, const X& y) const {
    const X apart = maximum(x, y) + log1p(exp(-abs(x - y)));
    return where(x == y, x + X(0.6931471805599453094), apart);
  }
  template <class X>
  X by_first(const X& x, const X& y, const X&) const {
    return where(x == y, X(0.5), sigmoid(x - y));
  }
  template <class X>
  X by_second(const X& x, const X& y, const X&) const {
    return where(x == y, X(0.5), sigmoid(y - x));
  }
  static Saved saves(unsigned) { return {3U}; }
};

/// x log(y), 0 at x = 0 whatever y is but NaN.
struct XLogY {
  static constexpr const char* name = "xlogy";
  using Kind = OfTwo;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return where(x == X(0) && y == y, X(0), x * log(y));
  }
  template <class X>
  X by_first(const X&, const X& y, const X&) const {
    return log(y);
  }
  template <class X>
  X by_second(const X& x, const X& y, const X&) const {
    return where(x == X(0) && y == y, X(0), x / y);
  }
  static Saved saves(unsigned needed) { return {(needed & 2U) != 0 ? 3U : 2U}; }
};

/// The angle of (y, x), x being the first coordinate of the plane, in [-pi, pi].
struct Atan2 {
  static constexpr const char* name = "atan2";
  using Kind = OfTwo;
  template <class X>
  X operator()(const X& y, const X& x) const {
    const X a = abs(y), b = abs(x), larger = maximum(a, b);
    const X ratio = where(larger == X(0), X(0), where(a == b, X(1), minimum(a, b) / larger));
    X angle = atan(ratio);
    angle = where(a > b, X(1.5707963267948966192) - angle, angle);
    angle = where(is_negative(x), X(3.1415926535897932385) - angle, angle);
    return where(is_negative(y), -angle, angle);
  }
  template <class X>
  X by_first(const X& y, const X& x, const X&) const {
    return over_square(x, y, x);
  }
  template <class X>
  X by_second(const X& y, const X& x, const X&) const {
    return over_square(-y, y, x);
  }
  static Saved saves(unsigned) { return {3U}; }

 private:
  // -0 counts.
  template <class X>
  static auto is_negative(const X& x) {
    return x < X(0) || (x == X(0) && 1 / x < X(0));
  }
  // z / (x^2 + y^2), z being one of them or its negative; 0 at the origin and at infinity.
  template <class X>
  static X over_square(const X& z, const X& y, const X& x) {
    const X larger = maximum(abs(y), abs(x)), u = x / larger, v = y / larger;
    const auto limit = larger == X(0) || 1 / larger == X(0);
    return where(limit, X(0), z / larger / (square(u) + square(v)) / larger);
  }
};

/// a where the mask is not 0, b elsewhere. The mask gets no gradient.
struct Where {
  static constexpr const char* name = "where";
  using Kind = OwnRule<3>;
  template <class M, class X, class Y>
  auto operator()(const M& mask, const X& a, const Y& b) const {
    return where(mask != 0, a, b);
  }
  static Saved saves(unsigned) { return {1U}; }
  template <class B>
  void composed(B& b) const {
    const auto mask = b.input(0);
    if (b.needs(1)) b.add(1, where(mask, b.gradient(), 0));
    if (b.needs(2)) b.add(2, where(mask, 0, b.gradient()));
  }
};

/// (x - center) scale + shift: the only form that does not cancel where x and center are large.
struct Affine {
  static constexpr const char* name = "affine";
  using Kind = Composed<4>;
  template <class X, class C, class S, class B>
  auto operator()(const X& x, const C& center, const S& scale, const B& shift) const {
    return (x - center) * scale + shift;
  }
};

}  // namespace xgrad::primitives
