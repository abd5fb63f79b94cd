#pragma once

#include <cstddef>

namespace xgrad::kernels {

/// A contiguous array seen around one axis: n numbers along it, each `inner` apart; (outer, inner)
/// such rows.
struct AxisView {
  std::size_t outer, n, inner;

  std::size_t rows() const { return outer * inner; }
  std::size_t elements() const { return outer * n * inner; }
};

}  // namespace xgrad::kernels
