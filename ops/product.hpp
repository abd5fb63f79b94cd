#pragma once

// Matrix products in backward rules. Internal.

#include <array>

#include "xgrad/autograd/record.hpp"
#include "xgrad/kernels/gemm.hpp"
#include "xgrad/ops/linalg.hpp"

namespace xgrad::detail {

/// Products op(p) op(q), of matrices or equally many of them, for the gradients of inputs:
/// gathered, so that they are computed side by side, and do the adding themselves. p and q must
/// live until then.
template <class T>
class GradientProducts {
 public:
  explicit GradientProducts(Backward<T>& back) : back_(back) {}

  /// For input i, which needs a gradient.
  void add(std::size_t i, const Tensor<T>& p, const Tensor<T>& q, MatmulOptions o = {});
  /// Computes what was gathered.
  void run();

 private:
  Backward<T>& back_;
  std::array<kernels::Product<T>, 4> gathered_;
  std::size_t count_ = 0;
};

}  // namespace xgrad::detail
