// What all optimizers have in common: groups, rates, freezing, ties, gradients that are missing or
// not finite, weight decay and its filters.

#include <boost/test/unit_test.hpp>

#include "tests/optimizers/makers.hpp"
#include "tests/optimizers/problems.hpp"
#include "xgrad/optimizers/lbfgs.hpp"

namespace xgrad::test {
namespace {

using T = double;

Tensor<T> with_gradient(const std::vector<T>& values, const std::vector<T>& gradient) {
  Tensor<T> w = leaf<T>({values.size()}, values);
  w.set_gradient(Tensor<T>::from({gradient.size()}, gradient));
  return w;
}

std::vector<T> numbers(const Tensor<T>& t) { return {t.data(), t.data() + t.size()}; }
using Numbers = std::vector<T>;

BOOST_AUTO_TEST_SUITE(optimizer)

BOOST_AUTO_TEST_CASE(reads_like_the_documentation) {
  Tensor<float> w = parameter(Tensor<float>::from({2}, {1.0F, 2.0F}));
  Sgd<float> named_one({{"w", w}}, {.learning_rate = 0.5});
  Sgd<float> plain({w}, {.learning_rate = 0.5});
  BOOST_TEST(plain.parameters()[0].name == "0");
  plain.zero_grad();
  sum(square(w)).backward();
  plain.step();
  BOOST_TEST(w.data()[0] == 0.0F);
  BOOST_TEST(w.data()[1] == 0.0F);
}

BOOST_AUTO_TEST_CASE(learning_rate_is_one_call) {
  Tensor<T> a = with_gradient({1}, {1}), b = with_gradient({1}, {1});
  Sgd<T> optimizer({{"a", a}}, {.learning_rate = 0.1});
  optimizer.add_group({{"b", b}}, {.learning_rate = 0.01});
  BOOST_TEST(optimizer.learning_rate() == 0.1);
  BOOST_TEST(optimizer.learning_rate(1) == 0.01);
  optimizer.set_learning_rate(0.5);
  optimizer.set_learning_rate(0.25, 1);
  optimizer.step();
  BOOST_TEST(a.item() == 0.5);
  BOOST_TEST(b.item() == 0.75);
}

BOOST_AUTO_TEST_CASE(groups_have_their_own_options) {
  Tensor<T> a = with_gradient({1}, {1}), b = with_gradient({1}, {1});
  Sgd<T> optimizer({{"a", a}}, {.learning_rate = 0.5, .momentum = 0.5});
  const Tensor<T> c = leaf<T>({1}, {1});
  optimizer.add_group({b, c}, {.learning_rate = 0.25});
  BOOST_TEST(optimizer.group_count() == 2U);
  BOOST_TEST(optimizer.parameters()[1].name == "1");
  BOOST_TEST(optimizer.parameters()[2].name == "2");
  BOOST_TEST(optimizer.options(1).momentum == 0.0);
  optimizer.step();
  optimizer.step();
  BOOST_TEST(a.item() == 1 - 0.5 * 1 - 0.5 * 1.5);
  BOOST_TEST(b.item() == 0.5);
}

BOOST_AUTO_TEST_CASE(frozen_parameters_stay) {
  for (const auto& maker : makers<T>()) {
    BOOST_TEST_CONTEXT(maker.name) {
      Tensor<T> a = leaf<T>({2}, {1, 2}), b = leaf<T>({2}, {3, 4});
      const auto optimizer = maker.make({{"a", a}, {"b", b}});
      const auto loss = [&] { return sum(square(a) + square(b)); };
      optimizer->step(loss);
      a.requires_grad_(false);
      const Numbers frozen = numbers(a), moving = numbers(b);
      a.set_gradient(Tensor<T>::filled({2}, 1));  // left from before it was frozen
      for (int t = 0; t < 3; ++t) {
        if (auto* sgd = dynamic_cast<Sgd<T>*>(optimizer.get()); sgd && sgd->options().look_ahead) {
          sgd->look_ahead();
        }
        b.zero_grad();
        loss().backward();
        optimizer->step();
      }
      BOOST_TEST(numbers(a) == frozen);
      BOOST_TEST(numbers(b) != moving);
      a.requires_grad_(true);
      optimizer->step(loss);
      BOOST_TEST(numbers(a) != frozen);
    }
  }
}

// Bias correction starts with the parameter, not with the optimizer: the first step of Adam is
// the rate.
BOOST_AUTO_TEST_CASE(steps_are_counted_for_each_parameter) {
  Tensor<T> a = leaf<T>({1}, {1}), b = leaf<T>({1}, {1});
  Adam<T> optimizer({a, b}, {.learning_rate = 0.1});
  b.requires_grad_(false);
  for (int t = 0; t < 5; ++t) optimizer.step([&] { return sum(square(a) + square(b)); });
  b.requires_grad_(true);
  optimizer.step([&] { return sum(square(a) + square(b)); });
  BOOST_TEST(b.item() == 0.9, boost::test_tools::tolerance(1e-8));
  BOOST_TEST(optimizer.state_dict().numbers.at("Adam/0/steps") == 6.0);
  BOOST_TEST(optimizer.state_dict().numbers.at("Adam/1/steps") == 1.0);
}

BOOST_AUTO_TEST_CASE(tied_tensors_are_updated_once) {
  Tensor<T> w = with_gradient({1}, {1});
  Sgd<T> optimizer({{"encoder", w}, {"decoder", w}}, {.learning_rate = 0.25});
  BOOST_TEST(optimizer.parameters().size() == 1U);
  BOOST_TEST(optimizer.parameters()[0].name == "encoder");
  optimizer.step();
  BOOST_TEST(w.item() == 0.75);
}

BOOST_AUTO_TEST_CASE(parameter_without_gradient_is_skipped_and_reported) {
  Tensor<T> used = leaf<T>({1}, {1}), unused = leaf<T>({1}, {5});
  Adam<T> optimizer({{"used", used}, {"unused", unused}}, {.weight_decay = 0.1});
  optimizer.step([&] { return sum(square(used)); });
  BOOST_TEST(unused.item() == 5.0);
  BOOST_TEST(optimizer.without_gradient() == std::vector<std::string>{"unused"});
  BOOST_TEST(optimizer.state_dict().numbers.at("Adam/unused/steps") == 0.0);

  optimizer.set_checks({.missing = true});
  const T before = used.item();
  BOOST_TEST(
      message_of<std::logic_error>([&] { optimizer.step(); }) ==
      "Adam: parameters without a gradient: unused; call backward() before step(), or freeze them");
  BOOST_TEST(used.item() == before);
  unused.requires_grad_(false);
  BOOST_TEST(optimizer.without_gradient().empty());
  optimizer.step();
  BOOST_TEST(used.item() != before);
}

BOOST_AUTO_TEST_CASE(gradient_that_is_not_finite_is_named_on_request) {
  Tensor<T> good = leaf<T>({1}, {1}), bad = leaf<T>({2, 2}, {1, 2, 3, 4});
  for (const auto& maker : makers<T>()) {
    BOOST_TEST_CONTEXT(maker.name) {
      const auto optimizer = maker.make({{"good", good}, {"bad", bad}});
      if (auto* sgd = dynamic_cast<Sgd<T>*>(optimizer.get()); sgd && sgd->options().look_ahead) {
        sgd->look_ahead();
      }
      optimizer->set_checks({.nan = true});
      good.set_gradient(Tensor<T>::filled({1}, 1));
      bad.set_gradient(Tensor<T>::from({2, 2}, {1, -INFINITY, NAN, 1}));
      const auto state = optimizer->state_dict();
      const std::string message = message_of<std::invalid_argument>([&] { optimizer->step(); });
      BOOST_TEST(message ==
                 optimizer->type_name() +
                     ": gradient not finite: bad (2, 2) (2 of 4 numbers, first -inf at (0, 1))");
      BOOST_TEST(good.item() == 1.0);
      BOOST_TEST((numbers(bad) == Numbers{1, 2, 3, 4}));
      BOOST_TEST((optimizer->state_dict().numbers == state.numbers));
    }
  }
}

BOOST_AUTO_TEST_CASE(without_the_check_nan_goes_through) {
  Tensor<T> w = with_gradient({1}, {NAN});
  Sgd<T> optimizer({w});
  optimizer.step();
  BOOST_TEST(std::isnan(w.item()));
}

BOOST_AUTO_TEST_CASE(stale_graph_is_detected) {
  Tensor<T> w = leaf<T>({1}, {2});
  Sgd<T> optimizer({w});
  const Tensor<T> loss = sum(w * w);
  loss.backward({.retain_graph = true});
  optimizer.step();
  BOOST_CHECK_THROW(loss.backward(), std::logic_error);
}

// A gradient that is part of a graph serves as well; nothing of the step is recorded.
BOOST_AUTO_TEST_CASE(recorded_gradient) {
  Tensor<T> w = leaf<T>({1}, {3});
  Sgd<T> optimizer({w}, {.learning_rate = 0.5});
  sum(w * w).backward({.create_graph = true});
  optimizer.step();
  BOOST_TEST(w.item() == 0.0);
  BOOST_TEST(w.is_leaf());
  optimizer.zero_grad();
}

BOOST_AUTO_TEST_CASE(what_cannot_be_optimized) {
  Tensor<T> w = leaf<T>({1}, {1}), v = leaf<T>({1}, {1});
  const auto message = [](const NamedTensors<T>& p) {
    return message_of<std::invalid_argument>([&] { Adam<T> optimizer(p); });
  };
  BOOST_TEST(message({}) == "Adam: no parameters");
  BOOST_TEST(message({{"x", {}}}) == "Adam: parameter \"x\" is undefined");
  BOOST_TEST(message({{"x", w * w}}) ==
             "Adam: parameter \"x\" is a result of the recorded operation \"multiply\"; only "
             "leaves can be "
             "optimized");
  BOOST_TEST(message({{"x", w}, {"x", v}}) ==
             "Adam: parameter \"x\" has the name of another parameter");

  Adam<T> optimizer({{"w", w}});
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               optimizer.add_group({{"v", v}, {"tied", w}});
             }) == "Adam: parameter \"tied\" is in group 0 already, as \"w\"");
  BOOST_TEST(optimizer.parameters().size() == 1U);
  BOOST_TEST(optimizer.group_count() == 1U);
}

