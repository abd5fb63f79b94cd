// The base of all modules: names, state, modes, errors, hooks, moving.

#include "xgrad/modules/module.hpp"

#include "tests/modules/helpers.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/optimizers/sgd.hpp"

namespace {

using namespace xgrad;
using namespace xgrad::test;
using Names = std::vector<std::string>;

// A module of one's own takes ten lines.
template <class T>
struct Encoder : Module<T> {
  Linear<T>& fc1 = this->template add<Linear<T>>("fc1", 4, 3);
  Linear<T>& fc2 = this->template add<Linear<T>>("fc2", 3, 2);
  Tensor<T> forward(const Tensor<T>& x) override { return fc2(relu(fc1(x))); }
};

template <class T>
struct Net : Module<T> {
  Encoder<T>& encoder = this->template add<Encoder<T>>("encoder");
  Tensor<T>& scale = this->add_parameter("scale", Tensor<T>::filled({2}, 1));
  Tensor<T>& seen = this->add_buffer("seen", Tensor<T>(0));
  Tensor<T> forward(const Tensor<T>& x) override { return encoder(x) * scale; }
};

const Names kParameters = {"scale", "encoder.fc1.weight", "encoder.fc1.bias", "encoder.fc2.weight",
                           "encoder.fc2.bias"};

}  // namespace

BOOST_AUTO_TEST_SUITE(module)

BOOST_AUTO_TEST_CASE(names_parameters_by_path) {
  Net<double> net;
  BOOST_TEST(names(net.parameters()) == kParameters, boost::test_tools::per_element());
  BOOST_TEST(names(net.buffers()) == Names{"seen"}, boost::test_tools::per_element());
  BOOST_TEST(names(net.own_parameters()) == Names{"scale"}, boost::test_tools::per_element());
  BOOST_TEST(net.parameter_count() == 2U + 12 + 3 + 6 + 2);
  BOOST_TEST(net.at("encoder.fc1.weight").is_same(net.encoder.fc1.weight));
  BOOST_TEST(net.encoder.fc2.path() == "encoder.fc2");
  BOOST_TEST(net.type_name() == "Net");
  BOOST_TEST(message_of<std::out_of_range>([&] { net.at("encoder.fc3.weight"); }) ==
             "Net: there is no parameter or buffer \"encoder.fc3.weight\"");
}

BOOST_AUTO_TEST_CASE(a_custom_module_passes_the_gradient_check) {
  Generator generator(3);
  const GeneratorScope scope(generator);
  Net<double> net;
  net.scale = parameter(Tensor<double>::from({2}, {0.5, 2}));
  check_passes(check_gradients(
      net, [](const auto& y) { return square(y); }, standard_normal({5, 4})));
}

BOOST_AUTO_TEST_CASE(a_report_names_parameters_by_path) {
  Net<double> net;
  const GradientReport report = check_gradients(
      net, [](const auto& y) { return y; }, standard_normal({5, 4}));
  BOOST_REQUIRE(report.inputs.size() == 6U);
  BOOST_TEST(report.inputs[0].name == "input");
  BOOST_TEST(report.inputs[4].name == "encoder.fc2.weight");
}

BOOST_AUTO_TEST_CASE(refuses_names_that_are_no_names) {
  Sequential<float> net;
  net.append(Relu<float>(), "a");
  BOOST_TEST(message_of<std::invalid_argument>([&] { net.append(Relu<float>(), "a"); }) ==
             "Sequential: the name \"a\" is taken");
  BOOST_TEST(message_of<std::invalid_argument>([&] { net.append(Relu<float>(), "a.b"); }) ==
             "Sequential: \"a.b\" is no name: empty or with a dot");
}

