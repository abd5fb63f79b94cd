#pragma once

// Reductions over one group of neighbouring axes of a contiguous array, seen as (outer, n, inner)
// -> (outer, inner).
//
// Sums are taken in pieces of a fixed size that are added up afterwards: rounding errors grow with
// the logarithm of the length, and the result does not depend on the number of threads.

#include <cstddef>
#include <cstdint>

#include "xgrad/kernels/isa.hpp"

namespace xgrad::kernels {

enum class Reduction { sum, product, maximum, minimum };

template <class T>
struct ReduceKernels {
  /// y (outer, inner) = reduction of x (outer, n, inner) over n; n >= 1. NaN wins in maximum
  /// and minimum.
  void (*reduce[4])(const T* x, T* y, std::size_t outer, std::size_t n, std::size_t inner);
  /// y (outer, n, inner) = the value of x (outer, inner) at (outer, inner), times `scale`; added to
  /// y if `accumulate`.
  void (*spread)(const T* x, T* y, std::size_t outer, std::size_t n, std::size_t inner, T scale,
                 bool accumulate);
  /// y += a x.
  void (*axpy)(T* y, const T* x, T a, std::size_t n);
};

template <Isa I, class T>
ReduceKernels<T> make_reduce_kernels();

/// The kernels of the instruction set in use.
template <class T>
const ReduceKernels<T>& reduce_kernels();

/// Reductions with the work shared out over the threads.
template <class T>
void reduce(Reduction r, const T* x, T* y, std::size_t outer, std::size_t n, std::size_t inner);
template <class T>
void spread(const T* x, T* y, std::size_t outer, std::size_t n, std::size_t inner, T scale,
            bool accumulate);

}  // namespace xgrad::kernels
