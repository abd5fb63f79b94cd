#include "xgrad/ops/reduction_plan.hpp"

#include "xgrad/autograd/axis.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/ops/lattice.hpp"

namespace xgrad::detail {
namespace {

unsigned mask_of(const char* operation, const Shape& shape, const Axes& axes) {
  if (axes.empty()) return (1U << shape.rank()) - 1;
  unsigned mask = 0;
  for (const std::ptrdiff_t axis : axes) {
    const std::size_t i = normalize_axis(operation, axis, shape);
    if ((mask >> i & 1U) != 0) fail(operation, "axis ", i, " is given twice: x ", shape);
    mask |= 1U << i;
  }
  return mask;
}

// The axes [begin, end) of `now` as a group, which takes them to size 1.
kernels::AxisView take_group(Shape& now, std::size_t begin, std::size_t end) {
  const kernels::AxisView view{product(now, 0, begin), product(now, begin, end),
                               product(now, end, now.rank())};
  for (std::size_t i = begin; i < end; ++i) now[i] = 1;
  return view;
}

}  // namespace

ReductionPlan plan_reduction(const char* operation, const Shape& shape, const Axes& axes) {
  const unsigned mask = mask_of(operation, shape, axes);
  const auto reduced = [&](std::size_t i) { return (mask >> i & 1U) != 0; };
  ReductionPlan plan;
  plan.kept = shape;
  for (std::size_t end = shape.rank(); end > 0;) {
    std::size_t begin = end;
    while (begin > 0 && (reduced(begin - 1) || shape[begin - 1] == 1)) --begin;
    if (product(shape, begin, end) != 1) {
      plan.groups[plan.count++] = take_group(plan.kept, begin, end);
      plan.numbers *= plan.groups[plan.count - 1].n;
    }
    end = begin == end ? end - 1 : begin;
  }
  if (plan.count == 0) plan.groups[plan.count++] = {1, 1, shape.elements()};
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (!reduced(i)) plan.dropped.push_back(shape[i]);
  }
  return plan;
}

kernels::AxisView view_along(const char* operation, const Shape& shape, std::ptrdiff_t axis) {
  const std::size_t i = normalize_axis(operation, axis, shape);
  return {product(shape, 0, i), shape[i], product(shape, i + 1, shape.rank())};
}

}  // namespace xgrad::detail
