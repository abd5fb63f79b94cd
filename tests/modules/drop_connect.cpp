// DropConnect: its masks, its mean, and its Gaussian inference against drawing masks.

#include "xgrad/modules/drop_connect.hpp"

#include <algorithm>

#include "tests/modules/helpers.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/reductions.hpp"

namespace {

using namespace xgrad;
using namespace xgrad::test;

// Mean and variance of each output over many masks.
struct Sampled {
  std::vector<double> mean, variance;
};

Sampled sample(DropConnect<double>& net, const Tensor<double>& x, int draws) {
  const NoGrad guard;
  Sampled s;
  for (int k = 0; k < draws; ++k) {
    const auto y = numbers(net(x));
    s.mean.resize(y.size());
    s.variance.resize(y.size());
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double e = y[i] - s.mean[i];
      s.mean[i] += e / (k + 1);
      s.variance[i] += e * (y[i] - s.mean[i]) / draws;
    }
  }
  return s;
}

double largest_gap(const std::vector<double>& a, const std::vector<double>& b) {
  double gap = 0;
  for (std::size_t i = 0; i < a.size(); ++i) gap = std::max(gap, std::abs(a[i] - b[i]));
  return gap;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(drop_connect)

BOOST_AUTO_TEST_CASE(drops_weights_not_activations) {
  DropConnect<double> net(50, 40, {.p = 0.25});
  const Tensor<double> x = Tensor<double>::filled({1, 50}, 1);
  net(x).backward(Tensor<double>::filled({1, 40}, 1));
  const auto g = numbers(parameter(net.weight.gradient()));  // the mask, as x and gy are 1
  const auto dropped = std::count(g.begin(), g.end(), 0);
  BOOST_TEST(std::abs(double(dropped) - 500) < 5 * std::sqrt(2000 * 0.25 * 0.75));
  BOOST_TEST(std::count(g.begin(), g.end(), 1 / 0.75) == 2000 - dropped);
}

BOOST_AUTO_TEST_CASE(every_forward_draws_anew_and_a_seed_repeats) {
  Generator generator(3);
  DropConnect<double> net(6, 4, {.generator = &generator});
  const Tensor<double> x = standard_normal({2, 6});
  const auto first = numbers(net(x)), second = numbers(net(x));
  BOOST_TEST((first != second));
  generator.seed(3);
  BOOST_TEST(numbers(net(x)) == first, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(gradients_in_both_modes) {
  const Tensor<double> x = standard_normal({3, 4});
  DropConnect<double> net(4, 3, {.p = 0.3}, Tanh<double>());
  check_both_orders(net, x);
  net.eval();
  check_both_orders(net, x);
  DropConnect<double> gaussian(
      4, 3, {.p = 0.3, .inference = DropConnectInference::gaussian, .samples = 3}, Tanh<double>());
  gaussian.eval();
  check_both_orders(gaussian, x);
}

BOOST_AUTO_TEST_CASE(moments_are_those_of_the_masks) {
  DropConnect<double> net(30, 5, {.p = 0.4});
  const Tensor<double> x = standard_normal({3, 30});
  constexpr int kDraws = 20000;
  const Sampled drawn = sample(net, x, kDraws);
  const auto [mean, variance] = net.moments(x);
  for (std::size_t i = 0; i < mean.size(); ++i) {
    const double v = variance.data()[i];
    BOOST_TEST(std::abs(drawn.mean[i] - mean.data()[i]) < 5 * std::sqrt(v / kDraws));
    BOOST_TEST(std::abs(drawn.variance[i] / v - 1) < 5 * std::sqrt(2.0 / kDraws));
  }
}

BOOST_AUTO_TEST_CASE(evaluation_by_the_mean) {
  DropConnect<double> net(5, 3, {.p = 0.4});
  net.eval();
  const Tensor<double> x = standard_normal({2, 5});
  BOOST_TEST(numbers(net(x)) == numbers(linear(x, net.weight, net.bias)),
             boost::test_tools::per_element());
  DropConnect<double> activated(5, 3, {.p = 0.4}, Relu<double>());
  activated.eval();
  const Tensor<double> u = linear(x, activated.weight, activated.bias);
  BOOST_TEST(numbers(activated(x)) == numbers(Relu<double>()(u)), boost::test_tools::per_element());
}

// relu(mean) misses what the spread adds to it; the Gaussian approximation has it.
BOOST_AUTO_TEST_CASE(gaussian_inference_is_the_mean_over_masks) {
  DropConnectOptions options{
      .p = 0.5, .inference = DropConnectInference::gaussian, .samples = 20000};
  DropConnect<double> net(100, 4, options, Relu<double>());
  const Tensor<double> x = standard_normal({3, 100});
  const Sampled drawn = sample(net, x, 20000);
  net.eval();
  const NoGrad guard;
  const double gap = largest_gap(numbers(net(x)), drawn.mean);
  const Tensor<double> of_mean = Relu<double>()(net.moments(x).mean);
  const double gap_of_mean = largest_gap(numbers(of_mean), drawn.mean);
  const auto variances = numbers(net.moments(x).variance);
  const double spread = std::sqrt(*std::max_element(variances.begin(), variances.end()));
  BOOST_TEST(gap < 0.04 * spread);          // both are means of 20000 draws
  BOOST_TEST(gap_of_mean > 0.15 * spread);  // where the mean is 0 it is 0.4
}

BOOST_AUTO_TEST_CASE(gaussian_inference_is_its_formula) {
  Generator generator(3);
  DropConnect<double> net(5, 3,
                          {.p = 0.4,
                           .inference = DropConnectInference::gaussian,
                           .samples = 2,
                           .generator = &generator},
                          Relu<double>());
  net.eval();
  const Tensor<double> x = standard_normal({2, 5});
  generator.seed(3);
  const auto y = numbers(net(x));
  generator.seed(3);
  const auto [mean, variance] = net.moments(x);
  const Tensor<double> first = normal<double>({2, 3}, 0, 1, generator),
                       second = normal<double>({2, 3}, 0, 1, generator);
  for (std::size_t i = 0; i < 6; ++i) {
    const double m = mean.data()[i], s = std::sqrt(variance.data()[i]);
    const double expected =
        (std::max(0.0, m + s * first.data()[i]) + std::max(0.0, m + s * second.data()[i])) / 2;
    BOOST_TEST(std::abs(y[i] - expected) < 1e-14);
  }
}

BOOST_AUTO_TEST_CASE(without_activation_the_gaussian_inference_is_exact) {
  DropConnect<double> net(5, 3, {.inference = DropConnectInference::gaussian});
  net.eval();
  const auto draws = default_generator().state();
  const Tensor<double> x = standard_normal({2, 5});
  BOOST_TEST(numbers(net(x)) == numbers(net.moments(x).mean), boost::test_tools::per_element());
  BOOST_TEST((default_generator().state() == draws));
}

BOOST_AUTO_TEST_CASE(errors) {
  const auto text = [](const auto& f) { return message_of<std::invalid_argument>(f); };
  BOOST_TEST(text([] { DropConnect<double> net(3, 2, {.p = 1}); }) ==
             "DropConnect: p is not in [0, 1): 1");
  BOOST_TEST(text([] { DropConnect<double> net(3, 2, {.samples = 0}); }) ==
             "DropConnect: samples is not in [1, inf): 0");
  BOOST_TEST(text([] { DropConnect<double> net(0, 2); }) ==
             "DropConnect: a size is 0: weight (2, 0)");
}

BOOST_AUTO_TEST_SUITE_END()
