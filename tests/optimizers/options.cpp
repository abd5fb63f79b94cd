// Options in range at their ends; those out of range are in tests/errors.

#include <boost/test/unit_test.hpp>

#include "tests/optimizers/makers.hpp"
#include "tests/optimizers/problems.hpp"

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

BOOST_AUTO_TEST_SUITE(options)

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

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xgrad::test
