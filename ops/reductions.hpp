#pragma once

// Reductions over any set of axes. The largest and smallest elements are in extrema.hpp.
//
//   sum(x);  sum(x, 1);  sum(x, {0, -1}, {.keep_dims = true});
//
// Axes: one axis, a list or a vector of them; negative ones count from the end, `{}` (the default)
// is every axis.
//
// Shapes: the reduced axes disappear, or stay with size 1 when `keep_dims` is set.
//
// Over no numbers at all: sum 0, prod 1, mean and var NaN, logsumexp -inf, norm 0.
//
// Throws: std::out_of_range for an axis that x does not have, std::invalid_argument for one
// given twice.
//
// sum, mean, prod and logsumexp, the sum of squares inside var and norm, and cumsum are operations
// with kernels of their own, in one pass over memory each way; the rest is composed of them. Sums
// are taken in pieces of a fixed size that are added up in order: precise, and the same for any
// number of threads.

#include "xgrad/autograd/tensor.hpp"

namespace xgrad {

struct ReduceOptions {
  bool keep_dims = false;  ///< keep reduced axes, with size 1
};

struct VarianceOptions {
  double correction = 1;  ///< subtracted from n in the divisor; 0: the biased estimate
  bool keep_dims = false;
};

/// The sum. Gradient: gx = gy.
template <class T>
Tensor<T> sum(const Tensor<T>& x, const Axes& axes = {}, ReduceOptions options = {});

/// The sum of several tensors, which broadcast, in the order of the list. Throws
/// std::invalid_argument for an empty list.
template <class T>
Tensor<T> sum(const std::vector<Tensor<T>>& terms);

/// The arithmetic mean. Gradient: gx = gy / n.
template <class T>
Tensor<T> mean(const Tensor<T>& x, const Axes& axes = {}, ReduceOptions options = {});

/// The product. Gradient: gx = gy times the product of the other elements, also where some are 0.
template <class T>
Tensor<T> prod(const Tensor<T>& x, const Axes& axes = {}, ReduceOptions options = {});

/// The variance: sum (x - mean)^2 / (n - correction), in two passes, as if the mean was not rounded.
/// NaN when n is not above the correction.
/// Gradient: gx = 2 gy (x - mean) / (n - correction).
template <class T>
Tensor<T> var(const Tensor<T>& x, const Axes& axes = {}, VarianceOptions options = {});

/// The standard deviation, sqrt(var), also where var is beyond the range of T. (`std` is the name of
/// a namespace.)
/// Gradient: gx = gy (x - mean) / ((n - correction) y), 0 where y is 0.
template <class T>
Tensor<T> stddev(const Tensor<T>& x, const Axes& axes = {}, VarianceOptions options = {});

/// The p-norm, (sum |x|^p)^(1/p); the largest |x| for p infinite.
/// Gradient: gx = gy sign(x) (|x| / y)^(p-1), in particular gx = gy x / y for p = 2. It is 0 where
/// y is 0 and at elements that are 0; for p infinite the largest elements share it evenly. Precise
/// also where powers of x are beyond the range of T.
/// Throws std::invalid_argument unless p > 0, and for p infinite over no elements.
template <class T>
Tensor<T> norm(const Tensor<T>& x, double p = 2, const Axes& axes = {}, ReduceOptions options = {});

/// log(sum(exp(x))) without overflow; -inf where every x is.
/// Gradient: gx = gy exp(x - y), 0 where every x is -inf, NaN where one is +inf.
template <class T>
Tensor<T> logsumexp(const Tensor<T>& x, const Axes& axes = {}, ReduceOptions options = {});

/// The running sum along an axis: y[i] = x[0] + ... + x[i]. Shapes: (any shape) -> the same shape.
/// Gradient: gx[i] = gy[i] + gy[i+1] + ... . Throws std::out_of_range, also for a 0-d x.
template <class T>
Tensor<T> cumsum(const Tensor<T>& x, std::ptrdiff_t axis);

}  // namespace xgrad
