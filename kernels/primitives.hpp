#pragma once

// The derivative table: every function that formulas are made of, with its slope.
//
// A primitive is evaluated on packs by the forward kernel, and on tensors nowhere (that is the
// operation itself). `slope(x, y)` is dy/dx in terms of input and output; it is evaluated on packs
// by the backward kernel, on Dual numbers for composite formulas, and on tensors when the backward
// pass is itself recorded. So this file is the one place a derivative is written. `reads` says
// whether slope looks at the input or the output: only that is kept for the backward pass.
//
// Kinks and ties: docs/conventions.md. The slope at a kink is that of the flat or negative side,
// where(x <= 0, ...).

#include <cstddef>

namespace xgrad {

enum class Reads { nothing, input, output };

/// Which inputs a backward pass reads: bit i for input i.
struct SavedInputs {
  unsigned inputs = 0;
};

namespace primitives {

// clang-format off
struct Negative   { static constexpr const char* name = "negative"; static constexpr Reads reads = Reads::nothing;
                    template <class X> X operator()(const X& x) const { return -x; }
                    template <class X> X slope(const X&, const X&) const { return X(-1); } };
struct Exp        { static constexpr const char* name = "exp"; static constexpr Reads reads = Reads::output;
                    template <class X> X operator()(const X& x) const { return exp(x); }
                    template <class X> X slope(const X&, const X& y) const { return y; } };
struct Expm1      { static constexpr const char* name = "expm1"; static constexpr Reads reads = Reads::output;
                    template <class X> X operator()(const X& x) const { return expm1(x); }
                    template <class X> X slope(const X&, const X& y) const { return y + 1; } };
struct Log        { static constexpr const char* name = "log"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return log(x); }
                    template <class X> X slope(const X& x, const X&) const { return 1 / x; } };
struct Log1p      { static constexpr const char* name = "log1p"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return log1p(x); }
                    template <class X> X slope(const X& x, const X&) const { return 1 / (1 + x); } };
struct Sqrt       { static constexpr const char* name = "sqrt"; static constexpr Reads reads = Reads::output;
                    template <class X> X operator()(const X& x) const { return sqrt(x); }
                    template <class X> X slope(const X&, const X& y) const { return 0.5 / y; } };
struct Rsqrt      { static constexpr const char* name = "rsqrt"; static constexpr Reads reads = Reads::output;
                    template <class X> X operator()(const X& x) const { return rsqrt(x); }
                    template <class X> X slope(const X&, const X& y) const { return -0.5 * (y * y * y); } };
struct Square     { static constexpr const char* name = "square"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return square(x); }
                    template <class X> X slope(const X& x, const X&) const { return 2 * x; } };
struct Reciprocal { static constexpr const char* name = "reciprocal"; static constexpr Reads reads = Reads::output;
                    template <class X> X operator()(const X& x) const { return reciprocal(x); }
                    template <class X> X slope(const X&, const X& y) const { return -(y * y); } };
struct Abs        { static constexpr const char* name = "abs"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return abs(x); }
                    template <class X> X slope(const X& x, const X&) const { return sign(x); } };
struct Sign       { static constexpr const char* name = "sign"; static constexpr Reads reads = Reads::nothing;
                    template <class X> X operator()(const X& x) const { return sign(x); }
                    template <class X> X slope(const X&, const X&) const { return X(0); } };
struct Floor      { static constexpr const char* name = "floor"; static constexpr Reads reads = Reads::nothing;
                    template <class X> X operator()(const X& x) const { return floor(x); }
                    template <class X> X slope(const X&, const X&) const { return X(0); } };
struct Sin        { static constexpr const char* name = "sin"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return sin(x); }
                    template <class X> X slope(const X& x, const X&) const { return cos(x); } };
struct Cos        { static constexpr const char* name = "cos"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return cos(x); }
                    template <class X> X slope(const X& x, const X&) const { return -sin(x); } };
struct Tan        { static constexpr const char* name = "tan"; static constexpr Reads reads = Reads::output;
                    template <class X> X operator()(const X& x) const { return tan(x); }
                    template <class X> X slope(const X&, const X& y) const { return 1 + y * y; } };
struct Asin       { static constexpr const char* name = "asin"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return asin(x); }
                    template <class X> X slope(const X& x, const X&) const { return rsqrt((1 - x) * (1 + x)); } };
struct Acos       { static constexpr const char* name = "acos"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return acos(x); }
                    template <class X> X slope(const X& x, const X&) const { return -rsqrt((1 - x) * (1 + x)); } };
struct Atan       { static constexpr const char* name = "atan"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return atan(x); }
                    template <class X> X slope(const X& x, const X&) const { return 1 / (1 + x * x); } };
struct Sinh       { static constexpr const char* name = "sinh"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return sinh(x); }
                    template <class X> X slope(const X& x, const X&) const { return cosh(x); } };
struct Cosh       { static constexpr const char* name = "cosh"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return cosh(x); }
                    template <class X> X slope(const X& x, const X&) const { return sinh(x); } };
struct Tanh       { static constexpr const char* name = "tanh"; static constexpr Reads reads = Reads::output;
                    template <class X> X operator()(const X& x) const { return tanh(x); }
                    template <class X> X slope(const X&, const X& y) const { return (1 - y) * (1 + y); } };
struct Erf        { static constexpr const char* name = "erf"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return erf(x); }
                    template <class X> X slope(const X& x, const X&) const { return 1.1283791670955126 * exp(-(x * x)); } };
