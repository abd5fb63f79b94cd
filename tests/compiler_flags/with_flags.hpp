#pragma once

// Functions compiled with -march=native and XTENSOR_USE_XSIMD, to be called from a source without.
// They link only if the types in their signatures are the same in both.

#include "tests/compiler_flags/layout.hpp"
#include "xgrad/autograd/tensor.hpp"

namespace with_flags {

Layout array_layout();    // Array<float>
Layout view_layout();     // ArrayView<double>
Layout indices_layout();  // Indices
Layout tensor_layout();   // Tensor<double>

xgrad::Array<double> twice(const xgrad::Array<double>& x);
void add_one(xgrad::Array<float>& x);
void fill(xgrad::ArrayView<double> x, double value);
xgrad::Array<float> swallow(xgrad::Array<float>&& x);
xgrad::Indices successor(const xgrad::Indices& i);

xgrad::Tensor<double> cube_by_operations(const xgrad::Tensor<double>& x);
xgrad::Tensor<double> cube_by_map(const xgrad::Tensor<double>& x);

}  // namespace with_flags
