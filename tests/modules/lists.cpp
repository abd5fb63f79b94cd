// Modules with several inputs and outputs.

#include "xgrad/modules/lists.hpp"

#include "tests/modules/helpers.hpp"
#include "tests/modules/references.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/functional.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/modules/shapes.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"

namespace {

using namespace xgrad;
using namespace xgrad::test;
using D = Tensor<double>;
using List = TensorList<double>;

const auto same = boost::test_tools::per_element();

D mean_of(const List& y) {
  D total = mean(y[0]);
  for (std::size_t i = 1; i < y.size(); ++i) total = total + mean(square(y[i]));
  return total;
}

template <class T>
struct Latent : ListModule<T> {
  TensorList<T> forward_list(const TensorList<T>& x) override {
    return {x[0] + exp(0.5 * x[1]), x[0], x[1]};
  }
};

template <class T>
struct Difference : ListModule<T> {
  TensorList<T> forward_list(const TensorList<T>& x) override { return {x.at(0) - x.at(1)}; }
};

Sequential<double> small_vae() {
  Sequential<double> net{Linear<double>(3, 4),
                         Heads<double>(Linear<double>(4, 2), Linear<double>(4, 2))};
  net.emplace<Latent<double>>();
  net.append(OnFirst<double>(Sequential<double>{Tanh<double>(), Linear<double>(2, 3)}));
  return net;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lists)

BOOST_AUTO_TEST_CASE(flow_through_a_sequence) {
  auto net = small_vae();
  const D x = wave({5, 3}, 0), h = net[0](x);
  const List y = net(List{x});
  BOOST_REQUIRE(y.size() == 3U);
  const auto& heads = net[1].children();
  const D mean = (*heads[0])(h), log_variance = (*heads[1])(h);
  BOOST_TEST(numbers(y[1]) == numbers(mean), same);
  BOOST_TEST(numbers(y[2]) == numbers(log_variance), same);
  const D z = mean + exp(0.5 * log_variance);
  BOOST_TEST(numbers(y[0]) == numbers((*net[3].children()[0])(z)), same);
  check_passes(check_gradients(net, [&]() {
    const List v = net(List{x});
    return mean_of(v);
  }));
}

BOOST_AUTO_TEST_CASE(are_called_by_several_arguments_or_one) {
  Difference<double> difference;
  const D a = wave({3}, 0), b = wave({3}, 1);
  BOOST_TEST(numbers(difference(a, b)[0]) == numbers(a - b), same);
  Sequential<double> net{Heads<double>(Identity<double>(), Tanh<double>())};
  net.emplace<Difference<double>>();
  BOOST_TEST(numbers(net(a)) == numbers(a - tanh(a)), same);  // one in, one out
  BOOST_TEST(!Sequential<double>{Tanh<double>()}.takes_list());
  BOOST_TEST(net.takes_list());
}

BOOST_AUTO_TEST_CASE(hooks_are_called_for_each_output) {
  auto net = small_vae();
  std::vector<Shape> seen;
  net[1].register_forward_hook([&](Module<double>&, const D& in, const D& out) {
    BOOST_TEST(in.shape() == (Shape{5, 4}));
    seen.push_back(out.shape());
    return out * 2.;
  });
  net[2].register_forward_hook([&](Module<double>&, const D& in, const D& out) {
    BOOST_TEST(!in.defined());
    seen.push_back(out.shape());
    return D();
  });
  std::size_t passes = 0;
  net[1].register_backward_hook([&](Module<double>&, const D& g) {
    ++passes;
    return g * 0.;
  });
  const D x = wave({5, 3}, 0);
  const List y = net(List{x});
  BOOST_TEST(seen.size() == 5U);
  BOOST_TEST(numbers(y[1]) == numbers((*net[1].children()[0])(net[0](x)) * 2.), same);
  mean_of(y).backward();
  BOOST_TEST(passes == 2U);
  for (const double g : net.at("0.weight").grad()) BOOST_TEST(g == 0);
}

BOOST_AUTO_TEST_CASE(errors_of_lists_name_the_module) {
  auto net = small_vae();
  const D x = wave({5, 3}, 0);
  BOOST_TEST(message_of<std::logic_error>([&] { net(x); }) ==
             "forward: a Sequential gives 3 tensors: call it with a list, in Sequential");
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               net(List{x, x});
             }) == "forward: a Linear takes one tensor: 2 given, in Sequential / 0 (Linear)");
  BOOST_TEST(message_of<std::invalid_argument>([&] { OnFirst<double>(Tanh<double>())(List{}); }) ==
             "forward: an OnFirst takes a tensor at least: 0 given, in OnFirst");
  BOOST_TEST(message_of<std::logic_error>([&] { Heads<double>()(x); }) ==
             "forward: the Heads is empty, in Heads");
}

BOOST_AUTO_TEST_CASE(functional_calls_of_lists) {
  auto net = small_vae();
  const D x = wave({5, 3}, 0);
  NamedTensors<double> halves = net.parameters();
  for (auto& p : halves) p.tensor = parameter(p.tensor * 0.5 + 0.1);
  const List y = functional_call(net, halves, List{x});
  mean_of(y).backward();
  BOOST_TEST(numbers(y[0]) != numbers(net(List{x})[0]), same);
  BOOST_TEST(numbers((*clone(net))(List{x})[2]) == numbers(net(List{x})[2]), same);
}

BOOST_AUTO_TEST_SUITE_END()
