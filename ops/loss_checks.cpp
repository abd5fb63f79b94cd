#include "xgrad/ops/loss_checks.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "xgrad/ops/reduction_plan.hpp"

namespace xgrad {

using kernels::AxisView;

template <class T>
void detail::require_probabilities(const char* operation, const Tensor<T>& p) {
  const T *const begin = p.data(), *const end = begin + p.size();
  const T* const wrong = std::find_if(begin, end, [](T v) { return v < 0 || v > 1; });
  if (wrong == end) return;
  detail::fail(operation, "not a probability: ", *wrong, " at position ", wrong - begin);
}

namespace {

constexpr double kRounding = 1e-3;

[[noreturn]] void fail_targets(const char* operation, std::size_t row, const char* what,
                               double number) {
  detail::fail(operation, "the targets of sample ", row, " are no probabilities: ", what, " ",
               number, "; give {.any_targets = true} if they are weights");
}

}  // namespace

template <class T>
void detail::require_distributions(const char* operation, const Tensor<T>& t, std::size_t axis,
                                   bool logarithms) {
  const AxisView v = view_along(operation, t.shape(), static_cast<std::ptrdiff_t>(axis));
  std::vector<double> sums(v.inner);
  const T* row = t.data();
  for (std::size_t o = 0; v.n != 0 && o < v.outer; ++o) {
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::size_t k = 0; k < v.n; ++k, row += v.inner) {
      for (std::size_t j = 0; j < v.inner; ++j) {
        const auto value = static_cast<double>(row[j]);
        if (!logarithms && value < -1e-6) fail_targets(operation, o * v.inner + j, "one is", value);
        sums[j] += logarithms ? std::exp(value) : value;
      }
    }
    const auto off = [](double sum) { return std::abs(sum - 1) > kRounding; };
    const auto wrong = std::find_if(sums.begin(), sums.end(), off);
    if (wrong == sums.end()) continue;
    const auto at = static_cast<std::size_t>(wrong - sums.begin());
    fail_targets(operation, o * v.inner + at, "they add up to", *wrong);
  }
}

template void detail::require_probabilities(const char*, const Tensor<float>&);
template void detail::require_probabilities(const char*, const Tensor<double>&);
template void detail::require_distributions(const char*, const Tensor<float>&, std::size_t, bool);
template void detail::require_distributions(const char*, const Tensor<double>&, std::size_t, bool);

}  // namespace xgrad