struct Ndtr       { static constexpr const char* name = "ndtr"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return ndtr(x); }
                    template <class X> X slope(const X& x, const X&) const {
                      if constexpr (requires { gaussian(x); }) return 0.3989422804014327 * gaussian(x);
                      else return 0.3989422804014327 * exp(-0.5 * (x * x)); } };
struct Sigmoid    { static constexpr const char* name = "sigmoid"; static constexpr Reads reads = Reads::output;
                    template <class X> X operator()(const X& x) const { return sigmoid(x); }
                    template <class X> X slope(const X&, const X& y) const { return y * (1 - y); } };
struct Relu       { static constexpr const char* name = "relu"; static constexpr Reads reads = Reads::output;
                    template <class X> X operator()(const X& x) const { return relu(x); }
                    template <class X> X slope(const X&, const X& y) const { return where(y <= 0, X(0), X(1)); } };
// log(1 + exp(x)) without overflow, and with full precision where exp(x) is small.
struct Softplus   { static constexpr const char* name = "softplus"; static constexpr Reads reads = Reads::input;
                    template <class X> X operator()(const X& x) const { return softplus(x); }
                    template <class X> X slope(const X& x, const X&) const { return sigmoid(x); } };
// clang-format on

// Two arguments and more. `saves` names what the backward pass reads for the inputs in `needed`;
// `composed` is the backward pass in operations on tensors, b being xgrad::Backward; `vjp` is one
// that hands the gradient on as it is, in place of the kernel where `shares` says so.

struct Add {
  static constexpr const char* name = "add";
  static constexpr std::size_t arity = 2;
  template <class X, class Y>
  auto operator()(const X& x, const Y& y) const {
    return x + y;
  }
  static SavedInputs saves(unsigned) { return {}; }
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
  static constexpr std::size_t arity = 2;
  template <class X, class Y>
  auto operator()(const X& x, const Y& y) const {
    return x - y;
  }
  static SavedInputs saves(unsigned) { return {}; }
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
  static constexpr std::size_t arity = 2;
  template <class X, class Y>
  auto operator()(const X& x, const Y& y) const {
    return x * y;
  }
  static SavedInputs saves(unsigned needed) { return {(needed & 1U) << 1 | needed >> 1}; }
  template <class B>
  void composed(B& b) const {
    if (b.needs(0)) b.add(0, b.gradient() * b.input(1));
    if (b.needs(1)) b.add(1, b.gradient() * b.input(0));
  }
};

struct Divide {
  static constexpr const char* name = "divide";
  static constexpr std::size_t arity = 2;
  template <class X, class Y>
  auto operator()(const X& x, const Y& y) const {
    return x / y;
  }
  static SavedInputs saves(unsigned needed) { return {(needed & 2U) != 0 ? 3U : 2U}; }
  template <class B>
  void composed(B& b) const {
    const auto y = b.input(1);
    if (b.needs(0)) b.add(0, b.gradient() / y);
    if (b.needs(1)) b.add(1, -(b.gradient() * b.input(0) / (y * y)));
  }
};

/// x^y. At x = 0 with y > 0 the derivative by y is 0; x^0 is 1 with derivative 0 by x.
struct Power {
  static constexpr const char* name = "pow";
  static constexpr std::size_t arity = 2;
  template <class X, class Y>
  auto operator()(const X& x, const Y& y) const {
    return pow(x, y);
  }
  template <class B>
  void composed(B& b) const {
    const auto x = b.input(0), y = b.input(1);
    if (b.needs(0))
      b.add(0, b.gradient() * where(y == 0, 0 * x, y * pow(x, where(y == 0, 1 + 0 * y, y - 1))));
    if (b.needs(1)) {
      const auto zero = x == 0;
      b.add(1, b.gradient() * where(zero, 0 * y, pow(x, y) * log(where(zero, 1, x))));
    }
  }
};

/// The larger one; equal arguments share the gradient evenly.
struct Maximum {
  static constexpr const char* name = "maximum";
  static constexpr std::size_t arity = 2;
  template <class X, class Y>
  auto operator()(const X& x, const Y& y) const {
    return maximum(x, y);
  }
  template <class B>
  void composed(B& b) const {
    const auto x = b.input(0), y = b.input(1);
    const auto share = where(x == y, 0.5, where(x > y || x != x, 1, 0));
    b.add(0, b.gradient() * share);
    b.add(1, b.gradient() * (1 - share));
  }
};

/// The smaller one; equal arguments share the gradient evenly.
struct Minimum {
  static constexpr const char* name = "minimum";
  static constexpr std::size_t arity = 2;
  template <class X, class Y>
  auto operator()(const X& x, const Y& y) const {
    return minimum(x, y);
  }
  template <class B>
  void composed(B& b) const {
    const auto x = b.input(0), y = b.input(1);
    const auto share = where(x == y, 0.5, where(x < y || x != x, 1, 0));
    b.add(0, b.gradient() * share);
    b.add(1, b.gradient() * (1 - share));
  }
};

/// a where the mask is not 0, b elsewhere. The mask gets no gradient.
struct Where {
  static constexpr const char* name = "where";
  static constexpr std::size_t arity = 3;
  template <class M, class X, class Y>
  auto operator()(const M& mask, const X& a, const Y& b) const {
    return where(mask != 0, a, b);
  }
  static SavedInputs saves(unsigned) { return {1U}; }
  template <class B>
  void composed(B& b) const {
    const auto mask = b.input(0);
    if (b.needs(1)) b.add(1, where(mask, b.gradient(), 0));
    if (b.needs(2)) b.add(2, where(mask, 0, b.gradient()));
  }
};

}  // namespace primitives
}  // namespace xgrad
