#pragma once

#include <cstddef>

namespace xgrad::primitives {

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
