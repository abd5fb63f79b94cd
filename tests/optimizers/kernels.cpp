// The fused kernels: right at every size, the same on one thread and on two, and without
// taking memory.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/optimizers/makers.hpp"
#include "tests/optimizers/problems.hpp"
#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/optimizer.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/ops/random.hpp"

namespace xgrad::test {
namespace {

// The same numbers in float and double, and for every n.
template <class T>
Tensor<T> random_leaf(std::size_t n, std::uint64_t seed) {
  Generator generator(seed);
  const Tensor<double> drawn = normal<double>({n}, 0, 1, generator);
  Tensor<T> t = Tensor<T>::uninitialized({n});
  std::transform(drawn.data(), drawn.data() + n, t.mutable_data(),
                 [](double v) { return static_cast<T>(v); });
  return t.requires_grad_();
}

template <class T>
std::vector<T> numbers(const Tensor<T>& t) {
  return {t.data(), t.data() + t.size()};
}

// The weights after three steps with random gradients.
template <class T>
std::vector<T> three_steps(const Maker<T>& maker, std::size_t n) {
  Tensor<T> w = random_leaf<T>(n, 1);
  const auto optimizer = maker.make({{"w", w}});
  for (std::uint64_t t = 0; t < 3; ++t) {
    if (auto* sgd = dynamic_cast<Sgd<T>*>(optimizer.get()); sgd && sgd->options().look_ahead) {
      sgd->look_ahead();
    }
    w.set_gradient(random_leaf<T>(n, 10 + t).detach());
    optimizer->step();
  }
  return numbers(w);
}

BOOST_AUTO_TEST_SUITE(kernels)

// A number's update does not depend on its neighbours: not on whether it is in a full pack or in
// the rest.
BOOST_AUTO_TEST_CASE(rest_of_a_pack) {
  for (const auto& maker : makers<float>()) {
    BOOST_TEST_CONTEXT(maker.name) {
      const std::vector<float> whole = three_steps(maker, 64);
      for (std::size_t n = 1; n < 40; ++n) {
        const std::vector<float> part = three_steps(maker, n);
        BOOST_TEST(std::equal(part.begin(), part.end(), whole.begin()));
      }
    }
  }
}

// Also where penalties are added to the gradient before it is averaged, and in whatever part of an array a number is.
BOOST_AUTO_TEST_CASE(parts_of_an_array) {
  const Tensor<float> whole = random_leaf<float>(33, 1), part = random_leaf<float>(33, 1);
  NamedTensors<float> parts;
  for (const std::size_t first : {0UL, 11UL, 22UL}) {
    parts.push_back({"part " + std::to_string(first), Tensor<float>::uninitialized({11})});
    std::copy_n(part.data() + first, 11, parts.back().tensor.mutable_data());
    parts.back().tensor.requires_grad_();
  }
  Adam<float> one({{"w", whole}}, {.weight_decay = 0.1}), three(parts, {.weight_decay = 0.1});
  for (std::uint64_t t = 0; t < 9; ++t) {
    const Tensor<float> g = random_leaf<float>(33, 10 + t).detach();
    Tensor<float>(whole).set_gradient(g);
    for (std::size_t i = 0; i < 3; ++i) {
      Tensor<float> piece = Tensor<float>::uninitialized({11});
      std::copy_n(g.data() + 11 * i, 11, piece.mutable_data());
      Tensor<float>(parts[i].tensor).set_gradient(piece);
    }
    one.step();
    three.step();
  }
  const auto state = one.state_dict(), of_parts = three.state_dict();
  for (std::size_t i = 0; i < 33; ++i) {
    BOOST_TEST(whole.data()[i] == parts[i / 11].tensor.data()[i % 11]);
    for (std::size_t k = 0; k < 2; ++k) {  // both moments, parameter by parameter
      BOOST_TEST(state.tensors[k].tensor.data()[i] ==
                 of_parts.tensors[i / 11 * 2 + k].tensor.data()[i % 11]);
    }
  }
}

BOOST_AUTO_TEST_CASE(empty_parameter) {
  for (const auto& maker : makers<double>()) BOOST_TEST(three_steps(maker, 0).empty());
}

template <class T>
void check_threads() {
  const std::size_t n = 300001;
  for (const auto& maker : makers<T>()) {
    BOOST_TEST_CONTEXT(maker.name) {
      set_num_threads(1);
      const std::vector<T> one = three_steps(maker, n);
      set_num_threads(2);
      const std::vector<T> two = three_steps(maker, n);
      BOOST_TEST((one == two));
    }
  }
}
BOOST_AUTO_TEST_CASE(threads_do_not_matter) {
  const int before = num_threads();
  check_threads<float>();
  check_threads<double>();
  const Tensor<float> x = random_leaf<float>(300001, 1), y = random_leaf<float>(300001, 2);
  const auto reductions = [&](int threads) {
    set_num_threads(threads);
    return std::pair(xgrad::kernels::dot(x.data(), y.data(), x.size()),
                     xgrad::kernels::largest_magnitude(x.data(), x.size()));
  };
  BOOST_TEST((reductions(1) == reductions(2)));
  set_num_threads(before);
}

// Float follows double as closely as its digits allow: constants are rounded once, not computed
// in float.
BOOST_AUTO_TEST_CASE(float_follows_double) {
  const auto in_float = makers<float>();
  const auto in_double = makers<double>();
  for (std::size_t i = 0; i < in_float.size(); ++i) {
    BOOST_TEST_CONTEXT(in_float[i].name) {
      const std::vector<float> a = three_steps(in_float[i], 100);
      const std::vector<double> b = three_steps(in_double[i], 100);
      for (std::size_t k = 0; k < a.size(); ++k) BOOST_TEST(std::abs(a[k] - b[k]) < 1e-5);
    }
  }
}

BOOST_AUTO_TEST_CASE(steady_state_takes_no_memory) {
  set_pooling(true);  // sanitizers turn it off
  for (const auto& maker : makers<float>()) {
    BOOST_TEST_CONTEXT(maker.name) {
      const Problem<float> p = logistic<float>();
      const auto optimizer = maker.make(p.parameters);
      for (int t = 0; t < 3; ++t) optimizer->step(p.loss);
      const auto before = pool_statistics().system_allocations;
      for (int t = 0; t < 20; ++t) optimizer->step(p.loss);
      BOOST_TEST(pool_statistics().system_allocations == before);
    }
  }
}

// step() alone asks for no memory at all.
BOOST_AUTO_TEST_CASE(step_asks_for_nothing) {
  for (const auto& maker : makers<double>()) {
    if (std::string(maker.name) == "look_ahead") continue;
    BOOST_TEST_CONTEXT(maker.name) {
      Tensor<double> w = random_leaf<double>(1000, 1);
      w.set_gradient(random_leaf<double>(1000, 2).detach());
      const auto optimizer = maker.make({{"w", w}});
      optimizer->step();
      const auto before = pool_statistics().requests;
      optimizer->step();
      BOOST_TEST(pool_statistics().requests == before);
    }
  }
}

BOOST_AUTO_TEST_CASE(dot_is_exact_enough) {
  for (const std::size_t n : {0UL, 1UL, 31UL, 32UL, 33UL, 1000UL, 200003UL}) {
    const Tensor<float> x = random_leaf<float>(n, 3).detach(),
                        y = random_leaf<float>(n, 4).detach();
    long double expected = 0, size = 0;
    for (std::size_t i = 0; i < n; ++i) {
      expected += static_cast<long double>(x.data()[i]) * y.data()[i];
      size += std::abs(static_cast<long double>(x.data()[i]) * y.data()[i]);
    }
    const double got = xgrad::kernels::dot(x.data(), y.data(), n);
    BOOST_TEST(std::abs(static_cast<double>(expected) - got) <= 1e-15 * static_cast<double>(size));
  }
}

BOOST_AUTO_TEST_CASE(largest_magnitude_and_finiteness) {
  for (const std::size_t n : {1UL, 7UL, 16UL, 37UL, 100000UL}) {
    for (const std::size_t where : {std::size_t{0}, n / 2, n - 1}) {
      Tensor<float> x = random_leaf<float>(n, 5);
      x.mutable_data()[where] = -1000;
      BOOST_TEST(xgrad::kernels::largest_magnitude(x.data(), n) == 1000.0F);
      BOOST_TEST(xgrad::kernels::all_finite(x.data(), n));
      for (const float bad : {NAN, INFINITY, -INFINITY}) {
        x.mutable_data()[where] = bad;
        BOOST_TEST(!xgrad::kernels::all_finite(x.data(), n));
      }
    }
  }
  BOOST_TEST(xgrad::kernels::largest_magnitude<float>(nullptr, 0) == 0.0F);
}

// What is left of gradients that are 0 by now is 0 in the end: no number that a processor takes long for. The
// caller's own arithmetic goes on as it was.
BOOST_AUTO_TEST_CASE(averages_do_not_stay_subnormal) {
  using xgrad::kernels::MomentumRule;
  const MomentumRule<float> rule{0.9F, 1, 0.1F, 0};
  std::vector<float> w(19, 1), g(19, 1), velocity(19, 0);
  xgrad::kernels::UpdateArguments<float> a{};
  a.w = w.data();
  a.g = g.data();
  a.state[0] = velocity.data();
  a.n = w.size();
  const auto update = xgrad::kernels::choose(
      []<Isa I>() { return xgrad::kernels::update_kernel<I, MomentumRule<float>>(); });
  update(&rule, a);
  std::fill(g.begin(), g.end(), 0.0F);
  for (int i = 0; i < 1200; ++i) update(&rule, a);
#if defined(__SSE2__)
  for (const float v : velocity) BOOST_TEST(v == 0.0F);
#endif
  for (const float v : w) BOOST_TEST(std::abs(v) < 1e-5F);
  const volatile float smallest = std::numeric_limits<float>::min();
  BOOST_TEST(smallest / 4 > 0.0F);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xgrad::test
