#include "xgrad/doctor/statistics.hpp"

#include <algorithm>
#include <limits>

namespace xgrad::detail {
namespace {

template <class T>
Moments moments(const T* values, std::size_t n) {
  Moments r;
  double squares = 0;  // Welford 1962
  for (std::size_t i = 0; i < n; ++i) {
    const auto v = static_cast<double>(values[i]);
    if (!std::isfinite(v)) continue;
    const double before = v - r.mean;
    r.mean += before / static_cast<double>(++r.n);
    squares += before * (v - r.mean);
  }
  if (r.n > 1) r.variance = squares / static_cast<double>(r.n - 1);
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

template Moments moments_of(const float*, std::size_t);
template Moments moments_of(const double*, std::size_t);

}  // namespace xgrad::detail
