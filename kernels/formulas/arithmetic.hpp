#pragma once

// Two arguments and more. `saves` names what the backward pass reads for the inputs in `needed`;
// `composed` is the backward pass in operations on tensors, b being xgrad::Backward; `vjp` is one
// that hands the gradient on as it is, in place of the kernel where `shares` says so.

#include <cstddef>

#include "xgrad/kernels/formulas/contract.hpp"

namespace xgrad::primitives {

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

/// (x - center) scale + shift: the only form that does not cancel where x and center are large.
struct Affine {
  static constexpr const char* name = "affine";
  static constexpr std::size_t arity = 4;
  template <class X, class C, class S, class B>
  auto operator()(const X& x, const C& center, const S& scale, const B& shift) const {
    return (x - center) * scale + shift;
  }
};

}  // namespace xgrad::primitives
