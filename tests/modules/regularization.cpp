// Penalties on parameters.

#include "xgrad/ops/regularization.hpp"

#include <limits>

#include "tests/modules/helpers.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/optimizers/decay.hpp"

namespace {

using namespace xgrad;
using namespace xgrad::test;
using List = NamedTensors<double>;

const auto invalid = [](const auto& f) { return message_of<std::invalid_argument>(f); };

// |w|: 3, 1, 0 and 2.
List weights() {
  return {{"a", parameter(Tensor<double>::from({3}, {3, -1, 0}))},
          {"b", parameter(Tensor<double>::from({1, 1}, {-2}))}};
}

std::vector<double> gradient(const Tensor<double>& penalty, const List& list) {
  penalty.backward();
  std::vector<double> all;
  for (const auto& p : list) {
    for (const double g : numbers(p.tensor.gradient())) all.push_back(g);
  }
  return all;
}

template <class Penalty>
void check(const Penalty& penalty, double value, const std::vector<double>& expected) {
  const List list = weights();
  const Tensor<double> y = penalty(list);
  BOOST_TEST(y.item() == value, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(gradient(y, list) == expected, boost::test_tools::tolerance(1e-14)
                                                << boost::test_tools::per_element());
}

template <class Penalty>
void check_orders(const Penalty& penalty) {
  check_passes(check_gradients(
      [&](const auto& a, const auto& b) {
        return penalty(List{{"a", a}, {"b", b}});
      },
      {standard_normal({4, 2}), standard_normal({3}, 2)},
      {.order = 2, .meant = {.constant_mask = true}}));  // norm's, where it is 0
}

}  // namespace

BOOST_AUTO_TEST_SUITE(regularization)

BOOST_AUTO_TEST_CASE(values_and_gradients) {
  check([](const List& w) { return l1_penalty(w, 0.5); }, 3, {0.5, -0.5, 0, -0.5});
  check([](const List& w) { return l2_penalty(w, 0.5); }, 3.5, {1.5, -0.5, 0, -1});
  check([](const List& w) { return elastic_net_penalty(w, 0.5, 2); }, 17, {6.5, -2.5, 0, -4.5});
  check([](const List& w) { return lp_penalty(w, 1, 0.5); }, 3, {0.5, -0.5, 0, -0.5});
  check([](const List& w) { return lp_penalty(w, 2, 0.5); }, 7, {3, -1, 0, -2});
  check([](const List& w) { return lp_penalty(w, 3, 0.5); }, 18, {13.5, -1.5, 0, -6});
  check([](const List& w) { return norm_penalty(w, 1, 2); }, 12, {2, -2, 0, -2});
}

BOOST_AUTO_TEST_CASE(norm_penalty_is_one_norm_of_all) {
  const double norm = std::sqrt(14.0);
  const List list = weights();
  const Tensor<double> y = norm_penalty(list, 2, 2);
  BOOST_TEST(y.item() == 2 * norm, boost::test_tools::tolerance(1e-14));
  const auto g = gradient(y, list);
  BOOST_TEST(g[0] == 2 * 3 / norm, boost::test_tools::tolerance(1e-14));
  const List zeros = {{"a", parameter(Tensor<double>::filled({2}, 0))}};
  BOOST_TEST(gradient(norm_penalty(zeros, 2, 1), zeros) == (std::vector<double>{0, 0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(gradients_of_both_orders) {
  check_orders([](const List& w) { return l1_penalty(w, 0.3); });
  check_orders([](const List& w) { return l2_penalty(w, 0.3); });
  check_orders([](const List& w) { return elastic_net_penalty(w, 0.3, 0.7); });
  check_orders([](const List& w) { return lp_penalty(w, 2.5, 0.3); });
  check_orders([](const List& w) { return norm_penalty(w, 2, 0.3); });
  check_orders([](const List& w) { return norm_penalty(w, 3, 0.3); });
}

BOOST_AUTO_TEST_CASE(parameters_are_chosen_by_name_or_shape) {
  Linear<double> net(3, 2);
  l2_penalty(filter_parameters(net.parameters(), names_like({"*weight"})), 1.0).backward();
  BOOST_TEST(net.weight.has_grad());
  BOOST_TEST(!net.bias.has_grad());
  net.zero_grad();
  l2_penalty(filter_parameters(net.parameters(), matrices()), 1.0).backward();
  BOOST_TEST(numbers(parameter(net.weight.gradient())) == numbers(net.weight),
             boost::test_tools::per_element());
  BOOST_TEST(!net.bias.has_grad());
}

BOOST_AUTO_TEST_CASE(errors) {
  const double infinity = std::numeric_limits<double>::infinity();
  BOOST_TEST(invalid([] { l2_penalty(List{}, 1); }) == "l2_penalty: there are no parameters");
  BOOST_TEST(invalid([] { l1_penalty(weights(), -1); }) ==
             "l1_penalty: strength is not in [0, inf): -1");
  BOOST_TEST(invalid([&] { l2_penalty(weights(), infinity); }) ==
             "l2_penalty: strength is not in [0, inf): inf");
  BOOST_TEST(invalid([] { elastic_net_penalty(weights(), 1, -1); }) ==
             "elastic_net_penalty: l2 is not in [0, inf): -1");
  BOOST_TEST(invalid([] { lp_penalty(weights(), 0.5, 1); }) ==
             "lp_penalty: p is not in [1, inf]: 0.5");
  BOOST_TEST(invalid([] { norm_penalty(weights(), 0.5, 1); }) ==
             "norm_penalty: p is not in [1, inf]: 0.5");
}

BOOST_AUTO_TEST_SUITE_END()
