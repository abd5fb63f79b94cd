// Linear, Bilinear, Embedding, the modules of shape, and those that put others together.

#include "tests/modules/helpers.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/branches.hpp"
#include "xgrad/modules/convolution.hpp"
#include "xgrad/modules/embedding.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/modules/pooling.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/modules/shapes.hpp"
#include "xgrad/modules/weight_norm.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/slicing.hpp"

namespace {

using namespace xgrad;
using namespace xgrad::test;
using Names = std::vector<std::string>;

const auto invalid = [](const auto& f) { return message_of<std::invalid_argument>(f); };

}  // namespace

BOOST_AUTO_TEST_SUITE(layers)

BOOST_AUTO_TEST_CASE(linear_is_an_affine_map) {
  Linear<double> net(2, 3);
  net.weight = parameter(Tensor<double>::from({3, 2}, {1, 2, 3, 4, 5, 6}));
  net.bias = parameter(Tensor<double>::from({3}, {10, 20, 30}));
  const std::vector<double> expected = {-1 + 10, -1 + 20, -1 + 30};
  BOOST_TEST(numbers(net(Tensor<double>::from({1, 2}, {1, -1}))) == expected,
             boost::test_tools::per_element());
  check_both_orders(net, standard_normal({4, 2}));
  check_both_orders(net, standard_normal({2, 3, 2}));
}

BOOST_AUTO_TEST_CASE(linear_starts_uniform_in_one_over_the_root_of_in) {
  Linear<double> net(100, 300);
  BOOST_TEST(variance(net.weight) == 1.0 / 300, boost::test_tools::tolerance(0.03));
  for (const double v : numbers(net.weight)) BOOST_REQUIRE(std::abs(v) <= 0.1);
  for (const double v : numbers(net.bias)) BOOST_REQUIRE(std::abs(v) <= 0.1);
}

BOOST_AUTO_TEST_CASE(linear_without_bias) {
  Linear<double> net(3, 2, {.bias = false});
  BOOST_TEST(!net.bias.defined());
  BOOST_TEST(names(net.state_dict()) == Names{"weight"}, boost::test_tools::per_element());
  check_both_orders(net, standard_normal({4, 3}));
  BOOST_TEST(invalid([] { Linear<double> none(0, 2); }) == "Linear: a size is 0: weight (2, 0)");
}

BOOST_AUTO_TEST_CASE(bilinear_sums_over_both_inputs) {
  Bilinear<double> net(2, 3, 4);
  const Tensor<double> a = standard_normal({5, 2}), b = standard_normal({5, 3}, 2);
  const Tensor<double> y = net(a, b);
  for (std::size_t n = 0; n < 5; ++n) {
    for (std::size_t o = 0; o < 4; ++o) {
      double expected = net.bias.data()[o];
      for (std::size_t i = 0; i < 2; ++i) {
        for (std::size_t j = 0; j < 3; ++j) {
          expected +=
              a.data()[n * 2 + i] * net.weight.data()[(o * 2 + i) * 3 + j] * b.data()[n * 3 + j];
        }
      }
      BOOST_TEST(y.data()[n * 4 + o] == expected, boost::test_tools::tolerance(1e-13));
    }
  }
  check_passes(check_gradients(net, [&] { return net(a, b); }, {.order = 2}));
  BOOST_TEST(invalid([&] { net(a, a); }) ==
             "bilinear: inputs do not fit the weight: a (5, 2), b (5, 2), weight (4, 2, 3), in "
             "Bilinear");
  BOOST_TEST(invalid([] { Bilinear<double> none(2, 0, 2); }) ==
             "Bilinear: a size is 0: weight (2, 2, 0)");
}

BOOST_AUTO_TEST_CASE(embedding_looks_up_rows) {
  Embedding<double> net(5, 3);
  const Indices index{{4, 0}, {4, 1}};
  const Tensor<double> y = net(index);
  BOOST_TEST((y.shape() == Shape{2, 2, 3}));
  BOOST_TEST(y.data()[7] == net.weight.data()[4 * 3 + 1]);
  check_passes(check_gradients(net, [&] { return square(net(index)); }, {.order = 2}));
  BOOST_TEST(invalid([] { Embedding<double> none(0, 3); }) ==
             "Embedding: a size is 0: count 0, features 3");
  BOOST_TEST(message_of<std::out_of_range>([&] { net(Indices{5}); }).ends_with(", in Embedding"));
  BOOST_TEST(invalid([] { Embedding<double> none(3, 0); }) ==
             "Embedding: a size is 0: count 3, features 0");
  BOOST_TEST((Embedding<double>(1, 1).weight.shape() == Shape{1, 1}));
  Embedding<double> large(200, 100);
  BOOST_TEST(variance(large.weight) == 1, boost::test_tools::tolerance(0.05));
  BOOST_TEST(std::abs(moments(large.weight).first) < 5 / std::sqrt(2e4));
}

