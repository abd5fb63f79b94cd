#pragma once

// The statistics that the doctor's thresholds come from. Internal.

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "xgrad/autograd/tensor.hpp"

namespace xgrad::detail {

/// Count, mean and variance (n - 1 in the denominator; 0 for one number) of finite numbers.
struct Moments {
  std::size_t n = 0;
  double mean = 0, variance = 0;
  double deviation() const { return std::sqrt(variance); }
  double standard_error() const {
    return n == 0 ? 0 : std::sqrt(variance / static_cast<double>(n));
  }
};
Moments moments_of(std::span<const double> values);
template <class T>
Moments moments_of(const T* values, std::size_t n);

/// The root of the sum of squares, and that of the differences.
template <class T>
double norm_of(const Tensor<T>& x);
template <class T>
double distance_of(const Tensor<T>& a, const Tensor<T>& b);

double median_of(std::vector<double> values);  ///< of an even number the upper one; NaN for none

/// How many standard errors a figure may be off before the doctor speaks: by chance that happens
/// once in 15 000 times (the normal distribution's two sides), so that some dozen checks of each of
/// hundreds of runs stay silent.
inline constexpr double kSigmas = 4;

/// The variance of logits that He's initialisation gives inputs of second moment 1.
inline constexpr double kHeVariance = 2;

/// The factor of the variance from layer to layer that keeps a signal: 1 with Xavier's and He's
/// initialisation. Uniform numbers in +-1/sqrt(in), the default, have 1/3, under relu 1/6.
inline constexpr double kLeastFactor = 0.1, kLargestFactor = 10;

/// A trend of blocks of a noisy curve: the means of the first and last part and the standard error
/// of their difference, from the spread within the parts' own blocks, so that neighbours that
/// resemble each other are no independent evidence.
struct Trend {
  double first = 0, last = 0, standard_error = 0;
  double fall() const { return first - last; }
};
/// Of at least 8 values.
Trend trend_of(std::span<const double> curve);

}  // namespace xgrad::detail