BOOST_AUTO_TEST_CASE(a_parameter_registered_twice_is_listed_once) {
  struct Tied : Module<double> {
    Linear<double>& a = add<Linear<double>>("a", 3, 3);
    Linear<double>& b = add<Linear<double>>("b", 3, 3);
    Tensor<double> forward(const Tensor<double>& x) override { return b(a(x)); }
  } net;
  net.b.weight = net.a.weight;
  const Names expected = {"a.weight", "a.bias", "b.bias"};
  BOOST_TEST(names(net.parameters()) == expected, boost::test_tools::per_element());
  BOOST_TEST(names(net.state_dict()) == expected, boost::test_tools::per_element());
  BOOST_TEST(net.at("b.weight").is_same(net.a.weight));
  check_passes(check_gradients(
      net, [](const auto& y) { return square(y); }, standard_normal({4, 3})));

  NamedTensors<double> under_both_names = net.state_dict();
  under_both_names.push_back({"b.weight", net.a.weight});
  net.load_state_dict(under_both_names);
  NamedTensors<double> under_the_other = net.state_dict();
  under_the_other[0].name = "b.weight";
  net.load_state_dict(under_the_other);
}

// --- Assigning to a parameter's place ---

namespace {
void train(Net<double>& net, Optimizer<double>& optimizer) {
  const Tensor<double> x = standard_normal({6, 4}, 5);
  for (int i = 0; i < 3; ++i) optimizer.step([&] { return mean(square(net(x))); });
}
}  // namespace

BOOST_AUTO_TEST_CASE(numbers_assigned_to_a_parameter_are_learned) {
  Net<double> net;
  const Tensor<double> before = net.encoder.fc1.weight;
  Adam<double> optimizer(net.parameters());
  const Tensor<double> start = standard_normal({3, 4}, 7);
  net.encoder.fc1.weight = start;
  net.scale = xt::xarray<double>{0.5, 2};
  BOOST_TEST(net.encoder.fc1.weight.is_same(before));
  BOOST_TEST(numbers(net.encoder.fc1.weight) == numbers(start), boost::test_tools::per_element());
  BOOST_TEST(!start.requires_grad());
  train(net, optimizer);
  for (std::size_t i = 0; i < start.size(); ++i) {
    BOOST_TEST(net.encoder.fc1.weight.data()[i] != start.data()[i]);
  }
  BOOST_TEST(net.scale.data()[0] != 0.5);
}

BOOST_AUTO_TEST_CASE(a_frozen_parameter_stays_frozen) {
  Net<double> net;
  net.requires_grad_(false);
  net.scale = Tensor<double>::filled({2}, 3);
  net.encoder.fc2.bias = parameter(Tensor<double>::filled({2}, 3));
  BOOST_TEST(!net.scale.requires_grad());
  BOOST_TEST(!net.encoder.fc2.bias.requires_grad());
}

BOOST_AUTO_TEST_CASE(an_assigned_value_has_the_parameters_shape) {
  Net<double> net;
  const auto before = numbers(net.scale);
  BOOST_TEST(message_of<std::invalid_argument>([&] { net.scale = standard_normal({3}); }) ==
             "parameter: another shape is assigned: scale (2), value (3)");
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               net.scale = parameter(standard_normal({2, 1}));
             }) == "parameter: another shape is assigned: scale (2), value (2, 1)");
  BOOST_TEST(numbers(net.scale) == before, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_parameter_held_elsewhere_is_shared) {
  Net<double> net;
  Adam<double> optimizer(net.parameters());
  const Tensor<double> mine = parameter(Tensor<double>::filled({2}, 3));
  net.scale = mine;
  BOOST_TEST(net.scale.is_same(mine));
  BOOST_TEST(message_of<std::logic_error>([&] { train(net, optimizer); }) ==
             "Adam: other parameters have the place of scale in their module: make it from the "
             "parameters of now");
  Adam<double> anew(net.parameters());
  train(net, anew);
  BOOST_TEST(mine.data()[0] != 3);
}

BOOST_AUTO_TEST_CASE(a_handle_is_assigned_without_the_parameter) {
  Net<double> net;
  Tensor<double> w = net.scale;
  w = w * 2.0;
  BOOST_TEST(net.scale.data()[0] == 1);
  BOOST_TEST(net.scale.is_leaf());
}