BOOST_AUTO_TEST_CASE(rates_out_of_range) {
  Sgd<T> optimizer({leaf<T>({1}, {1})});
  BOOST_TEST(message_of<std::invalid_argument>([&] { optimizer.set_learning_rate(-1); }) ==
             "set_learning_rate: rate is not in [0, inf): -1");
  BOOST_TEST(message_of<std::invalid_argument>([&] { optimizer.set_learning_rate(NAN); }) ==
             "set_learning_rate: rate is not in [0, inf): nan");
  BOOST_TEST(message_of<std::out_of_range>([&] { optimizer.set_learning_rate(1, 2); }) ==
             "learning_rate: Sgd has 1 groups, not a group 2");
  BOOST_TEST(message_of<std::out_of_range>([&] { optimizer.learning_rate(1); }) ==
             "learning_rate: Sgd has 1 groups, not a group 1");
}

BOOST_AUTO_TEST_CASE(decay_on_chosen_parameters) {
  const auto decayed = [](const ParameterFilter& only) {
    Tensor<T> weight = Tensor<T>::filled({2, 2}, 1), bias = leaf<T>({2}, {1, 1}),
              gain = leaf<T>({2}, {1, 1});
    weight.requires_grad_();
    for (Tensor<T>* t : {&weight, &bias, &gain}) t->set_gradient(Tensor<T>::filled(t->shape(), 0));
    Sgd<T> optimizer({{"fc.weight", weight}, {"fc.bias", bias}, {"norm1.weight", gain}},
                     {.learning_rate = 0.5, .weight_decay = 0.5, .decay = {.only = only}});
    optimizer.step();
    return Numbers{weight.data()[3], bias.data()[1], gain.data()[0]};
  };
  BOOST_TEST((decayed({}) == Numbers{0.75, 0.75, 0.75}));
  BOOST_TEST((decayed(matrices()) == Numbers{0.75, 1, 1}));
  BOOST_TEST((decayed(names_like({"fc.*"})) == Numbers{0.75, 0.75, 1}));
  BOOST_TEST((decayed(names_unlike({"*.bias", "norm?.*"})) == Numbers{0.75, 1, 1}));
  BOOST_TEST((decayed([](const std::string& name, const Shape&) {
                return name == "norm1.weight";
              }) == Numbers{1, 1, 0.75}));
}

