#pragma once

// Copies between a contiguous array and a regular grid of elements in another one: what slices,
// permutations, concatenations, paddings and their gradients are made of.
//
// Runs of neighbours are copied as such, a unit stride on another axis than the innermost as
// transposed tiles. No element is written twice, so that the result does not depend on the number
// of threads.

#include <cstddef>

#include "xgrad/kernels/isa.hpp"
#include "xgrad/kernels/loop.hpp"

namespace xgrad::kernels {

/// Element i of `extent`, at most 8 axes, is at offset + stride . i of an array. Strides count
/// elements; they may be negative, and 0 in a lattice that is only read.
struct Lattice {
  std::ptrdiff_t offset = 0;
  std::size_t rank = 0;
  std::size_t extent[kMaxRank];
  std::ptrdiff_t stride[kMaxRank];

  /// Adds an axis inside those there are, merged with the last one where the strides allow.
  void add_axis(std::size_t n, std::ptrdiff_t step);
};

/// y (contiguous, of the lattice's extent) = the elements of x on the lattice; added to y if
/// `accumulate`.
template <class T>
void read_lattice(const T* x, const Lattice& lattice, T* y, bool accumulate);

/// The elements of y on the lattice = x (contiguous, of the lattice's extent); added to them if
/// `accumulate`.
template <class T>
void write_lattice(const T* x, T* y, const Lattice& lattice, bool accumulate);

/// y[to . i] = x[from . i], added if `accumulate`, for each index i below `extent`. At least
/// one axis.
struct CopyLoop {
  std::size_t rank;
  std::size_t extent[kMaxRank];
  std::ptrdiff_t from[kMaxRank], to[kMaxRank];
};

template <class T>
struct CopyKernels {
  /// The last axis is the innermost; a pair to transpose is last, `from` 1 in the first and `to` 1
  /// in the second.
  void (*run)(const T* x, T* y, const CopyLoop& loop, bool accumulate);
};

template <Isa I, class T>
CopyKernels<T> make_copy_kernels();

}  // namespace xgrad::kernels
