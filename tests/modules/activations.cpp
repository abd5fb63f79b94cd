// Activations as modules: each is the operation it names, with its options, and passes the gradient
// check in both orders.

#include "xgrad/modules/activations.hpp"

#include "tests/modules/helpers.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/linalg.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/softmax.hpp"

namespace {

using namespace xgrad;
using namespace xgrad::test;

template <class M>
void check(M&& module, const Tensor<double>& expected, const Tensor<double>& x) {
  BOOST_TEST_CONTEXT(module.type_name()) {
    BOOST_TEST(numbers(module(x)) == numbers(expected), boost::test_tools::per_element());
    check_both_orders(module, x);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(activations)

BOOST_AUTO_TEST_CASE(are_their_operations) {
  const Tensor<double> x = standard_normal({3, 4}) * 2;
  check(Relu<double>(), relu(x), x);
  check(Sigmoid<double>(), sigmoid(x), x);
  check(Tanh<double>(), tanh(x), x);
  check(Relu6<double>(), relu6(x * 3), x * 3);
  check(Selu<double>(), selu(x), x);
  check(Silu<double>(), silu(x), x);
  check(Mish<double>(), mish(x), x);
  check(Softplus<double>(), softplus(x), x);
  check(Softplus<double>(0.7), softplus(x, 0.7), x);
  check(Softsign<double>(), softsign(x), x);
  check(LogSigmoid<double>(), log_sigmoid(x), x);
  check(LeakyRelu<double>(0.3), leaky_relu(x, 0.3), x);
  check(Elu<double>(0.7), elu(x, 0.7), x);
  check(Celu<double>(0.7), celu(x, 0.7), x);
  check(Hardtanh<double>(-0.5, 1.5), hardtanh(x, -0.5, 1.5), x);
  check(Gelu<double>(), gelu(x), x);
  check(Gelu<double>(GeluForm::tanh), gelu(x, GeluForm::tanh), x);
  check(Softmax<double>(0), softmax(x, 0), x);
  check(LogSoftmax<double>(0), log_softmax(x, 0), x);
}

BOOST_AUTO_TEST_CASE(prelu_has_a_slope_for_each_channel) {
  Prelu<double> module(3);
  module.weight = parameter(Tensor<double>::from({3}, {0.1, 0.2, 0.5}));
  const auto x = Tensor<double>::from({1, 3, 2}, {-1, 1, -1, 2, -1, -3});
  const std::vector<double> expected = {-0.1, 1, -0.2, 2, -0.5, -1.5};
  BOOST_TEST(numbers(module(x)) == expected, boost::test_tools::per_element());
  check_both_orders(module, standard_normal({4, 3, 2}));
  check_both_orders(module, standard_normal({7, 3}));
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               module(standard_normal({2, 4}));
             }) ==
             "prelu: axis 1 has not one channel for each slope: x (2, 4), weight (3), in Prelu");
  Prelu<double> one;
  BOOST_TEST(one.weight.item() == 0.25);
  check_both_orders(one, standard_normal({5}));
}

BOOST_AUTO_TEST_CASE(maxout_takes_the_largest_of_its_pieces) {
  Maxout<double> module(4, 3, 2);
  BOOST_TEST((module.weight.shape() == Shape{6, 4}));
  const Tensor<double> x = standard_normal({5, 4});
  const Tensor<double> all = linear(x, module.weight, module.bias), y = module(x);
  BOOST_TEST((y.shape() == Shape{5, 3}));
  for (std::size_t i = 0; i < 15; ++i) {
    BOOST_TEST(y.data()[i] == std::max(all.data()[2 * i], all.data()[2 * i + 1]));
  }
  check_both_orders(module, x);
}

BOOST_AUTO_TEST_CASE(maxout_without_bias) {
  Maxout<double> module(4, 1, 3, {.bias = false});
  BOOST_TEST(names(module.parameters()).size() == 1U);
  check_both_orders(module, standard_normal({2, 3, 4}));
}

BOOST_AUTO_TEST_SUITE_END()
