#pragma once

// How a reduction goes over a set of axes. Internal; the operations are in reductions.hpp
// and extrema.hpp.

#include <array>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/kernels/axis_view.hpp"

namespace xgrad::detail {

/// Groups of neighbouring axes, reduced one after the other from the last; each group leaves an
/// array in which the axes it took have size 1.
struct ReductionPlan {
  std::array<kernels::AxisView, Shape::kMaxRank / 2> groups;
  std::size_t count = 0;    ///< of groups; at least 1
  Shape kept;               ///< the result, reduced axes with size 1
  Shape dropped;            ///< the result without them
  std::size_t numbers = 1;  ///< that each element of the result is made of

  const Shape& result(bool keep_dims) const { return keep_dims ? kept : dropped; }
};

/// Throws std::out_of_range for an axis that is not there, std::invalid_argument for one that is
/// given twice.
ReductionPlan plan_reduction(const char* operation, const Shape& shape, const Axes& axes);

/// The array seen around one axis. Throws std::out_of_range.
kernels::AxisView view_along(const char* operation, const Shape& shape, std::ptrdiff_t axis);

/// group(x, view, shape of the result) for each group of the plan in turn.
template <class T, class Group>
Tensor<T> reduce_groups(const Tensor<T>& x, const ReductionPlan& plan, bool keep_dims,
                        const Group& group) {
  Tensor<T> y = x;
  for (std::size_t i = 0; i < plan.count; ++i) {
    const kernels::AxisView& view = plan.groups[i];
    const bool last = i + 1 == plan.count;
    y = group(y, view, last ? plan.result(keep_dims) : Shape{view.outer, view.inner});
  }
  return y;
}

}  // namespace xgrad::detail
