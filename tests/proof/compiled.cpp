#include "compiled.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <limits>

#include "runs_again.hpp"
#include "xgrad/compile/compile.hpp"
#include "xgrad/kernels/random.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"

namespace proof {
namespace {

using xgrad::Tensor;
template <class T>
using Tensors = std::vector<Tensor<T>>;

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

template <class T>
Tensors<T> leaves(const Tensors<T>& x, const std::vector<bool>& differentiable) {
  Tensors<T> l;
  for (std::size_t i = 0; i < x.size(); ++i)
    l.push_back(x[i].clone().requires_grad_(differentiable[i]));
  return l;
}

template <class T>
struct Results {
  Tensors<T> values, first, second;
};

// With seeds 1, -0.5, 2, 1 ...
template <class T>
Results<T> results_of(const std::function<Tensors<T>(const Tensors<T>&)>& f, const Tensors<T>& x,
                      bool twice) {
  xgrad::Generator generator(kSeed);
  const xgrad::GeneratorScope scope(generator);
  Results<T> r{f(x), {}, {}};
  Tensors<T> outputs, seeds, inputs;
  for (const Tensor<T>& t : r.values) {
    if (!t.requires_grad()) continue;
    std::vector<T> seed(t.size());
    for (std::size_t i = 0; i < seed.size(); ++i)
      seed[i] = i % 3 == 0 ? T(1) : i % 3 == 1 ? T(-0.5) : T(2);
    outputs.push_back(t);
    seeds.push_back(Tensor<T>::from(t.shape(), seed));
  }
  for (const Tensor<T>& t : x) {
    if (t.requires_grad()) inputs.push_back(t);
  }
  if (outputs.empty() || inputs.empty()) return r;
  r.first = xgrad::grad(outputs, inputs, {.retain_graph = true, .allow_unused = true}, seeds);
  if (!twice) return r;
  Tensor<T> total(0);
  for (const Tensor<T>& g :
       xgrad::grad(outputs, inputs, {.create_graph = true, .allow_unused = true}, seeds)) {
    if (g.defined()) total = total + sum(square(g));
  }
  if (total.requires_grad()) r.second = xgrad::grad<T>({total}, inputs, {.allow_unused = true});
  return r;
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
