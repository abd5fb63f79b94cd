#pragma once

// What the tests of modules share.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "tests/message.hpp"
#include "tests/rounds.hpp"
#include "xgrad/modules/gradient_check.hpp"
#include "xgrad/modules/module.hpp"
#include "xgrad/ops/random.hpp"

namespace xgrad::test {

inline std::vector<double> numbers(const Tensor<double>& t) {
  return {t.data(), t.data() + t.size()};
}
inline std::vector<float> numbers(const Tensor<float>& t) {
  return {t.data(), t.data() + t.size()};
}

/// Mean and (biased) variance of all numbers.
template <class T>
std::pair<double, double> moments(const Tensor<T>& t) {
  double mean = 0, variance = 0;
  const auto n = static_cast<double>(t.size());
  for (const T v : numbers(t)) mean += v / n;
  for (const T v : numbers(t)) variance += (v - mean) * (v - mean) / n;
  return {mean, variance};
}

template <class T>
double variance(const Tensor<T>& t) {
  return moments(t).second;
}

inline Tensor<double> standard_normal(const Shape& shape, std::uint64_t seed = 1) {
  Generator generator(seed);
  return normal<double>(shape, 0, 1, generator);
}

/// Names in order, for comparisons.
template <class T>
std::vector<std::string> names(const NamedTensors<T>& tensors) {
  std::vector<std::string> list;
  for (const NamedTensor<T>& t : tensors) list.push_back(t.name);
  return list;
}

/// The report's table is the failure message.
inline void check_passes(const GradientReport& report) {
  BOOST_CHECK_MESSAGE(report.passed(), report.table());
}

/// Gradient and gradient of the gradient by input and parameters.
inline void check_both_orders(Module<double>& module, const Tensor<double>& x,
                              GradientCheckOptions options = {}) {
  options.order = 2;
  if (options.samples == 0) options.samples = kCheckedCoordinates;
  check_passes(check_gradients(
      module, [](const Tensor<double>& y) { return y; }, x, options));
}

}  // namespace xgrad::test