BOOST_AUTO_TEST_CASE(shapes) {
  const Tensor<double> x = standard_normal({2, 3, 4});
  BOOST_TEST((Flatten<double>()(x).shape() == Shape{2, 12}));
  BOOST_TEST((Flatten<double>(0)(x).shape() == Shape{24}));
  BOOST_TEST((Reshape<double>({6, 2})(x).shape() == Shape{2, 6, 2}));
  BOOST_TEST(Identity<double>()(x).is_same(x));
  Reshape<double> wrong({5, 2});
  BOOST_TEST(invalid([&] { wrong(x); }) ==
             "reshape: a sample has not as many numbers: x (2, 3, 4), shape of a sample (5, 2), in "
             "Reshape");
  BOOST_TEST(invalid([&] { Flatten<double>()(Tensor<double>(1)); }) ==
             "flatten: there is no axis 1: x (), in Flatten");
  Flatten<double> flatten;
  Reshape<double> reshape({6, 2});
  Identity<double> identity;
  for (Module<double>* m : std::initializer_list<Module<double>*>{&flatten, &reshape, &identity}) {
    check_both_orders(*m, x);
  }
}

BOOST_AUTO_TEST_CASE(sequential) {
  Sequential<double> net{Linear<double>(3, 4), Tanh<double>()};
  net.append(Linear<double>(4, 2), "head");
  net.emplace<Tanh<double>>();
  BOOST_TEST(net.size() == 4U);
  const Names expected = {"0.weight", "0.bias", "head.weight", "head.bias"};
  BOOST_TEST(names(net.parameters()) == expected, boost::test_tools::per_element());
  check_both_orders(net, standard_normal({4, 3}));
  BOOST_TEST(message_of<std::out_of_range>([&] { net[4]; }) ==
             "Sequential: there is no module 4 of 4");
  const Tensor<double> x = standard_normal({1});
  BOOST_TEST(Sequential<double>()(x).is_same(x));
}

BOOST_AUTO_TEST_CASE(residual_adds_its_input) {
  Residual<double> net(
      Sequential<double>{Linear<double>(3, 4), Tanh<double>(), Linear<double>(4, 3)});
  const Tensor<double> x = standard_normal({4, 3});
  const Tensor<double> branch = (*net.children()[0])(x);
  BOOST_TEST(numbers(net(x)) == numbers(x + branch), boost::test_tools::per_element());
  check_both_orders(net, x);
}

BOOST_AUTO_TEST_CASE(residual_with_projection) {
  Residual<double> net(Linear<double>(3, 2), Linear<double>(3, 2, {.bias = false}));
  const Names expected = {"branch.weight", "branch.bias", "projection.weight"};
  BOOST_TEST(names(net.parameters()) == expected, boost::test_tools::per_element());
  check_both_orders(net, standard_normal({4, 3}));
  Residual<double> wrong(Linear<double>(3, 2));
  BOOST_TEST(invalid([&] {
               wrong(standard_normal({4, 3}));
             }) ==
             "residual: branch and shortcut differ: branch (4, 2), shortcut (4, 3), in Residual");
}

BOOST_AUTO_TEST_CASE(residual_that_starts_as_the_identity) {
  Residual<double> net(Sequential<double>{Linear<double>(3, 4), Relu<double>(),
                                          Linear<double>(4, 3), Tanh<double>()},
                       {.zero_last = true});
  const Tensor<double> x = standard_normal({4, 3});
  BOOST_TEST(numbers(net(x)) == numbers(x), boost::test_tools::per_element());
  BOOST_TEST(net.at("branch.0.weight").data()[0] != 0);
  sum(net(x)).backward();
  const auto last = parameter(net.at("branch.2.weight").gradient());
  BOOST_TEST(variance(last) > 0);  // and it can leave
  BOOST_TEST(invalid([] { Residual<double> none(Tanh<double>(), {.zero_last = true}); }) ==
             "Residual: zero_last, but the branch has no parameters: Tanh");
}

BOOST_AUTO_TEST_CASE(parallel_sums) {
  Parallel<double> net(Linear<double>(3, 2), Linear<double>(3, 2));
  const Tensor<double> x = standard_normal({4, 3});
  const Tensor<double> expected = (*net.children()[0])(x) + (*net.children()[1])(x);
  BOOST_TEST(numbers(net(x)) == numbers(expected), boost::test_tools::per_element());
  check_both_orders(net, x);
  Parallel<double> wrong(Linear<double>(3, 2), Linear<double>(3, 1));
  BOOST_TEST(invalid([&] { wrong(x); }) ==
             "parallel: outputs differ: 0 (4, 2), 1 (4, 1), in Parallel");
  Parallel<double> none;
  BOOST_TEST(message_of<std::logic_error>([&] { none(x); }) ==
             "forward: the Parallel is empty, in Parallel");
}

BOOST_AUTO_TEST_CASE(concat_joins) {
  Concat<double> net(1, Linear<double>(3, 2), Linear<double>(3, 1));
  const Tensor<double> x = standard_normal({4, 3});
  BOOST_TEST((net(x).shape() == Shape{4, 3}));
  BOOST_TEST(net(x).data()[2] == (*net.children()[1])(x).data()[0]);
  check_both_orders(net, x);
}

