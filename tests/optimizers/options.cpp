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

// The options in range that take the sum out of a denominator: epsilon 0, or one that float rounds
// to 0.
template <class T>
std::vector<Maker<T>> makers_without_epsilon() {
  using P = const NamedTensors<T>&;
  using O = std::unique_ptr<Optimizer<T>>;
  static constexpr double kNone = sizeof(T) == 4 ? 1e-50 : 0;
  // clang-format off
  return {
      {"adagrad", [](P p) -> O { return std::make_unique<Adagrad<T>>(p, AdagradOptions{.learning_rate = 0.1, .epsilon = kNone}); }},
      {"adadelta", [](P p) -> O { return std::make_unique<Adadelta<T>>(p, AdadeltaOptions{.epsilon = 1e-50}); }},
      {"rmsprop", [](P p) -> O { return std::make_unique<RmsProp<T>>(p, RmsPropOptions{.epsilon = kNone}); }},
      {"rmsprop_centred", [](P p) -> O { return std::make_unique<RmsProp<T>>(p, RmsPropOptions{.epsilon = kNone, .momentum = 0.5, .centred = true}); }},
      {"adam", [](P p) -> O { return std::make_unique<Adam<T>>(p, AdamOptions{.epsilon = kNone}); }},
      {"amsgrad", [](P p) -> O { return std::make_unique<Adam<T>>(p, AdamOptions{.epsilon = kNone, .amsgrad = true}); }},
      {"adamw", [](P p) -> O { return std::make_unique<AdamW<T>>(p, AdamWOptions{.epsilon = kNone, .weight_decay = 0}); }},
      {"nadam", [](P p) -> O { return std::make_unique<Nadam<T>>(p, NadamOptions{.epsilon = kNone}); }},
      {"radam", [](P p) -> O { return std::make_unique<RAdam<T>>(p, RAdamOptions{.epsilon = kNone}); }},
      {"adamax", [](P p) -> O { return std::make_unique<Adamax<T>>(p, AdamaxOptions{.epsilon = kNone}); }},
  };
  // clang-format on
}

// The weight after `steps` steps from 1 with the same gradient.
template <class T>
T weight_after(const Maker<T>& maker, double gradient, int steps) {
  Tensor<T> w = Tensor<T>(Array<T>({1}, T(1))).requires_grad_();
  const auto optimizer = maker.make({{"w", w}});
  for (int i = 0; i < steps; ++i) {
    w.set_gradient(Tensor<T>(Array<T>({1}, static_cast<T>(gradient))));
    optimizer->step();
  }
  return w.data()[0];
}

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

template <class T>
void check_without_epsilon() {
  for (const auto& maker : makers_without_epsilon<T>()) {
    BOOST_TEST_CONTEXT(maker.name) {
      BOOST_TEST(weight_after(maker, 0, 8) == T(1));
      const T moved = weight_after(maker, 1, 8);
      BOOST_TEST((moved > T(-1) && (moved < T(1) || maker.name == std::string("adadelta"))));
    }
  }
}
BOOST_AUTO_TEST_CASE(without_epsilon) {
  check_without_epsilon<float>();
  check_without_epsilon<double>();
}

// The step that a quotient of a gradient and the root of its squares makes does not depend on the
// gradient's size, whether its square is in the range of T or not.
template <class T>
void check_large_gradients(const std::vector<double>& gradients) {
  for (const auto& maker : makers<T>()) {
    const std::string name = maker.name;
    if (name == "sgd" || name == "momentum" || name == "nesterov" || name == "look_ahead") continue;
    BOOST_TEST_CONTEXT(name) {
      const int steps = name == "radam" ? 0 : 4;
      const double expected = static_cast<double>(weight_after(maker, 1e15, steps));
      for (const double g : gradients) {
        const double w = static_cast<double>(weight_after(maker, g, steps));
        BOOST_TEST(w == expected, boost::test_tools::tolerance(sizeof(T) == 4 ? 1e-5 : 1e-12));
      }
    }
  }
}
BOOST_AUTO_TEST_CASE(gradients_whose_squares_leave_the_range) {
  check_large_gradients<float>({1e18, 1e20, 3e37});
  check_large_gradients<double>({1e150, 1e160, 1e300});
  const Maker<float> adagrad{
      "", [](const NamedTensors<float>& p) {
        return std::unique_ptr<Optimizer<float>>(new Adagrad<float>(p, {.learning_rate = 0.1}));
      }};
  BOOST_TEST(weight_after(adagrad, 1e20, 1) == 0.9F, boost::test_tools::tolerance(1e-6F));
  for (const auto& maker : makers<float>()) {
    if (maker.name != std::string("adadelta")) continue;
    BOOST_TEST(weight_after(maker, 1e20, 1) == 0.9968377F, boost::test_tools::tolerance(1e-6F));
  }
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
