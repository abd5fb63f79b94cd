#pragma once

// Sums and means of rows, on arrays. Internal.

#include <algorithm>
#include <cmath>
#include <vector>

#include "xgrad/kernels/axis_view.hpp"
#include "xgrad/kernels/reduce.hpp"

namespace xgrad::detail {

/// y = scale times the sums of x along the middle axis; of none, 0. A mean is finite where the sum alone is too
/// large.
template <class T>
void scaled_sums(const T* x, const kernels::AxisView& view, double scale, T* y) {
  const auto reduce = [&](const T* numbers) {
    kernels::reduce(kernels::Reduction::sum, numbers, y, view.outer, view.n, view.inner);
  };
  reduce(x);
  if (scale == 1) return;
  const auto factor = static_cast<T>(scale);
  const std::size_t rows = view.rows();
  std::transform(y, y + rows, y, [factor](T v) { return factor * v; });
  if (!(scale < 1) || std::all_of(y, y + rows, [](T v) { return std::isfinite(v); })) return;
  std::vector<T> scaled(view.elements());
  std::transform(x, x + scaled.size(), scaled.begin(), [factor](T v) { return v * factor; });
  reduce(scaled.data());
}

}  // namespace xgrad::detail
