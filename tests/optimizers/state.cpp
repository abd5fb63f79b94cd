// Saving in the middle of a trajectory and going on with another optimizer: bit for bit.

#include <boost/test/unit_test.hpp>

#include "tests/optimizers/makers.hpp"
#include "tests/optimizers/problems.hpp"
#include "xgrad/optimizers/lbfgs.hpp"
#include "xgrad/optimizers/newton_cg.hpp"
#include "xgrad/optimizers/scheduler.hpp"

namespace xgrad::test {
namespace {

template <class T>
void copy_weights(const Problem<T>& from, const Problem<T>& to) {
  for (std::size_t i = 0; i < from.parameters.size(); ++i) {
    Tensor<T> t = to.parameters[i].tensor;
    t.set_value(from.parameters[i].tensor.value());
  }
}

// `make` makes the optimizer; weights after `before` + 9 steps, with and without an interruption.
template <class T, class Make>
void check_resumed(const Make& make, int before = 7) {
  const Problem<T> whole = rosenbrock<T>(), first = rosenbrock<T>(), second = rosenbrock<T>();
  const auto a = make(whole.parameters), b = make(first.parameters), c = make(second.parameters);
  for (int t = 0; t < before + 9; ++t) a->step(whole.loss);
  for (int t = 0; t < before; ++t) b->step(first.loss);
  for (int t = 0; t < 2; ++t) c->step(second.loss);  // state of its own, to be replaced
  const OptimizerState<T> state = b->state_dict();
  copy_weights(first, second);
  for (int t = 0; t < 3; ++t) b->step(first.loss);  // the state is a copy
  c->load_state_dict(state);
  for (int t = 0; t < 9; ++t) c->step(second.loss);
  BOOST_TEST(second.weights() == whole.weights());
}

template <class O, class T, class Options>
auto maker_of(const Options& options) {
  return [=](const NamedTensors<T>& p) { return std::make_unique<O>(p, options); };
}

BOOST_AUTO_TEST_SUITE(state)

BOOST_AUTO_TEST_CASE(resumed_bit_for_bit) {
  for (const auto& maker : makers<float>()) {
    BOOST_TEST_CONTEXT(maker.name) { check_resumed<float>(maker.make); }
  }
  for (const auto& maker : makers<double>()) {
    BOOST_TEST_CONTEXT(maker.name) { check_resumed<double>(maker.make); }
  }
}

BOOST_AUTO_TEST_CASE(second_order_resumed_bit_for_bit) {
  const LbfgsOptions options{.max_iterations = 1, .max_evaluations = 8, .history = 3};
  check_resumed<float>(maker_of<Lbfgs<float>, float>(options));
  check_resumed<double>(maker_of<Lbfgs<double>, double>(options));
  check_resumed<double>(maker_of<Lbfgs<double>, double>(options), 0);
  check_resumed<double>(maker_of<Lbfgs<double>, double>(options), 1);
  check_resumed<double>(maker_of<NewtonCg<double>, double>(NewtonCgOptions{}));
}

// Between look_ahead() and step().
BOOST_AUTO_TEST_CASE(look_ahead_resumed_half_way) {
  using T = double;
  const SgdOptions options{.learning_rate = 1e-3, .momentum = 0.9, .look_ahead = true};
  const Problem<T> p = rosenbrock<T>(), q = rosenbrock<T>();
  Sgd<T> a(p.parameters, options), b(q.parameters, options);
  a.step(p.loss);
  a.look_ahead();
  b.load_state_dict(a.state_dict());
  copy_weights(p, q);
  a.step(p.loss);
  b.step(q.loss);
  BOOST_TEST(p.weights() == q.weights());
}

BOOST_AUTO_TEST_CASE(learning_rates_of_groups_are_part_of_it) {
  using T = double;
  const auto make = [] {
    auto o = std::make_unique<Sgd<T>>(NamedTensors<T>{{"a", leaf<T>({1}, {1})}},
                                      SgdOptions{.learning_rate = 0.1});
    o->add_group({{"b", leaf<T>({1}, {1})}}, {.learning_rate = 0.2});
    return o;
  };
  const auto a = make(), b = make();
  a->set_learning_rate(1.0 / 3, 1);
  b->load_state_dict(a->state_dict());
  BOOST_TEST(b->learning_rate(0) == 0.1);
  BOOST_TEST(b->learning_rate(1) == 1.0 / 3);
}

BOOST_AUTO_TEST_CASE(scheduler_and_optimizer_share_a_container) {
  using T = double;
  const auto run = [](int before, int after) {
    Problem<T> p = quadratic<T>();
    OptimizerState<T> state;
    const auto train = [&](int steps, bool load) {
      Adam<T> optimizer(p.parameters, {.learning_rate = 0.1});
      Scheduler<T> scheduler(
          optimizer, product({CosineDecay{.duration = 20}, ReduceOnPlateau{.patience = 1}}));
      if (load) {
        optimizer.load_state_dict(state);
        scheduler.load_state_dict(state);
      }
      for (int t = 0; t < steps; ++t) {
        optimizer.step(p.loss);
        scheduler.step();
        scheduler.observe(1.0 + t % 2);
      }
      state = optimizer.state_dict();
      state.add(scheduler.state_dict());
    };
    train(before, false);
    if (after > 0) train(after, true);
    return p.weights();
  };
  BOOST_TEST(run(12, 0) == run(4, 8));
}

BOOST_AUTO_TEST_CASE(names) {
  using T = double;
  const Problem<T> p = logistic<T>();
  Adam<T> optimizer(p.parameters, {.amsgrad = true});
  BOOST_TEST(optimizer.state_dict().tensors.empty());
  optimizer.step(p.loss);
  const OptimizerState<T> state = optimizer.state_dict();
  BOOST_TEST_REQUIRE(state.tensors.size() == 6U);
  BOOST_TEST(state.tensors[0].name == "Adam/w/first_moment");
  BOOST_TEST(state.tensors[1].name == "Adam/w/second_moment");
  BOOST_TEST(state.tensors[2].name == "Adam/w/largest_second_moment");
  BOOST_TEST((state.numbers == StateNumbers{{"Adam/b/steps", 1},
                                            {"Adam/group 0/learning_rate", 1e-3},
                                            {"Adam/w/steps", 1}}));
}

BOOST_AUTO_TEST_CASE(only_what_the_options_need_is_kept) {
  using T = double;
  const auto kept = [](const auto& make) {
    const Problem<T> p = quadratic<T>();
    const auto optimizer = make(p.parameters);
    optimizer->step(p.loss);
    std::string names;
    for (const auto& t : optimizer->state_dict().tensors) names += " " + t.name;
    return names;
  };
  const auto sgd = [&](const SgdOptions& o) { return kept(maker_of<Sgd<T>, T>(o)); };
  const auto rmsprop = [&](const RmsPropOptions& o) { return kept(maker_of<RmsProp<T>, T>(o)); };
  BOOST_TEST(sgd({}) == "");
  BOOST_TEST(sgd({.momentum = 0.5}) == " Sgd/w/velocity");
  BOOST_TEST(rmsprop({}) == " RmsProp/w/gradient_squares");
  BOOST_TEST(rmsprop({.momentum = 0.5}) == " RmsProp/w/gradient_squares RmsProp/w/velocity");
  BOOST_TEST(rmsprop({.centred = true}) == " RmsProp/w/gradient_squares RmsProp/w/mean_gradient");
}

BOOST_AUTO_TEST_CASE(everything_wrong_is_named_and_nothing_changed) {
  using T = double;
  const Tensor<T> a = leaf<T>({2}, {1, 2}), b = leaf<T>({1}, {1});
  Adam<T> optimizer({{"a", a}, {"b", b}});
  const auto loss = [&] { return sum(square(a)) + sum(square(b)); };
  optimizer.step(loss);
  const OptimizerState<T> before = optimizer.state_dict();

  OptimizerState<T> wrong = before;
  wrong.tensors.erase(wrong.tensors.begin());           // a/first_moment
  wrong.tensors[0].tensor = Tensor<T>::filled({3}, 0);  // a/second_moment
  wrong.tensors.push_back({"Adam/c/first_moment", Tensor<T>::filled({1}, 0)});
  wrong.tensors.push_back({"Lion/a/first_moment", Tensor<T>::filled({1}, 0)});  // somebody else's
  wrong.numbers.erase("Adam/b/steps");
  wrong.numbers["Adam/c/steps"] = 1;
  BOOST_TEST(message_of<std::invalid_argument>([&] { optimizer.load_state_dict(wrong); }) ==
             "load_state_dict: Adam: missing: b/steps, a/first_moment; unexpected: c/steps, "
             "b/first_moment, b/second_moment, c/first_moment; wrong shape: a/second_moment (2) "
             "given (3)");
  const OptimizerState<T> after = optimizer.state_dict();
  BOOST_TEST((after.numbers == before.numbers));
  for (std::size_t i = 0; i < before.tensors.size(); ++i) {
    BOOST_TEST((after.tensors[i].tensor.value() == before.tensors[i].tensor.value()));
  }
}

BOOST_AUTO_TEST_CASE(state_of_another_optimizer) {
  using T = double;
  const Tensor<T> w = leaf<T>({1}, {1});
  Adam<T> adam({{"w", w}});
  Lion<T> lion({{"w", w}});
  BOOST_TEST(message_of<std::invalid_argument>([&] { lion.load_state_dict(adam.state_dict()); }) ==
             "load_state_dict: Lion: missing: group 0/learning_rate, w/steps");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xgrad::test
