// What is said about the techniques, shown.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <memory>

#include "tests/optimizers/problems.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/optimizers/adagrad.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/optimizers/rmsprop.hpp"
#include "xgrad/optimizers/scheduler.hpp"
#include "xgrad/optimizers/sgd.hpp"

namespace xgrad::test {
namespace {

using T = double;
using boost::test_tools::tolerance;

BOOST_AUTO_TEST_SUITE(demonstrations)

// Look-ahead and rewritten form: the rewritten weights are the look-ahead ones, one velocity ahead.
void check_same_trajectory(bool rate_in_velocity) {
  const Problem<T> p = rosenbrock<T>(), q = rosenbrock<T>();
  Sgd<T> ahead(p.parameters, {.learning_rate = 2e-4,
                              .momentum = 0.9,
                              .look_ahead = true,
                              .rate_in_velocity = rate_in_velocity});
  Sgd<T> rewritten(q.parameters, {.learning_rate = 2e-4,
                                  .momentum = 0.9,
                                  .nesterov = true,
                                  .rate_in_velocity = rate_in_velocity});
  for (int t = 0; t < 200; ++t) {
    ahead.look_ahead();
    for (std::size_t i = 0; i < 2; ++i)
      BOOST_TEST(p.weights()[i] == q.weights()[i], tolerance(1e-11));
    ahead.step(p.loss);
    rewritten.step(q.loss);
  }
  BOOST_TEST(p.weights()[0] != q.weights()[0]);
}
BOOST_AUTO_TEST_CASE(both_forms_of_nesterov_are_one_trajectory) {
  check_same_trajectory(false);
  check_same_trajectory(true);
}

BOOST_AUTO_TEST_CASE(look_ahead_is_called_in_turn) {
  const Problem<T> p = rosenbrock<T>();
  Sgd<T> optimizer(p.parameters, {.momentum = 0.9, .look_ahead = true});
  p.loss().backward();
  BOOST_TEST(message_of<std::logic_error>([&] { optimizer.step(); }) ==
             "Sgd: call look_ahead() before the gradients are taken, then step()");
  optimizer.look_ahead();
  BOOST_TEST(message_of<std::logic_error>([&] { optimizer.look_ahead(); }) ==
             "look_ahead: the weights are ahead already; step() comes next");
  Sgd<T> plain(p.parameters, {.momentum = 0.9});
  BOOST_TEST(message_of<std::logic_error>([&] { plain.look_ahead(); }) ==
             "look_ahead: no group of this Sgd has the option look_ahead");
}

// A parameter that was moved ahead and then got no gradient is where it was.
BOOST_AUTO_TEST_CASE(look_ahead_without_gradient_goes_back) {
  const Tensor<T> a = leaf<T>({1}, {1}), b = leaf<T>({1}, {1});
  Sgd<T> optimizer({a, b}, {.momentum = 0.9, .look_ahead = true});
  optimizer.step([&] { return sum(square(a) + square(b)); });
  const T before = b.item();
  optimizer.look_ahead();
  BOOST_TEST(b.item() != before);
  optimizer.zero_grad();
  sum(square(a)).backward();
  optimizer.step();
  BOOST_TEST(b.item() == before, tolerance(1e-15));

  const Tensor<T> c = leaf<T>({1}, {1}), never = leaf<T>({1}, {5});
  Sgd<T> other({c, never}, {.momentum = 0.9, .look_ahead = true});
  for (int t = 0; t < 3; ++t) other.step([&] { return sum(square(c)); });
  BOOST_TEST(never.item() == 5.0);
}

// Without bias correction the first step of Adam would be (1 - beta1) / sqrt(1 - beta2) = 3.16
// rates long, and the steps would only shrink to one rate as the averages fill up.
BOOST_AUTO_TEST_CASE(bias_correction_makes_the_first_steps_right) {
  for (const double gradient : {1e-3, 1.0, 1e3}) {
    Tensor<T> w = leaf<T>({1}, {0});
    Adam<T> optimizer({w}, {.learning_rate = 0.01, .epsilon = 0});
    double m = 0, v = 0, uncorrected = 0;
    for (int t = 1; t <= 20; ++t) {
      const T before = w.item();
      w.set_gradient(Tensor<T>::filled({1}, gradient));
      optimizer.step();
      BOOST_TEST(before - w.item() == 0.01,
                 tolerance(1e-12));  // a constant gradient: one rate each
      m = 0.9 * m + 0.1 * gradient;
      v = 0.999 * v + 0.001 * gradient * gradient;
      uncorrected = std::max(uncorrected, 0.01 * m / std::sqrt(v));
    }
    BOOST_TEST(uncorrected > 0.03);
  }
}

// The length of Adam's steps does not depend on the scale of the loss.
BOOST_AUTO_TEST_CASE(adam_does_not_see_the_scale_of_the_loss) {
  const auto run = [](double scale) {
    const Problem<T> p = quadratic<T>();
    Adam<T> optimizer(p.parameters, {.epsilon = 0});
    for (int t = 0; t < 30; ++t) optimizer.step([&] { return scale * p.loss(); });
    return p.weights();
  };
  const auto a = run(1), b = run(1024);
  for (std::size_t i = 0; i < a.size(); ++i) BOOST_TEST(a[i] == b[i], tolerance(1e-10));
}

int steps_to(double goal, const SgdOptions& options) {
  const Tensor<T> x = leaf<T>({1}, {10}), y = leaf<T>({1}, {1});
  Sgd<T> optimizer({x, y}, options);
  const auto loss = [&] { return sum(0.5 * square(x) + 50.0 * square(y)); };  // a ravine along x
  int t = 0;
  while (loss().item() > goal && t < 10000) {
    optimizer.step(loss);
    ++t;
  }
  return t;
}

// Curvatures 1 and 100: descent takes some log(10) 100 / 2 steps for a digit, momentum a tenth
// of it.
BOOST_AUTO_TEST_CASE(momentum_on_a_ravine) {
  const int descent = steps_to(1e-8, {.learning_rate = 2.0 / 101});  // the best constant rate
  const int momentum = steps_to(1e-8, {.learning_rate = 4.0 / 121, .momentum = 0.67});
  const int nesterov = steps_to(1e-8, {.learning_rate = 0.01, .momentum = 0.8, .nesterov = true});
  BOOST_TEST(descent > 450);
  BOOST_TEST(momentum < descent / 5);
  BOOST_TEST(nesterov < descent / 3);
}

// On the full data a small enough rate never raises the loss, one beyond 2 / curvature always does,
// and a much smaller one gets nowhere.
BOOST_AUTO_TEST_CASE(rates_too_large_too_small_and_right) {
  const auto run = [](double rate) {
    const Problem<T> p = quadratic<T>();  // curvatures 1 to 100
    Sgd<T> optimizer(p.parameters, {.learning_rate = rate});
    std::vector<T> losses;
    for (int t = 0; t < 200; ++t) losses.push_back(optimizer.step(p.loss));
    return losses;
  };
  const auto right = run(0.015), small = run(1e-5), large = run(0.025);
  BOOST_TEST(std::is_sorted(right.rbegin(), right.rend()));
  BOOST_TEST(std::is_sorted(small.rbegin(), small.rend()));
  const T best = right.back();
  BOOST_TEST(small.back() - best > 0.5 * (small.front() - best));
  BOOST_TEST(large.back() > 1e10);
}

// Where gradients agree momentum gathers speed, up to 1 / (1 - mu) rates: a plateau is crossed ten
// times as fast.
BOOST_AUTO_TEST_CASE(momentum_crosses_a_plateau) {
  const auto steps_to_cross = [](double momentum) {
    Tensor<T> w = leaf<T>({1}, {0});
    Sgd<T> optimizer({w}, {.learning_rate = 1, .momentum = momentum});
    int t = 0;
    for (; w.item() > -1; ++t) {
      w.set_gradient(Tensor<T>::filled({1}, 1e-3));
      optimizer.step();
    }
    return t;
  };
  BOOST_TEST(std::abs(steps_to_cross(0) - 1000) <= 1);
  BOOST_TEST(steps_to_cross(0.9) < 115);
}

// At (0.5, 1e-6) x^2 - y^2 + y^4 is all but flat along y, which grows by 2 rates a step. Momentum
// compounds that growth, and steps whose length does not depend on the gradient's leave at once.
BOOST_AUTO_TEST_CASE(leaving_a_saddle) {
  const auto steps_to_leave = [](const auto& make) {
    const Tensor<T> x = leaf<T>({1}, {0.5}), y = leaf<T>({1}, {1e-6});
    const auto optimizer = make(NamedTensors<T>{{"x", x}, {"y", y}});
    const auto loss = [&] { return sum(square(x) - square(y) + square(square(y))); };
    int t = 0;
    for (; std::abs(y.item()) < 0.5 && t < 10000; ++t) optimizer->step(loss);
    return t;
  };
  const int descent = steps_to_leave(
      [](const auto& p) { return std::make_unique<Sgd<T>>(p, SgdOptions{.learning_rate = 0.01}); });
  const int momentum = steps_to_leave([](const auto& p) {
    return std::make_unique<Sgd<T>>(p, SgdOptions{.learning_rate = 0.01, .momentum = 0.9});
  });
  const int adam = steps_to_leave([](const auto& p) {
    return std::make_unique<Adam<T>>(p, AdamOptions{.learning_rate = 0.01});
  });
  BOOST_TEST(descent > 600);
  BOOST_TEST(momentum < descent / 4);
  BOOST_TEST(adam < descent / 8);
}

// Gradients of 100 and of 0.01: the steps of both weights are the same.
BOOST_AUTO_TEST_CASE(adagrad_evens_out_the_scales_of_gradients) {
  Tensor<T> w = leaf<T>({2}, {0, 0});
  Adagrad<T> optimizer({w}, {.learning_rate = 0.1});
  for (int t = 1; t <= 10; ++t) {
    const T before = w.data()[0];
    w.set_gradient(Tensor<T>::from({2}, {100, 0.01}));
    optimizer.step();
    BOOST_TEST(w.data()[0] == w.data()[1], tolerance(1e-7));
    BOOST_TEST(before - w.data()[0] == 0.1 / std::sqrt(t), tolerance(1e-7));  // and they shrink
  }
}

// With noisy gradients the weights scatter about the minimum by an amount that the rate sets. A
// rate that falls gets nearer than either a large or a small constant one; one that falls too soon
// stays on the way.
BOOST_AUTO_TEST_CASE(annealing) {
  const auto distance = [](double rate, const Schedule& schedule) {
    Generator generator(4);
    const Tensor<T> w = leaf<T>({64}, std::vector<double>(64, 10.0));
    Sgd<T> optimizer({w}, {.learning_rate = rate});
    Scheduler<T> scheduler(optimizer, schedule);
    for (int t = 0; t < 500; ++t) {
      optimizer.step([&] { return sum(0.5 * square(w) + w * normal<T>({64}, 0, 1, generator)); });
      scheduler.step();
    }
    return mean(square(w)).item();
  };
  const double large = distance(0.5, ConstantRate{}), small = distance(2e-3, ConstantRate{});
  BOOST_TEST(large > 0.2);
  BOOST_TEST(small > 1);
  BOOST_TEST(distance(0.5, StepDecay{.interval = 100, .factor = 0.3}) < large / 10);
  BOOST_TEST(distance(0.5, ExponentialDecay{.k = 0.01}) < large / 10);
  BOOST_TEST(distance(0.5, InverseTimeDecay{.k = 0.3}) < large / 10);
  BOOST_TEST(distance(0.5, CosineDecay{.duration = 500}) < large / 10);
  BOOST_TEST(distance(0.5, ExponentialDecay{.k = 1}) > 5);
}

// Adagrad's rate only ever falls, RMSprop's recovers when the gradients become small.
BOOST_AUTO_TEST_CASE(adagrad_stops_and_rmsprop_goes_on) {
  const auto last_step = [](Optimizer<T>& optimizer, Tensor<T> w) {
    T before = 0;
    for (int t = 0; t < 3000; ++t) {
      w.set_gradient(Tensor<T>::filled({1}, t < 1000 ? 100 : 1));
      before = w.item();
      optimizer.step();
    }
    return before - w.item();
  };
  const Tensor<T> w = leaf<T>({1}, {0});
  Adagrad<T> adagrad({w}, {.learning_rate = 0.01});
  RmsProp<T> rmsprop({w}, {.learning_rate = 0.01});
  BOOST_TEST(last_step(adagrad, w) < 1e-5);
  BOOST_TEST(last_step(rmsprop, w) == 0.01, tolerance(1e-3));
}

// A rate that is lowered: the default slows down at once, rate_in_velocity keeps the speed it has.
BOOST_AUTO_TEST_CASE(lowered_rate) {
  const auto next_step = [](bool rate_in_velocity) {
    Tensor<T> w = leaf<T>({1}, {0});
    Sgd<T> optimizer({w},
                     {.learning_rate = 1, .momentum = 0.9, .rate_in_velocity = rate_in_velocity});
    w.set_gradient(Tensor<T>::filled({1}, 1));
    for (int t = 0; t < 200; ++t) optimizer.step();  // at full speed, 10 a step
    optimizer.set_learning_rate(0.1);
    const T before = w.item();
    optimizer.step();
    return before - w.item();
  };
  BOOST_TEST(next_step(false) == 1.0, tolerance(1e-6));
  BOOST_TEST(next_step(true) == 9.1, tolerance(1e-6));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xgrad::test