BOOST_AUTO_TEST_CASE(weight_norm_learns_lengths_and_directions) {
  Linear<double> plain(3, 2);
  const Tensor<double> w = plain.weight.clone(), x = standard_normal({4, 3});
  const auto before = numbers(plain(x));
  WeightNorm<double> net(std::move(plain));
  const Names expected = {"g", "v", "inner.bias"};
  BOOST_TEST(names(net.parameters()) == expected, boost::test_tools::per_element());
  BOOST_TEST((net.g.shape() == Shape{2, 1}));
  const double* row = w.data() + 3;
  BOOST_TEST(net.g.data()[1] == std::hypot(row[0], row[1], row[2]),
             boost::test_tools::tolerance(1e-14));
  WeightNorm<double> smallest(Linear<double>(1, 1));
  BOOST_TEST(smallest.g.size() == 1U);
  const auto after = numbers(net(x));
  for (std::size_t i = 0; i < 8; ++i) BOOST_TEST(std::abs(after[i] - before[i]) < 1e-14);
  check_both_orders(net, x);
  net.v.set_value((net.v.detach() * 7).value());  // only the direction of v counts
  const auto scaled = numbers(net(x));
  for (std::size_t i = 0; i < 8; ++i) BOOST_TEST(std::abs(scaled[i] - before[i]) < 1e-14);
  const auto nodes = detail::live_nodes();  // an error inside leaves no graph behind
  BOOST_CHECK_THROW(net(standard_normal({4, 2})), std::invalid_argument);
  BOOST_TEST(detail::live_nodes() == nodes);
  BOOST_TEST(invalid([] { WeightNorm<double> none(Prelu<double>(3)); }) ==
             "WeightNorm: the weight has not two axes or more: weight (3)");
}

BOOST_AUTO_TEST_CASE(everything_is_freed) {
  const auto before = detail::live_nodes();
  {
    WeightNorm<double> net(Maxout<double>(3, 3));
    Residual<double> block(std::move(net), {.zero_last = true});
    sum(block(standard_normal({4, 3}))).backward();
  }
  BOOST_TEST(detail::live_nodes() == before);
}

// The names and shapes of PyTorch's state dictionaries: Conv2d(4, 6, (3, 2), groups=2) has weight
// (6, 2, 3, 2), ConvTranspose2d(4, 6, 3, groups=2) has weight (4, 3, 3, 3).
BOOST_AUTO_TEST_CASE(convolutions_have_the_state_of_pytorch) {
  Conv2d<double> conv(4, 6, {3, 2}, {.stride = 2, .padding = 1, .groups = 2});
  ConvTranspose2d<double> back(4, 6, 3, {.groups = 2, .bias = false});
  BOOST_TEST(names(conv.state_dict()) == (Names{"weight", "bias"}),
             boost::test_tools::per_element());
  BOOST_TEST(names(back.state_dict()) == Names{"weight"}, boost::test_tools::per_element());
  BOOST_TEST(to_string(conv.weight.shape()) == "(6, 2, 3, 2)");
  BOOST_TEST(to_string(conv.bias.shape()) == "(6)");
  BOOST_TEST(to_string(back.weight.shape()) == "(4, 3, 3, 3)");
  const Tensor<double> x = standard_normal({2, 4, 5, 4});
  BOOST_TEST(numbers(conv(x)) == numbers(conv2d(x, conv.weight, conv.bias,
                                                {.stride = 2, .padding = 1, .groups = 2})),
             boost::test_tools::per_element());
  check_both_orders(conv, x);
  check_both_orders(back, standard_normal({1, 4, 2, 3}));
}

BOOST_AUTO_TEST_CASE(convolutions_start_uniform_in_one_over_the_root_of_what_meets) {
  Conv2d<double> conv(16, 64, 5);
  BOOST_TEST(variance(conv.weight) == 1.0 / (3 * 400), boost::test_tools::tolerance(0.03));
  for (const double v : numbers(conv.weight)) BOOST_REQUIRE(std::abs(v) <= 0.05);
  for (const double v : numbers(conv.bias)) BOOST_REQUIRE(std::abs(v) <= 0.05);
}

BOOST_AUTO_TEST_CASE(a_network_of_convolutions) {
  Sequential<double> net{Conv2d<double>(1, 2, 3, {.padding = "same"}), Tanh<double>(),
                         AvgPool2d<double>(2), Flatten<double>(), Linear<double>(8, 2)};
  check_both_orders(net, standard_normal({2, 1, 4, 4}));
}

BOOST_AUTO_TEST_CASE(instance_norm_is_group_norm_of_single_channels) {
  InstanceNorm<double> net(3, {.affine = true});
  GroupNorm<double> groups(3, 3);
  const Tensor<double> x = standard_normal({2, 3, 2, 2});
  BOOST_TEST(numbers(net(x)) == numbers(groups(x)), boost::test_tools::per_element());
  BOOST_TEST(InstanceNorm<double>(3).state_dict().empty());
  check_both_orders(net, x);
}

BOOST_AUTO_TEST_SUITE_END()
