#pragma once

// Reading and writing the elements of a tensor on a lattice: the one operation, and its
// adjoint, that slices, permutations, flips, paddings and concatenations are. Internal;
// see xgrad/ops/shape.hpp.

#include <array>

#include "xgrad/autograd/record.hpp"
#include "xgrad/kernels/copy.hpp"

namespace xgrad::detail {

/// Distances in memory between neighbours along each axis.
using Strides = std::array<std::ptrdiff_t, Shape::kMaxRank>;
Strides strides_of(const Shape& shape);

/// Product of the sizes of axes [begin, end).
std::size_t product(const Shape& shape, std::size_t begin, std::size_t end);

/// A lattice in the array of one tensor. `complete` when it has every element of it.
struct Selection {
  kernels::Lattice lattice;
  bool complete = false;
};

/// The elements of x on the lattice, as `shape`. Gradient: gx = gy on the lattice, 0 elsewhere; the
/// backward pass writes into the gradient of x where it is gathered, so that many small pieces of a
/// large tensor cost what the pieces cost.
template <class T>
Tensor<T> take(const Tensor<T>& x, const Selection& from, const Shape& shape, const Rule<T>& rule);

/// A tensor of `shape` with the elements of x on the lattice and `fill` elsewhere. Gradient:
/// gx = gy on the lattice.
template <class T>
Tensor<T> place(const Tensor<T>& x, const Selection& to, const Shape& shape, T fill,
                const Rule<T>& rule);

/// The Rule::backward of an operation that is a `take` or a `place`; the attributes are
/// the Selection.
template <class T>
void take_backward(const void* selection, Backward<T>& b);
template <class T>
void place_backward(const void* selection, Backward<T>& b);

/// gx = gy on the lattice, for input i.
template <class T>
void add_from_lattice(Backward<T>& b, std::size_t i, const Selection& selection);

}  // namespace xgrad::detail
