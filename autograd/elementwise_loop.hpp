#pragma once

// How elementwise kernels walk over operands that broadcast, and the parts that threads take of it.
// Internal.

#include <cstddef>

#include "xgrad/autograd/shape.hpp"
#include "xgrad/kernels/loop.hpp"

namespace xgrad::detail {

using kernels::Loop;

/// Over n inputs that have the output's shape, of so many elements.
void build_loop(Loop& loop, std::size_t elements, std::size_t n);

/// Over n inputs that broadcast to `out`.
void build_loop(Loop& loop, const Shape& out, const Shape* const* shapes, std::size_t n);

/// A piece of the outermost axis: where it begins, there and in the output.
struct Part {
  Loop loop;
  std::size_t begin, out;
};

/// Piece i of so many.
Part part_of(const Loop& loop, std::size_t pieces, std::size_t i);

/// Into how many pieces a loop is cut for its size.
std::size_t pieces_of(const Loop& loop);

/// Into how many pieces an axis is cut for the sums along it.
std::size_t pieces_by_length(const Loop& loop, std::size_t axis);

/// The loop at one index of the outermost axis.
Loop without_outermost(const Loop& loop);

/// Elements of an input.
std::size_t size_of(const Loop& loop, std::size_t input);

}  // namespace xgrad::detail