// Weights that came out of operations: gradients flow through to what they came from.
BOOST_AUTO_TEST_CASE(a_recorded_result_covers_a_parameter) {
  Net<double> net;
  Sgd<double> optimizer(net.parameters(), {.learning_rate = 0.1});
  const Tensor<double> own = net.scale, x = standard_normal({5, 4});
  net.scale = own * 3.0;
  BOOST_TEST(net.at("scale").is_same(own));
  BOOST_TEST(names(net.parameters()) == kParameters, boost::test_tools::per_element());
  sum(net(x)).backward();
  const auto through = numbers(own.gradient());
  optimizer.zero_grad();
  net.scale = Tensor<double>::filled({2}, 3);
  BOOST_TEST(net.scale.is_same(own));
  sum(net(x)).backward();
  BOOST_TEST(through[0] == 3 * own.grad()(0), boost::test_tools::tolerance(1e-14));
  optimizer.step();
}

BOOST_AUTO_TEST_CASE(a_parameter_is_removed_and_given_again) {
  Linear<double> layer(3, 2);
  layer.bias = Tensor<double>();
  BOOST_TEST(names(layer.parameters()) == Names{"weight"}, boost::test_tools::per_element());
  layer.bias = Tensor<double>::filled({2}, 1);
  BOOST_TEST(layer.bias.requires_grad());
  BOOST_TEST(layer.parameters().size() == 2U);
}

BOOST_AUTO_TEST_CASE(swapped_parameters) {
  Net<double> a, b;
  b.scale = Tensor<double>::filled({2}, 5);
  std::swap(a.scale, b.scale);
  BOOST_TEST(a.scale.data()[0] == 5);
  BOOST_TEST(b.scale.data()[0] == 1);
  BOOST_TEST(!a.scale.is_same(b.scale));
  const Tensor<double> taken = std::move(a.scale);
  BOOST_TEST(a.scale.is_same(taken));
}

BOOST_AUTO_TEST_CASE(names_are_tied) {
  Net<double> net;
  BOOST_TEST(net.tied().empty());
  net.tie({"scale", "encoder.fc2.bias"});
  BOOST_TEST(net.scale.is_same(net.encoder.fc2.bias));
  BOOST_REQUIRE(net.tied().size() == 1U);
  BOOST_TEST(net.tied()[0] == (Names{"scale", "encoder.fc2.bias"}),
             boost::test_tools::per_element());
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               net.tie({"scale", "encoder.fc1.bias"});
             }) == "tie: not alike: scale (2), encoder.fc1.bias (3)");
  BOOST_TEST(message_of<std::out_of_range>([&] {
               net.tie({"scale", "b"});
             }) == "Net: there is no parameter or buffer \"b\"");
}

BOOST_AUTO_TEST_CASE(freezes_subtrees) {
  Net<double> net;
  net.encoder.fc1.requires_grad_(false);
  net(standard_normal({2, 4})).backward(Tensor<double>::filled({2, 2}, 1));
  BOOST_TEST(!net.encoder.fc1.weight.has_grad());
  BOOST_TEST(net.encoder.fc2.weight.has_grad());
  net.zero_grad();
  BOOST_TEST(!net.encoder.fc2.weight.has_grad());
  net.requires_grad_();
  BOOST_TEST(net.encoder.fc1.weight.requires_grad());
}

