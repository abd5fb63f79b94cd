#include "xgrad/doctor/statistics.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

#include "xgrad/kernels/optimizer.hpp"

namespace xgrad::detail {
namespace {

// f(x[i]) added up in eight sums side by side.
template <class F>
double sum_of(std::size_t n, const F& f) {
  double lanes[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::size_t k = 0; k < 8; ++k) lanes[k] += f(i + k);
  }
  for (; i < n; ++i) lanes[i % 8] += f(i);
  double r = 0;
  for (const double l : lanes) r += l;
  return r;
}

template <class T>
Moments moments(const T* values, std::size_t n) {
  if (!kernels::all_finite(values, n)) {
    std::vector<T> some;
    std::copy_if(values, values + n, std::back_inserter(some),
                 [](T v) { return std::isfinite(v); });
    return moments(some.data(), some.size());
  }
  const auto at = [&](std::size_t i) { return static_cast<double>(values[i]); };
  Moments r{n, 0, 0};
  if (n == 0) return r;
  const auto count = static_cast<double>(n);
  r.mean = sum_of(n, at) / count;
  const double squares =
      sum_of(n, [&](std::size_t i) { return (at(i) - r.mean) * (at(i) - r.mean); });
  if (n > 1) r.variance = squares / (count - 1);
  return r;
}

// Of the means of a part's blocks.
Moments blocks(std::span<const double> part) {
  const std::size_t count = std::clamp<std::size_t>(part.size() / 4, 2, 8);
  std::vector<double> means;
  for (std::size_t b = 0; b < count; ++b) {
    const std::size_t from = b * part.size() / count, to = (b + 1) * part.size() / count;
    means.push_back(moments(part.data() + from, to - from).mean);
  }
  return moments(means.data(), means.size());
}

}  // namespace

Moments moments_of(std::span<const double> values) { return moments(values.data(), values.size()); }
template <class T>
Moments moments_of(const T* values, std::size_t n) {
  return moments(values, n);
}

template <class T>
double norm_of(const Tensor<T>& x) {
  return std::sqrt(kernels::dot(x.data(), x.data(), x.size()));
}

template <class T>
double distance_of(const Tensor<T>& a, const Tensor<T>& b) {
  const T *const v = a.data(), *const w = b.data();
  return std::sqrt(sum_of(a.size(), [&](std::size_t i) {
    const double d = static_cast<double>(v[i]) - static_cast<double>(w[i]);
    return d * d;
  }));
}

double median_of(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Trend trend_of(std::span<const double> curve) {
  const std::size_t part = std::max<std::size_t>(curve.size() / 4, 2);
  const Moments first = blocks(curve.first(part)), last = blocks(curve.last(part));
  const double a = first.standard_error(), b = last.standard_error();
  return {first.mean, last.mean, std::sqrt(a * a + b * b)};
}

template double norm_of(const Tensor<float>&);
template double norm_of(const Tensor<double>&);
template double distance_of(const Tensor<float>&, const Tensor<float>&);
template double distance_of(const Tensor<double>&, const Tensor<double>&);
template Moments moments_of(const float*, std::size_t);
template Moments moments_of(const double*, std::size_t);

}  // namespace xgrad::detail
