#include "tests/compiler_flags/with_flags.hpp"

#include <cstdint>
#include <utility>

#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/map.hpp"

#ifndef XTENSOR_USE_XSIMD
#error "this source is to be compiled with XTENSOR_USE_XSIMD"
#endif

namespace with_flags {

using namespace xgrad;

Layout array_layout() { return layout_of<Array<float>>(); }
Layout view_layout() { return layout_of<ArrayView<double>>(); }
Layout indices_layout() { return layout_of<Indices>(); }
Layout tensor_layout() { return layout_of<Tensor<double>>(); }

Array<double> twice(const Array<double>& x) { return 2.0 * x; }
void add_one(Array<float>& x) { x += 1.0F; }
void fill(ArrayView<double> x, double value) { x = value * xt::ones<double>(x.shape()); }
Array<float> swallow(Array<float>&& x) { return std::move(x); }
Indices successor(const Indices& i) { return i + std::int64_t{1}; }

Tensor<double> cube_by_operations(const Tensor<double>& x) { return x * x * x; }
Tensor<double> cube_by_map(const Tensor<double>& x) {
  return map([](auto a) { return a * a * a; }, x);
}

}  // namespace with_flags
