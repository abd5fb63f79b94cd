#include "xgrad/doctor/statistics.hpp"

#include <algorithm>
#include <limits>

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
  const auto at = [&](std::size_t i) { return static_cast<double>(values[i]); };
  const auto finite = [&](std::size_t i) { return at(i) - at(i) == 0; };
  Moments r;
  r.n = static_cast<std::size_t>(sum_of(n, [&](std::size_t i) { return finite(i) ? 1.0 : 0.0; }));
  if (r.n == 0) return r;
  const auto count = static_cast<double>(r.n);
  r.mean = sum_of(n, [&](std::size_t i) { return finite(i) ? at(i) : 0; }) / count;
  const double squares =
      sum_of(n, [&](std::size_t i) { return finite(i) ? (at(i) - r.mean) * (at(i) - r.mean) : 0; });
  if (r.n > 1) r.variance = squares / (count - 1);
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
double squares_of(const T* x, std::size_t n, const T* other) {
  const auto at = [&](const T* v, std::size_t i) { return static_cast<double>(v[i]); };
  if (other == nullptr) return sum_of(n, [&](std::size_t i) { return at(x, i) * at(x, i); });
  return sum_of(n, [&](std::size_t i) {
    const double d = at(x, i) - at(other, i);
    return d * d;
  });
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

template double squares_of(const float*, std::size_t, const float*);
template double squares_of(const double*, std::size_t, const double*);
template Moments moments_of(const float*, std::size_t);
template Moments moments_of(const double*, std::size_t);

}  // namespace xgrad::detail
