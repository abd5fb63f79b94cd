// Options out of range: the text of every refusal.

#include <boost/test/unit_test.hpp>

#include "tests/optimizers/makers.hpp"
#include "tests/optimizers/problems.hpp"
#include "xgrad/optimizers/averaging.hpp"
#include "xgrad/optimizers/clipping.hpp"
#include "xgrad/optimizers/lbfgs.hpp"
#include "xgrad/optimizers/newton_cg.hpp"

namespace xgrad::test {
namespace {

using T = double;

NamedTensors<T> one_parameter() { return {{"w", leaf<T>({1}, {1})}}; }

template <class O, class Options>
std::string refusal(const Options& options) {
  return message_of<std::invalid_argument>([&] { O optimizer(one_parameter(), options); });
}

BOOST_AUTO_TEST_SUITE(options)

BOOST_AUTO_TEST_CASE(sgd) {
  const auto message = [](const SgdOptions& o) { return refusal<Sgd<T>>(o); };
  BOOST_TEST(message({.learning_rate = -1}) ==
             "Sgd: learning_rate is not in [0, inf): -1");
  BOOST_TEST(message({.learning_rate = INFINITY}) ==
             "Sgd: learning_rate is not in [0, inf): inf");
  BOOST_TEST(message({.momentum = 1}) == "Sgd: momentum is not in [0, 1): 1");
  BOOST_TEST(message({.dampening = -0.5}) == "Sgd: dampening is not in [0, 1): -0.5");
  const std::string nesterov =
      "Sgd: Nesterov's momentum needs momentum and no dampening: momentum ";
  BOOST_TEST(message({.nesterov = true}) == nesterov + "0, dampening 0");
  BOOST_TEST(message({.momentum = 0.9, .dampening = 0.1, .look_ahead = true}) ==
             nesterov + "0.9, dampening 0.1");
}

BOOST_AUTO_TEST_CASE(decay) {
  const auto message = [](const SgdOptions& o) { return refusal<Sgd<T>>(o); };
  BOOST_TEST(message({.weight_decay = -1e-4}) ==
             "Sgd: weight_decay is not in [0, inf): -0.0001");
  BOOST_TEST(message({.decay = {.l1 = -1}}) == "Sgd: decay.l1 is not in [0, inf): -1");
  BOOST_TEST(message({.decay = {.lp = NAN}}) == "Sgd: decay.lp is not in [0, inf): nan");
  BOOST_TEST(message({.decay = {.power = 0.5}}) == "Sgd: decay.power 0.5 is not at least 1");
}

BOOST_AUTO_TEST_CASE(adagrad) {
  const auto message = [](const AdagradOptions& o) { return refusal<Adagrad<T>>(o); };
  BOOST_TEST(message({.learning_rate = -1}) ==
             "Adagrad: learning_rate is not in [0, inf): -1");
  BOOST_TEST(message({.learning_rate_decay = -1}) ==
             "Adagrad: learning_rate_decay is not in [0, inf): -1");
  BOOST_TEST(message({.initial_accumulator = -1}) ==
             "Adagrad: initial_accumulator is not in [0, inf): -1");
  BOOST_TEST(message({.epsilon = -1}) == "Adagrad: epsilon is not in [0, inf): -1");
  BOOST_TEST(message({.weight_decay = -1}) ==
             "Adagrad: weight_decay is not in [0, inf): -1");
}

BOOST_AUTO_TEST_CASE(adadelta) {
  const auto message = [](const AdadeltaOptions& o) { return refusal<Adadelta<T>>(o); };
  BOOST_TEST(message({.learning_rate = -1}) ==
             "Adadelta: learning_rate is not in [0, inf): -1");
  BOOST_TEST(message({.rho = 1}) == "Adadelta: rho is not in [0, 1): 1");
  BOOST_TEST(message({.epsilon = 0}) == "Adadelta: epsilon is not in (0, inf): 0");
  BOOST_TEST(message({.weight_decay = -1}) ==
             "Adadelta: weight_decay is not in [0, inf): -1");
}

BOOST_AUTO_TEST_CASE(rmsprop) {
  const auto message = [](const RmsPropOptions& o) { return refusal<RmsProp<T>>(o); };
  BOOST_TEST(message({.learning_rate = -1}) ==
             "RmsProp: learning_rate is not in [0, inf): -1");
  BOOST_TEST(message({.memory = 2}) == "RmsProp: memory is not in [0, 1): 2");
  BOOST_TEST(message({.epsilon = -1}) == "RmsProp: epsilon is not in [0, inf): -1");
  BOOST_TEST(message({.momentum = 1}) == "RmsProp: momentum is not in [0, 1): 1");
  BOOST_TEST(message({.weight_decay = -1}) ==
             "RmsProp: weight_decay is not in [0, inf): -1");
}

template <class O, class Options>
void check_moments(const std::string& name) {
  Options rate, beta1, beta2, decay;
  rate.learning_rate = -1;
  beta1.beta1 = 1;
  beta2.beta2 = -0.1;
  decay.weight_decay = -1;
  BOOST_TEST(refusal<O>(rate) == name + ": learning_rate is not in [0, inf): -1");
  BOOST_TEST(refusal<O>(beta1) == name + ": beta1 is not in [0, 1): 1");
  BOOST_TEST(refusal<O>(beta2) == name + ": beta2 is not in [0, 1): -0.1");
  BOOST_TEST(refusal<O>(decay) == name + ": weight_decay is not in [0, inf): -1");
  if constexpr (requires { rate.epsilon; }) {
    Options epsilon;
    epsilon.epsilon = -1;
    BOOST_TEST(refusal<O>(epsilon) == name + ": epsilon is not in [0, inf): -1");
  }
}
BOOST_AUTO_TEST_CASE(adam_and_relatives) {
  check_moments<Adam<T>, AdamOptions>("Adam");
  check_moments<AdamW<T>, AdamWOptions>("AdamW");
  check_moments<Nadam<T>, NadamOptions>("Nadam");
  check_moments<RAdam<T>, RAdamOptions>("RAdam");
  check_moments<Adamax<T>, AdamaxOptions>("Adamax");
  check_moments<Lion<T>, LionOptions>("Lion");
  BOOST_TEST(refusal<Nadam<T>>(NadamOptions{.momentum_decay = -1}) ==
             "Nadam: momentum_decay is not in [0, inf): -1");
}

BOOST_AUTO_TEST_CASE(lbfgs) {
  const auto message = [](const LbfgsOptions& o) { return refusal<Lbfgs<T>>(o); };
  BOOST_TEST(message({.learning_rate = 0}) == "Lbfgs: learning_rate is not in (0, inf): 0");
  BOOST_TEST(message({.max_iterations = 0}) == "Lbfgs: max_iterations 0 is not at least 1");
  BOOST_TEST(message({.tolerance_gradient = -1}) ==
             "Lbfgs: tolerance_gradient is not in [0, inf): -1");
  BOOST_TEST(message({.tolerance_change = -1}) ==
             "Lbfgs: tolerance_change is not in [0, inf): -1");
  BOOST_TEST(message({.history = 0}) == "Lbfgs: history 0 is not at least 1");
}

BOOST_AUTO_TEST_CASE(newton_cg) {
  const auto message = [](const NewtonCgOptions& o) { return refusal<NewtonCg<T>>(o); };
  BOOST_TEST(message({.learning_rate = 0}) ==
             "NewtonCg: learning_rate is not in (0, inf): 0");
  BOOST_TEST(message({.max_iterations = 0}) == "NewtonCg: max_iterations 0 is not at least 1");
  BOOST_TEST(message({.tolerance_gradient = -1}) ==
             "NewtonCg: tolerance_gradient is not in [0, inf): -1");
  BOOST_TEST(message({.forcing = 0}) == "NewtonCg: forcing 0 is not in (0, 1]");
  BOOST_TEST(message({.forcing = 1.5}) == "NewtonCg: forcing 1.5 is not in (0, 1]");
}

BOOST_AUTO_TEST_CASE(of_a_group) {
  Sgd<T> optimizer(one_parameter());
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               optimizer.add_group({{"v", leaf<T>({1}, {1})}}, {.momentum = 2});
             }) == "Sgd: momentum is not in [0, 1): 2");
  BOOST_TEST(optimizer.group_count() == 1U);
  BOOST_TEST(optimizer.parameters().size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xgrad::test
