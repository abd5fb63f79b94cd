#pragma once

// Axes along which one tensor is repeated in another one. Internal: compile/static_emit.cpp.

#include <cstddef>
#include <vector>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/shape.hpp"
#include "xgrad/kernels/axis_view.hpp"
#include "xgrad/kernels/copy.hpp"

namespace xgrad::detail {

// The groups of axes along which `narrow` is repeated in `wide`, each to be added up at once.
inline std::vector<kernels::AxisView> summed_axes(const Shape& wide, const Shape& narrow) {
  const auto product = [&](std::size_t begin, std::size_t end) {
    return Shape(wide.begin() + begin, wide.begin() + end).elements();
  };
  std::vector<kernels::AxisView> groups;
  for (std::size_t end = wide.rank(), begin = 0; last_repeated_axes(wide, narrow, end, begin);
       end = begin)
    groups.push_back({product(0, begin), product(begin, end), product(end, wide.rank())});
  return groups;
}

// `narrow` repeated to `wide`.
inline kernels::Lattice repeated_lattice(const Shape& narrow, const Shape& wide) {
  kernels::Lattice lattice;
  const std::size_t missing = wide.rank() - narrow.rank();
  std::size_t left = narrow.elements();
  for (std::size_t i = 0; i < wide.rank(); ++i) {
    if (i >= missing) left /= narrow[i - missing];
    const bool stays = i < missing || narrow[i - missing] == 1;
    lattice.add_axis(wide[i], stays ? 0 : static_cast<std::ptrdiff_t>(left));
  }
  return lattice;
}

inline bool has_one_sum(const Shape& wide, const Shape& narrow) {
  return summed_axes(wide, narrow).size() <= 1;
}

}  // namespace xgrad::detail
