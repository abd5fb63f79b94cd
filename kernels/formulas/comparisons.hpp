#pragma once

// Comparisons and logic. Their results are masks, 1 for true and 0 for false, without gradient; a
// comparison with NaN is false, except `!=`.

#include "xgrad/kernels/formulas/contract.hpp"

namespace xgrad::primitives {

struct Less {
  static constexpr const char* name = "less";
  using Kind = Mask<2>;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return where(x < y, X(1), X(0));
  }
};

struct LessEqual {
  static constexpr const char* name = "less_equal";
  using Kind = Mask<2>;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return where(x <= y, X(1), X(0));
  }
};

struct Greater {
  static constexpr const char* name = "greater";
  using Kind = Mask<2>;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return where(x > y, X(1), X(0));
  }
};

struct GreaterEqual {
  static constexpr const char* name = "greater_equal";
  using Kind = Mask<2>;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return where(x >= y, X(1), X(0));
  }
};

struct Equal {
  static constexpr const char* name = "equal";
  using Kind = Mask<2>;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return where(x == y, X(1), X(0));
  }
};

struct NotEqual {
  static constexpr const char* name = "not_equal";
  using Kind = Mask<2>;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return where(x != y, X(1), X(0));
  }
};

struct And {
  static constexpr const char* name = "logical_and";
  using Kind = Mask<2>;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return where(x != X(0) && y != X(0), X(1), X(0));
  }
};

struct Or {
  static constexpr const char* name = "logical_or";
  using Kind = Mask<2>;
  template <class X>
  X operator()(const X& x, const X& y) const {
    return where(x != X(0) || y != X(0), X(1), X(0));
  }
};

struct Not {
  static constexpr const char* name = "logical_not";
  using Kind = Mask<1>;
  template <class X>
  X operator()(const X& x) const {
    return where(x != X(0), X(0), X(1));
  }
};

}  // namespace xgrad::primitives
