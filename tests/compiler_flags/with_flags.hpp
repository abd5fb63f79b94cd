#pragma once

// What with_flags.cpp does with arrays and tensors: compiled with -march=native and XTENSOR_USE_XSIMD, called from a
// source without.

#include <cstddef>
#include <string>

#include "xgrad/xgrad.hpp"

namespace with_flags {

/// How a type is named and laid out.
struct Layout {
  std::string name;
  std::size_t size, alignment;
  bool operator==(const Layout&) const = default;
};
template <class T>
Layout layout_of();

extern const char* const simd;  // what XTENSOR_USE_XSIMD is

Layout array_layout();    // Array<float>
Layout indices_layout();  // Indices
Layout tensor_layout();   // Tensor<double>

xgrad::Array<double> twice(const xgrad::Array<double>& x);
void twice_in_place(xgrad::Array<float>& x);
xgrad::Array<float> take(xgrad::Array<float>&& x);
xgrad::Tensor<double> squared(const xgrad::Tensor<double>& x);

}  // namespace with_flags