BOOST_AUTO_TEST_CASE(modes_reach_everything_below) {
  Sequential<float> net{Linear<float>(2, 2), Sequential<float>{Relu<float>(), Dropout<float>()}};
  net.eval();
  Names in_training;
  net.apply([&](const std::string& path, Module<float>& m) {
    if (m.is_training()) in_training.push_back(path);
  });
  BOOST_TEST(in_training.empty());
  net.train();
  net.apply([&](const std::string& path, const Module<float>& m) {
    if (m.is_training()) in_training.push_back(path);
  });
  const Names all = {"", "0", "1", "1.0", "1.1"};
  BOOST_TEST(in_training == all, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(moving_keeps_references) {
  Net<double> first;
  const Tensor<double> x = standard_normal({3, 4});
  const auto before = numbers(first(x));
  Net<double> net(std::move(first));
  BOOST_TEST(numbers(net(x)) == before, boost::test_tools::per_element());
  BOOST_TEST(&net.encoder == net.children()[0].get());
  net.scale = parameter(Tensor<double>::filled({2}, 2));
  BOOST_TEST(net.at("scale").is_same(net.scale));
  BOOST_TEST(net.encoder.fc1.path() == "encoder.fc1");
}

// --- Loading ---

BOOST_AUTO_TEST_CASE(loads_what_it_saved) {
  Net<double> a, b;
  b.load_state_dict(a.state_dict());
  const Tensor<double> x = standard_normal({3, 4});
  BOOST_TEST(numbers(a(x)) == numbers(b(x)), boost::test_tools::per_element());
  BOOST_TEST(!a.scale.is_same(b.scale));
}

BOOST_AUTO_TEST_CASE(loads_the_other_type) {
  Net<float> a;
  Net<double> b;
  b.load_state_dict(a.state_dict());
  BOOST_TEST(b.encoder.fc1.weight.data()[5] == double(a.encoder.fc1.weight.data()[5]));
}

BOOST_AUTO_TEST_CASE(one_error_names_all_that_is_wrong_and_changes_nothing) {
  Net<double> net;
  NamedTensors<double> state;
  for (const NamedTensor<double>& t : net.state_dict()) state.push_back({t.name, t.tensor.clone()});
  std::erase_if(state, [](auto& t) { return t.name == "scale" || t.name == "seen"; });
  for (NamedTensor<double>& t : state) {
    if (t.name == "encoder.fc2.weight") t.tensor = Tensor<double>::filled({2, 2}, 5);
    if (t.name == "encoder.fc1.bias") t.tensor = Tensor<double>::filled({3}, 5);
  }
  state.push_back({"head.weight", Tensor<double>(1)});
  state.push_back({"head.bias", Tensor<double>(1)});
  BOOST_TEST(message_of<std::invalid_argument>([&] { net.load_state_dict(state); }) ==
             "load_state_dict: Net: missing: scale, seen; unexpected: head.weight, head.bias; "
             "wrong shape: encoder.fc2.weight (2, 3) given (2, 2)");
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               net.load_state_dict(state, {.strict = false});
             }) == "load_state_dict: Net: wrong shape: encoder.fc2.weight (2, 3) given (2, 2)");
  BOOST_TEST(net.encoder.fc1.bias.data()[0] != 5);
}

BOOST_AUTO_TEST_CASE(a_load_that_is_not_strict_reports_names) {
  Net<double> net;
  const NamedTensors<double> state = {{"scale", Tensor<double>::filled({2}, 7)},
                                      {"head", Tensor<double>(1)}};
  const LoadReport report = net.load_state_dict(state, {.strict = false});
  BOOST_TEST(net.scale.data()[1] == 7);
  BOOST_TEST(report.unexpected == Names{"head"}, boost::test_tools::per_element());
  BOOST_TEST(report.missing.size() == 5U);
}

// --- Errors ---

BOOST_AUTO_TEST_CASE(errors_end_with_the_path) {
  Net<double> net;
  net.encoder.fc2.weight = Tensor<double>();
  net.encoder.fc2.weight = parameter(Tensor<double>::filled({2, 5}, 1));
  BOOST_TEST(
      message_of<std::invalid_argument>([&] {
        net(standard_normal({2, 4}));
      }) == "linear: input sizes differ: x (2, 3), weight (2, 5), in Net / encoder / fc2 (Linear)");
  Linear<double> alone(3, 2);
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               alone(standard_normal({2, 4}));
             }) == "linear: input sizes differ: x (2, 4), weight (2, 3), in Linear");
}

