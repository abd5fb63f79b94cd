#include "batched.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "derivatives_of_samples.hpp"
#include "xgrad/compile/vmap.hpp"
#include "xgrad/ops/slicing.hpp"

namespace proof {
namespace {

using xgrad::Tensor;

// As far off as sums in another order may be.
template <class T>
void check_close(const char* what, const Tensor<T>& is, const Tensor<T>& expected, double factor) {
  BOOST_TEST_REQUIRE(is.defined() == expected.defined(), what);
  if (!is.defined()) return;
  BOOST_TEST_REQUIRE(xgrad::to_string(is.shape()) == xgrad::to_string(expected.shape()));
  double largest = 0;
  for (std::size_t i = 0; i < is.size(); ++i) {
    if (std::isfinite(expected.data()[i]))
      largest = std::max<double>(largest, std::abs(expected.data()[i]));
  }
  for (std::size_t i = 0; i < is.size(); ++i) {
    const double a = is.data()[i], b = expected.data()[i];
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    if (std::abs(a - b) <= factor * std::numeric_limits<T>::epsilon() * largest) continue;
    BOOST_TEST_ERROR(what << " differ at " << i << ": " << a << ", not " << b);
    return;
  }
}

template <class T>
void check_lists(const char* what, const Tensors<T>& is, const Tensors<T>& expected,
                 double factor) {
  BOOST_TEST_REQUIRE(is.size() == expected.size());
  for (std::size_t i = 0; i < is.size(); ++i) check_close(what, is[i], expected[i], factor);
}

// f of each sample, where the first `batched` arguments have samples in front.
template <class T>
Tensors<T> in_a_loop(const xgrad::TensorFunction<T>& f, const Tensors<T>& x, std::size_t batched) {
  std::vector<Tensors<T>> results;
  for (std::size_t s = 0; s < x[0].size(0); ++s) {
    Tensors<T> one = x;
    for (std::size_t i = 0; i < batched; ++i)
      one[i] = select(x[i], 0, static_cast<std::ptrdiff_t>(s));
    const Tensors<T> y = f(one);
    results.resize(y.size());
    for (std::size_t k = 0; k < y.size(); ++k) results[k].push_back(y[k]);
  }
  Tensors<T> r;
  for (const Tensors<T>& parts : results) r.push_back(stack(parts));
  return r;
}

template <class T>
void check_one(const xgrad::TensorFunction<T>& f, const Tensors<T>& x,
               const std::vector<bool>& differentiable, std::size_t batched, bool twice,
               bool called) {
  const auto split = [f](const Tensors<T>& own, const Tensors<T>& shared) {
    Tensors<T> all = own;
    all.insert(all.end(), shared.begin(), shared.end());
    return f(all);
  };
  const auto v =
      xgrad::vmap(split, {.in_axes = {0, xgrad::kShared},
                          .on_read = called ? xgrad::OnRead::call : xgrad::OnRead::refuse});
  const auto in_a_batch = [&](const Tensors<T>& y) {
    const auto middle = y.begin() + static_cast<std::ptrdiff_t>(batched);
    return v(Tensors<T>(y.begin(), middle), Tensors<T>(middle, y.end()));
  };
  const auto loop = [&](const Tensors<T>& y) { return in_a_loop<T>(f, y, batched); };
  const Results<T> expected = results_of<T>(loop, leaves(x, differentiable), twice);
  const Results<T> is = results_of<T>(in_a_batch, leaves(x, differentiable), twice);
  check_lists("results", is.values, expected.values, 50);
  check_lists("gradients", is.first, expected.first, 200);
  check_lists("second derivatives", is.second, expected.second, 1000);
}

}  // namespace

template <class T>
void check_batched(const xgrad::TensorFunction<T>& f, const std::vector<Tensors<T>>& samples,
                   const std::vector<bool>& differentiable, bool twice, bool called) {
  Tensors<T> all, first = samples[0];
  for (std::size_t i = 0; i < samples[0].size(); ++i) {
    Tensors<T> parts;
    for (const Tensors<T>& s : samples) parts.push_back(s[i]);
    all.push_back(stack(parts));
  }
  BOOST_TEST_CONTEXT("all batched")
  check_one(f, all, differentiable, all.size(), twice, called);
  if (all.size() == 1) return;
  first[0] = all[0];
  BOOST_TEST_CONTEXT("the first batched")
  check_one(f, first, differentiable, 1, twice, called);
}

template void check_batched(const xgrad::TensorFunction<float>&, const std::vector<Tensors<float>>&,
                            const std::vector<bool>&, bool, bool);
template void check_batched(const xgrad::TensorFunction<double>&,
                            const std::vector<Tensors<double>>&, const std::vector<bool>&, bool,
                            bool);

}  // namespace proof