BOOST_AUTO_TEST_CASE(name_patterns) {
  const auto fits = [](const char* pattern, const char* name) {
    return names_like({pattern})(name, {});
  };
  BOOST_TEST(fits("*", ""));
  BOOST_TEST(fits("a*b*c", "axxbyybzc"));
  BOOST_TEST(!fits("a*b*c", "axxbyybz"));
  BOOST_TEST(fits("?.bias", "1.bias"));
  BOOST_TEST(!fits("?.bias", "12.bias"));
  BOOST_TEST(!fits("bias", "fc.bias"));
  BOOST_TEST(fits("*.bias**", "fc.bias"));
  BOOST_TEST(!fits("", "a"));
}

BOOST_AUTO_TEST_CASE(groups_by_selection) {
  const NamedTensors<T> all{{"body.weight", leaf<T>({1}, {1})}, {"head.weight", leaf<T>({1}, {1})}};
  Sgd<T> optimizer(filter_parameters(all, names_unlike({"head.*"})), {.learning_rate = 1e-3});
  optimizer.add_group(filter_parameters(all, names_like({"head.*"})), {.learning_rate = 1e-2});
  BOOST_TEST(optimizer.parameters()[1].name == "head.weight");
  BOOST_TEST(filter_parameters(all, {}).size() == 2U);
}

