#include "compiled.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <limits>

#include "derivatives_of_samples.hpp"
#include "xgrad/compile/compile.hpp"

namespace proof {
namespace {

using xgrad::Tensor;

template <class T>
bool same_bits(T a, T b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

// The sum of three second derivatives may be as far off as its terms are large.
template <class T>
bool close(T a, T b, T largest) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) == std::isnan(b);
  return a == b || std::abs(a - b) <= 1000 * std::numeric_limits<T>::epsilon() * largest;
}

template <class T>
void check_same(const char* what, const Tensor<T>& is, const Tensor<T>& expected, bool exactly) {
  BOOST_TEST_REQUIRE(is.defined() == expected.defined(), what);
  if (!is.defined()) return;
  BOOST_TEST_REQUIRE(xgrad::to_string(is.shape()) == xgrad::to_string(expected.shape()));
  T largest = 0;
  for (std::size_t i = 0; i < is.size(); ++i) {
    if (std::isfinite(expected.data()[i]))
      largest = std::max(largest, std::abs(expected.data()[i]));
  }
  for (std::size_t i = 0; i < is.size(); ++i) {
    const T a = is.data()[i], b = expected.data()[i];
    if (exactly ? same_bits(a, b) : close(a, b, largest)) continue;
    BOOST_TEST_ERROR(what << " differ at " << i << ": " << a << ", not " << b);
    return;
  }
}

}  // namespace

template <class T>
void check_compiled(const xgrad::TensorFunction<T>& f, const std::vector<Tensors<T>>& samples,
                    const std::vector<bool>& differentiable, bool twice, bool called) {
  const auto compiled =
      xgrad::compile(f, {.on_read = called ? xgrad::OnRead::call : xgrad::OnRead::refuse});
  for (const Tensors<T>& x : samples) {
    const Tensors<T> l = leaves(x, differentiable), m = leaves(x, differentiable);
    const Results<T> expected = results_of<T>(f, l, twice);
    const Results<T> is = results_of<T>([&](const Tensors<T>& y) { return compiled(y); }, m, twice);
    BOOST_TEST_REQUIRE(is.values.size() == expected.values.size());
    for (std::size_t i = 0; i < is.values.size(); ++i)
      check_same("results", is.values[i], expected.values[i], true);
    BOOST_TEST_REQUIRE(is.first.size() == expected.first.size());
    for (std::size_t i = 0; i < is.first.size(); ++i)
      check_same("gradients", is.first[i], expected.first[i], true);
    BOOST_TEST_REQUIRE(is.second.size() == expected.second.size());
    for (std::size_t i = 0; i < is.second.size(); ++i)
      check_same("second derivatives", is.second[i], expected.second[i], false);
  }
  const xgrad::CompileStatistics s = compiled.statistics();
  BOOST_TEST(s.why_called.empty() == !called, s.why_called);
  BOOST_TEST((called ? s.called : s.run) == samples.size() - 1);
}

template void check_compiled(const xgrad::TensorFunction<float>&,
                             const std::vector<Tensors<float>>&, const std::vector<bool>&, bool,
                             bool);
template void check_compiled(const xgrad::TensorFunction<double>&,
                             const std::vector<Tensors<double>>&, const std::vector<bool>&, bool,
                             bool);

}  // namespace proof