BOOST_AUTO_TEST_CASE(an_error_after_one_that_was_caught_has_its_own_path) {
  struct Tries : Module<double> {
    Linear<double>& a = add<Linear<double>>("a", 3, 2);
    Linear<double>& b = add<Linear<double>>("b", 2, 2);
    Tensor<double> forward(const Tensor<double>& x) override {
      try {
        return a(x);
      } catch (const std::invalid_argument&) {
        return b(x);
      }
    }
  } net;
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               net(standard_normal({2, 4}));
             }) == "linear: input sizes differ: x (2, 4), weight (2, 2), in Tries / b (Linear)");
}

BOOST_AUTO_TEST_CASE(a_module_without_forward_says_so) {
  struct Empty : Module<double> {
  } net;
  BOOST_TEST(message_of<std::logic_error>([&] { net(Tensor<double>(1)); }) ==
             "forward: a Empty does not take a single tensor, in Empty");
}

BOOST_AUTO_TEST_CASE(a_module_that_is_not_registered_is_an_error) {
  struct Forgotten : Module<double> {
    Linear<double> fc{4, 2};  // a plain member: not learned
    Tensor<double> forward(const Tensor<double>& x) override { return relu(fc(x)); }
  } net;
  const Tensor<double> x = standard_normal({2, 4});
  BOOST_TEST(
      message_of<std::logic_error>([&] { net(x); }) ==
      "forward: Forgotten calls a Linear that is not registered in it, so its parameters are "
      "not learned: make it with add; call its forward() or freeze it if this is meant, in "
      "Forgotten");
  {
    const NoGrad guard;
    net(x);
  }
  net.fc.requires_grad_(false);
  net(x);
}

BOOST_AUTO_TEST_CASE(modules_without_parameters_need_no_registration) {
  struct Plain : Module<double> {
    Tensor<double> forward(const Tensor<double>& x) override { return Relu<double>()(x); }
  } net;
  net(parameter(standard_normal({2, 4})));
}

// --- Hooks ---

BOOST_AUTO_TEST_CASE(hooks_see_and_replace) {
  Linear<double> net(3, 2);
  const Tensor<double> x = standard_normal({4, 3});
  const auto plain = numbers(net(x));
  const std::size_t twice = net.register_forward_hook(
      [](auto&, const auto& in, const auto& out) { return in.size(0) == 4U ? 2 * out : out; });
  BOOST_TEST(net(x).data()[3] == 2 * plain[3]);
  net.remove_hook(twice);
  BOOST_TEST(numbers(net(x)) == plain, boost::test_tools::per_element());

  Shape seen;
  const std::size_t id = net.register_backward_hook([&](auto&, const auto& g) {
    seen = g.shape();
    return 0 * g;
  });
  sum(net(x)).backward();
  BOOST_TEST((seen == Shape{4, 2}));
  BOOST_TEST(net.weight.grad().data()[0] == 0);
  net.remove_hook(id);
  net.zero_grad();
  sum(net(x)).backward();
  BOOST_TEST(net.weight.grad().data()[0] != 0);
}

BOOST_AUTO_TEST_CASE(a_backward_hook_on_a_module_that_returns_its_input) {
  Dropout<double> net(0.5);
  net.eval();
  int calls = 0;
  net.register_backward_hook([&](auto&, const auto& g) { return ++calls, 3 * g; });
  const Tensor<double> x = parameter(standard_normal({2}));
  sum(net(x) + x).backward();  // the second x does not pass through the module
  BOOST_TEST(calls == 1);
  BOOST_TEST(x.grad().data()[0] == 4);
}

BOOST_AUTO_TEST_CASE(everything_is_freed) {
  const auto before = detail::live_nodes();
  {
    Net<double> net;
    Net<double> moved(std::move(net));
    square(moved(standard_normal({3, 4}))).backward(Tensor<double>::filled({3, 2}, 1));
  }
  BOOST_TEST(detail::live_nodes() == before);
}

BOOST_AUTO_TEST_SUITE_END()