// Decoupled decay does not pass through Adam's division: all weights shrink alike, whatever
// their gradient.
BOOST_AUTO_TEST_CASE(decoupled_decay_is_proportional) {
  Tensor<T> w = with_gradient({1, 2}, {0, 0});
  AdamW<T> optimizer({w},
                     {.learning_rate = 0.1, .weight_decay = 0.5, .decay = {.decoupled = false}});
  optimizer.step();
  BOOST_TEST(numbers(w) == (Numbers{1 * 0.95, 2 * 0.95}));
  w = with_gradient({1, 2}, {0, 0});
  Adam<T> coupled({w}, {.learning_rate = 0.1, .weight_decay = 0.5});
  coupled.step();
  BOOST_TEST(w.data()[0] == 0.9, boost::test_tools::tolerance(1e-7));
  BOOST_TEST(w.data()[1] == 1.9, boost::test_tools::tolerance(1e-7));
}

// sign(0) = 0: without a gradient and a memory Lion stays where it is.
BOOST_AUTO_TEST_CASE(lion_of_no_gradient_stays) {
  Tensor<T> w = with_gradient({3, -1}, {0, 0});
  Lion<T> optimizer({w}, {.learning_rate = 0.5});
  optimizer.step();
  BOOST_TEST(numbers(w) == (Numbers{3, -1}));
}

// Elastic net: by hand.
BOOST_AUTO_TEST_CASE(elastic_net) {
  Tensor<T> w = with_gradient({2, -2, 0}, {1, 1, 1});
  Sgd<T> coupled({w}, {.learning_rate = 0.5, .weight_decay = 0.25, .decay = {.l1 = 0.125}});
  coupled.step();
  BOOST_TEST(numbers(w) ==
             (Numbers{2 - 0.5 * (1 + 0.5 + 0.125), -2 - 0.5 * (1 - 0.5 - 0.125), -0.5}));
}

// Lp alone: by hand.
BOOST_AUTO_TEST_CASE(lp_decay) {
  Tensor<T> w = with_gradient({2, -2, 0}, {1, 1, 1});
  Sgd<T> coupled({w}, {.learning_rate = 0.5, .decay = {.lp = 0.25}});  // power 3
  coupled.step();
  BOOST_TEST(numbers(w) == (Numbers{2 - 0.5 * (1 + 0.25 * 4), -2 - 0.5 * (1 - 0.25 * 4), -0.5}));
}

// The proximal step makes weights exactly 0, the subgradient does not.
BOOST_AUTO_TEST_CASE(decoupled_l1_is_sparse) {
  const auto zeros = [](bool decoupled) {
    const Problem<T> p = logistic<T>();
    Sgd<T> optimizer(p.parameters,
                     {.learning_rate = 0.5, .decay = {.decoupled = decoupled, .l1 = 0.03}});
    for (int t = 0; t < 300; ++t) optimizer.step(p.loss);
    const Numbers w = p.weights();
    return std::count(w.begin(), w.end(), 0.0);
  };
  BOOST_TEST(zeros(true) == 3);
  BOOST_TEST(zeros(false) == 0);
}

BOOST_AUTO_TEST_CASE(step_with_loss_returns_it) {
  const Problem<T> p = quadratic<T>();
  const T before = p.loss().item();
  Sgd<T> optimizer(p.parameters, {.learning_rate = 1e-3});
  BOOST_TEST(optimizer.step(p.loss) == before);
  BOOST_TEST(p.loss().item() < before);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xgrad::test
