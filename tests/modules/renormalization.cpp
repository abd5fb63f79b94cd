// Data-dependent initialisation and projections of weights.

#include "xgrad/modules/renormalization.hpp"

#include "tests/modules/helpers.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/initialization.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"

namespace {

using namespace xgrad;
using namespace xgrad::test;

Sequential<double> deep_net() {
  Sequential<double> net;
  for (int i = 0; i < 10; ++i) {
    net.append(Linear<double>(30, 30));
    net.append(Tanh<double>());
  }
  return net;
}

// The outputs of each Linear.
std::vector<Tensor<double>> outputs(Sequential<double>& net, const Tensor<double>& x) {
  const NoGrad guard;
  std::vector<Tensor<double>> found;
  Tensor<double> y = x;
  for (std::size_t i = 0; i < net.size(); ++i) {
    y = net[i](y);
    if (net[i].type_name() == "Linear") found.push_back(y);
  }
  return found;
}

Tensor<double> column(const Tensor<double>& y, std::size_t k) {
  std::vector<double> v;
  for (std::size_t i = 0; i < y.shape()[0]; ++i) v.push_back(y.data()[i * y.shape()[1] + k]);
  return Tensor<double>::from({v.size()}, v);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(renormalization)

BOOST_AUTO_TEST_CASE(every_layer_gets_unit_variance) {
  Sequential<double> net = deep_net();
  for (auto& [name, p] : net.parameters()) normal_(p);
  const Tensor<double> x = standard_normal({64, 30});
  BOOST_TEST(variance(outputs(net, x).back()) < 1e-3);
  const auto layers = renormalize_(net, x);
  BOOST_TEST(layers.size() == 10U);
  BOOST_TEST(layers[3].path == "6");
  BOOST_TEST(layers[0].deviation < 0.1);
  for (const Tensor<double>& y : outputs(net, x)) {
    BOOST_TEST(variance(y) == 1, boost::test_tools::tolerance(1e-12));
  }
  for (const auto& layer : renormalize_(net, x)) {
    BOOST_TEST(layer.deviation == 1, boost::test_tools::tolerance(1e-12));
  }
}

BOOST_AUTO_TEST_CASE(every_unit_gets_mean_and_deviation) {
  Sequential<double> net = deep_net();
  const Tensor<double> x = standard_normal({64, 30});
  renormalize_(net, x, {.deviation = 0.5, .per_unit = true, .center = true});
  for (const Tensor<double>& y : outputs(net, x)) {
    for (std::size_t k = 0; k < 30; k += 7) {
      const auto [mean, var] = moments(column(y, k));
      BOOST_TEST(std::abs(mean) < 1e-13);
      BOOST_TEST(var == 0.25, boost::test_tools::tolerance(1e-12));
    }
  }
}

BOOST_AUTO_TEST_CASE(maxout_and_shared_layers) {
  struct Net : Module<double> {
    Maxout<double>& first = add<Maxout<double>>("first", 5, 6, 3);
    Linear<double>& again = add<Linear<double>>("again", 6, 6);
    Tensor<double> forward(const Tensor<double>& x) override { return again(again(first(x))); }
  } net;
  const Tensor<double> x = standard_normal({40, 5});
  const auto layers = renormalize_(net, x, {.per_unit = true, .center = true});
  BOOST_TEST(layers.size() == 2U);
  const NoGrad guard;
  const auto [mean, var] = moments(column(net.first(x), 4));
  BOOST_TEST(std::abs(mean) < 1e-13);
  BOOST_TEST(var == 1, boost::test_tools::tolerance(1e-12));
}

// Outputs far from mean 0, of three axes, with units on the last one or, for a kernel, on axis 1.
BOOST_AUTO_TEST_CASE(outputs_of_three_axes_and_any_mean) {
  struct Kernel : Module<double> {
    Tensor<double>& weight = add_parameter("weight", standard_normal({4, 3, 1}, 8));
    Tensor<double>& bias = add_parameter("bias", standard_normal({4}, 9));
    Tensor<double> forward(const Tensor<double>& x) override {
      return matmul(reshape(weight, {4, 3}), x) + reshape(bias, {4, 1});
    }
  } kernel;
  Linear<double> linear(5, 4);
  const Tensor<double> x = standard_normal({6, 3, 5}) + 3.0;
  for (Module<double>* net : std::initializer_list<Module<double>*>{&kernel, &linear}) {
    const double before = std::sqrt(variance((*net)(x)));
    const auto layers = renormalize_(*net, x);
    BOOST_TEST(layers.at(0).deviation == before, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(variance((*net)(x)) == 1, boost::test_tools::tolerance(1e-12));
    renormalize_(*net, x, {.per_unit = true, .center = true});
    const Tensor<double> y = (*net)(x);
    const Axes others = net == &kernel ? Axes{0, 2} : Axes{0, 1};
    for (const double m : numbers(mean(y, others))) BOOST_TEST(std::abs(m) < 1e-12);
    for (const double v : numbers(var(y, others, {.correction = 0}))) {
      BOOST_TEST(v == 1, boost::test_tools::tolerance(1e-12));
    }
  }
}

BOOST_AUTO_TEST_CASE(leaves_no_hooks_and_no_graph) {
  const auto before = detail::live_nodes();
  Sequential<double> net = deep_net();
  const auto with_net = detail::live_nodes();
  renormalize_(net, standard_normal({8, 30}));
  BOOST_TEST(detail::live_nodes() == with_net);
  const auto w = numbers(net.at("0.weight"));
  net(standard_normal({4, 30}, 9));
  BOOST_TEST(numbers(net.at("0.weight")) == w, boost::test_tools::per_element());
  BOOST_TEST(with_net > before);
}

BOOST_AUTO_TEST_CASE(outputs_that_do_not_vary_are_an_error) {
  Sequential<double> net = deep_net();
  zeros_(net.at("4.weight"));
  zeros_(net.at("4.bias"));
  const Tensor<double> x = standard_normal({8, 30});
  BOOST_TEST(message_of<std::invalid_argument>([&] { renormalize_(net, x); }) ==
             "renormalize_: the outputs of 4 do not vary: deviation 0, in Sequential / 4 "
             "(Linear)");
  BOOST_TEST(message_of<std::invalid_argument>([&] { renormalize_(net, x, {.deviation = 0}); }) ==
             "renormalize_: deviation is not in (0, inf]: 0");
}

BOOST_AUTO_TEST_CASE(max_norm_scales_down_long_rows_only) {
  const Tensor<double> w = parameter(Tensor<double>::from({3, 2}, {3, 4, 0.3, 0.4, 0, 0}));
  max_norm_(w, 2);
  const std::vector<double> expected = {1.2, 1.6, 0.3, 0.4, 0, 0};
  for (std::size_t i = 0; i < 6; ++i) BOOST_TEST(std::abs(w.data()[i] - expected[i]) < 1e-15);
  BOOST_TEST(message_of<std::invalid_argument>([&] { max_norm_(w, 0); }) ==
             "max_norm_: limit is not in (0, inf]: 0");
  BOOST_TEST(message_of<std::invalid_argument>([&] { max_norm_(Tensor<double>(1), 1); }) ==
             "max_norm_: w has two axes or more: w ()");
}

BOOST_AUTO_TEST_CASE(unit_norm_scales_every_row) {
  const Tensor<double> w = Tensor<double>::from({3, 1, 2}, {3, 4, 0.3, 0.4, 0, 0});
  unit_norm_(w, 10);
  const std::vector<double> expected = {6, 8, 6, 8, 0, 0};
  for (std::size_t i = 0; i < 6; ++i) BOOST_TEST(std::abs(w.data()[i] - expected[i]) < 1e-14);
}

BOOST_AUTO_TEST_SUITE_END()
