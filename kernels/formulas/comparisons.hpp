#pragma once

// Comparisons and logic. Their results are masks, 1 for true and 0 for false, without gradient; a
// comparison with NaN is false, except `!=`.

#include <cstddef>

namespace xgrad::primitives {

struct Less {
  static constexpr const char* name = "less";
  static constexpr bool no_gradient = true;
  static constexpr std::size_t arity = 2;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return where(x < y, X(1), X(0));
  }
};

struct LessEqual {
  static constexpr const char* name = "less_equal";
  static constexpr bool no_gradient = true;
  static constexpr std::size_t arity = 2;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return where(x <= y, X(1), X(0));
  }
};

struct Greater {
  static constexpr const char* name = "greater";
  static constexpr bool no_gradient = true;
  static constexpr std::size_t arity = 2;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return where(x > y, X(1), X(0));
  }
};

struct GreaterEqual {
  static constexpr const char* name = "greater_equal";
  static constexpr bool no_gradient = true;
  static constexpr std::size_t arity = 2;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return where(x >= y, X(1), X(0));
  }
};

struct Equal {
  static constexpr const char* name = "equal";
  static constexpr bool no_gradient = true;
  static constexpr std::size_t arity = 2;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return where(x == y, X(1), X(0));
  }
};

struct NotEqual {
  static constexpr const char* name = "not_equal";
  static constexpr bool no_gradient = true;
  static constexpr std::size_t arity = 2;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return where(x != y, X(1), X(0));
  }
};

struct And {
  static constexpr const char* name = "logical_and";
  static constexpr bool no_gradient = true;
  static constexpr std::size_t arity = 2;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return where(x != X(0) && y != X(0), X(1), X(0));
  }
};

struct Or {
  static constexpr const char* name = "logical_or";
  static constexpr bool no_gradient = true;
  static constexpr std::size_t arity = 2;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return where(x != X(0) || y != X(0), X(1), X(0));
  }
};

struct Not {
  static constexpr const char* name = "logical_not";
  static constexpr bool no_gradient = true;
  template <class X>
  X operator()(const X& x) const {
    return where(x != X(0), X(0), X(1));
  }
};

}  // namespace xgrad::primitives
