// Clipping by norm and by value, and gradient noise.

#include "xgrad/optimizers/clipping.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/optimizers/problems.hpp"

namespace xgrad::test {
namespace {

using T = double;

NamedTensors<T> with_gradients(const std::vector<std::vector<T>>& gradients) {
  NamedTensors<T> r;
  for (const auto& g : gradients) {
    Tensor<T> w = leaf<T>({g.size()}, g);
    w.set_gradient(Tensor<T>::from({g.size()}, g));
    r.push_back({"w" + std::to_string(r.size()), w});
  }
  return r;
}

std::vector<T> gradients_of(const NamedTensors<T>& p) {
  std::vector<T> r;
  for (const auto& t : p) {
    if (t.tensor.has_grad()) r.insert(r.end(), t.tensor.grad().begin(), t.tensor.grad().end());
  }
  return r;
}
using Numbers = std::vector<T>;

BOOST_AUTO_TEST_SUITE(clipping)

BOOST_AUTO_TEST_CASE(norm_over_all_parameters) {
  const auto p = with_gradients({{3}, {4, 12}});
  BOOST_TEST(grad_norm(p) == 13.0);
  BOOST_TEST(clip_grad_norm(p, 6.5) == 13.0);
  BOOST_TEST(gradients_of(p) == (Numbers{1.5, 2, 6}));
  BOOST_TEST(grad_norm(p) == 6.5);
}

BOOST_AUTO_TEST_CASE(norms_whose_squares_leave_the_range) {
  for (const double s : {1e-300, 1e-170, 1e200, 1e300}) {
    const auto p = with_gradients({{3 * s}, {4 * s}});
    const double size = grad_norm(p);
    BOOST_TEST(std::abs(size / (5 * s) - 1) < 1e-15);
    clip_grad_norm(p, s);
    BOOST_TEST(std::abs(grad_norm(p) / s - 1) < 1e-15);
  }
}

BOOST_AUTO_TEST_CASE(small_gradients_stay) {
  const auto p = with_gradients({{3}, {4}});
  BOOST_TEST(clip_grad_norm(p, 5.0) == 5.0);
  BOOST_TEST(gradients_of(p) == (Numbers{3, 4}));
}

BOOST_AUTO_TEST_CASE(maximum_norm) {
  const auto p = with_gradients({{1, -8}, {4}});
  BOOST_TEST(clip_grad_norm(p, 2.0, GradientNorm::maximum) == 8.0);
  BOOST_TEST(gradients_of(p) == (Numbers{0.25, -2, 1}));
}

BOOST_AUTO_TEST_CASE(by_value) {
  const auto p = with_gradients({{1, -8, 2}, {0.5, 3, -2}});
  clip_grad_value(p, 2.0);
  BOOST_TEST(gradients_of(p) == (Numbers{1, -2, 2, 0.5, 2, -2}));
  const auto q = with_gradients({{NAN, INFINITY}});
  clip_grad_value(q, 1.0);
  BOOST_TEST(std::isnan(gradients_of(q)[0]));
  BOOST_TEST(gradients_of(q)[1] == 1.0);
}

BOOST_AUTO_TEST_CASE(frozen_missing_and_repeated) {
  auto p = with_gradients({{3}, {100}, {4}});
  p[1].tensor.requires_grad_(false);
  p.push_back({"none", leaf<T>({1}, {1})});
  p.push_back({"tied", p[0].tensor});
  BOOST_TEST(clip_grad_norm(p, 2.5) == 5.0);
  BOOST_TEST(p[0].tensor.grad()(0) == 1.5);
  BOOST_TEST(p[1].tensor.grad()(0) == 100.0);
  BOOST_TEST(p[2].tensor.grad()(0) == 2.0);
}

// Two parameters may hold one gradient; so may the program.
BOOST_AUTO_TEST_CASE(shared_gradients) {
  const Tensor<T> g = Tensor<T>::from({2}, {3, 4});
  Tensor<T> a = leaf<T>({2}, {0, 0}), b = leaf<T>({2}, {0, 0});
  a.set_gradient(g);
  b.set_gradient(g);
  clip_grad_norm(NamedTensors<T>{{"a", a}, {"b", b}}, std::sqrt(50.0) / 2);
  for (const Tensor<T>& t : {a, b}) {
    BOOST_TEST(t.grad()(0) == 1.5, boost::test_tools::tolerance(1e-15));
    BOOST_TEST(t.grad()(1) == 2.0, boost::test_tools::tolerance(1e-15));
  }
  BOOST_TEST(g.data()[0] == 3.0);
}

BOOST_AUTO_TEST_CASE(recorded_gradient) {
  Tensor<T> w = leaf<T>({1}, {3});
  sum(w * w).backward({.create_graph = true});
  clip_grad_norm(NamedTensors<T>{{"w", w}}, 1.0);
  BOOST_TEST(w.grad()(0) == 1.0, boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(not_finite_is_named_and_nothing_changed) {
  const auto p = with_gradients({{3}, {NAN}, {INFINITY}});
  BOOST_TEST(message_of<std::invalid_argument>([&] { clip_grad_norm(p, 1.0); }) ==
             "clip_grad_norm: the norm of the gradients is nan: w1, w2");
  BOOST_TEST(p[0].tensor.grad()(0) == 3.0);
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               clip_grad_norm(p, 1.0, GradientNorm::maximum);
             }) == "clip_grad_norm: the norm of the gradients is nan: w1, w2");
}

BOOST_AUTO_TEST_CASE(limits_out_of_range) {
  const auto p = with_gradients({{3}});
  BOOST_TEST(message_of<std::invalid_argument>([&] { clip_grad_norm(p, 0); }) ==
             "clip_grad_norm: max_norm is not in (0, inf): 0");
  BOOST_TEST(message_of<std::invalid_argument>([&] { clip_grad_value(p, -1); }) ==
             "clip_grad_value: limit is not in (0, inf): -1");
}

BOOST_AUTO_TEST_CASE(nothing_to_clip) {
  BOOST_TEST(grad_norm(NamedTensors<T>{}) == 0.0);
  BOOST_TEST(clip_grad_norm(NamedTensors<T>{{"w", leaf<T>({1}, {1})}}, 1.0) == 0.0);
}

BOOST_AUTO_TEST_CASE(noise_has_the_deviation_of_the_paper) {
  GradientNoise noise({.eta = 0.3, .gamma = 0.55, .seed = 7});
  const std::size_t n = 100000;
  for (int t = 0; t < 4; ++t) {
    Tensor<T> w = Tensor<T>::filled({n}, 0);
    w.requires_grad_();
    w.set_gradient(Tensor<T>::filled({n}, 2));
    BOOST_TEST(noise.deviation() == std::sqrt(0.3 / std::pow(1 + t, 0.55)));
    const double expected = noise.deviation();
    noise.add(NamedTensors<T>{{"w", w}});
    double mean = 0, square = 0;
    for (const double v : w.grad()) {
      mean += v / n;
      square += (v - 2) * (v - 2) / n;
    }
    BOOST_TEST(std::abs(mean - 2) < 4 * expected / std::sqrt(n));
    BOOST_TEST(std::abs(std::sqrt(square) / expected - 1) < 0.01);
  }
}

BOOST_AUTO_TEST_CASE(noise_differs_by_parameter_and_step_and_repeats_by_seed) {
  const auto run = [](std::uint64_t seed) {
    GradientNoise noise({.seed = seed});
    const auto p = with_gradients({{0, 0}, {0, 0}});
    noise.add(p);
    Numbers r = gradients_of(p);
    noise.add(p);
    const Numbers second = gradients_of(p);
    r.insert(r.end(), second.begin(), second.end());
    return r;
  };
  const Numbers a = run(1);
  BOOST_TEST(a == run(1));
  BOOST_TEST(a != run(2));
  BOOST_TEST(a[0] != a[2]);
  BOOST_TEST(a[0] * 2 != a[4]);
}

BOOST_AUTO_TEST_CASE(noise_is_saved_and_restored) {
  GradientNoise a({.seed = 0xfedcba9876543210U}), b;
  const auto p = with_gradients({{0, 0}}), q = with_gradients({{0, 0}});
  a.add(with_gradients({{1}}));
  b.load_state_dict(a.state_dict());
  a.add(p);
  b.add(q);
  BOOST_TEST(gradients_of(p) == gradients_of(q));
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               b.load_state_dict({{"GradientNoise/step", 1}});
             }) == "load_state_dict: GradientNoise: missing: draws, seed high, seed low");
  BOOST_TEST(message_of<std::invalid_argument>([&] { GradientNoise c({.eta = -1}); }) ==
             "GradientNoise: eta is not in [0, inf): -1");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xgrad::test
