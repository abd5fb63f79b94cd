#pragma once

// Sums of squares along one axis, around 0 or around the mean, and their derivative. The sum is
// taken in pieces of a fixed size: rounding errors stay small, and the result does not depend on
// the number of threads.
//
// A mean that is rounded to T is off by more than the numbers differ where they are nearly the
// same: with the mean goes a `rest`, the mean of what is left without it.

#include <limits>
#include <type_traits>

#include "xgrad/kernels/axis_view.hpp"
#include "xgrad/kernels/isa.hpp"

namespace xgrad::kernels {

template <class T>
struct MomentKernels {
  void (*squares)(const T* x, T* y, AxisView view);
  /// sums of x - center, and of their squares; with `finish`, what squares_around_mean says.
  void (*moments)(const T* x, T* center, T* sum, T* squares, AxisView view, bool finish);
  void (*deviations)(const T* x, const T* center, const T* rest, const T* scale, T* y,
                     AxisView view, bool accumulate);
};

template <Isa I, class T>
MomentKernels<T> make_moment_kernels();

/// y (outer, inner) = the sum along n of x^2.
template <class T>
void squares(const T* x, T* y, AxisView view);

/// y = the sum along n of (x - mean)^2, all of (outer, inner); n >= 1. `mean` holds the mean as far
/// as one sum gives it, and is made better where it has to be; rest = the mean of x - mean.
template <class T>
void squares_around_mean(const T* x, T* mean, T* rest, T* y, AxisView view);

/// y = scale (x - center - rest), all of (outer, inner), center and rest null for 0; added to y if
/// `accumulate`.
template <class T>
void deviations(const T* x, const T* center, const T* rest, const T* scale, T* y, AxisView view,
                bool accumulate);

template <class T>
requires(std::is_floating_point_v<T>) [[gnu::always_inline]] inline T
    where(bool condition, T a, T b) {
  return condition ? a : b;
}

/// The mean of n deviations from a center, given their sum, the sum of their squares and 1 / n;
/// takes what is due to the center out of `squares`; squares that are infinite say nothing of what
/// is due, and remain, as NaN does. X: T, or a pack of T.
template <class X, class T>
[[gnu::always_inline]] inline X take_out_center(X sum, X& squares, T inverse) {
  const X rest = sum * X(inverse), due = sum * rest, left = squares - due;
  const X most(std::numeric_limits<T>::max());
  squares = where(left > X(0), left, where(squares <= most && due >= squares, X(0), squares));
  return rest;
}

/// Whether the center is so far off that the difference has lost more than a bit.
template <class X, class T>
[[gnu::always_inline]] inline auto is_far_off(X sum, X squares, T inverse) {
  return sum * (sum * X(inverse)) > squares * X(0.5);
}

}  // namespace xgrad::kernels
