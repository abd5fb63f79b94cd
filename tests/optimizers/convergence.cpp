// Every optimizer reaches the minimum of Rosenbrock's function, of a quadratic with condition
// number 1e4 and of a logistic regression.

#include <boost/test/unit_test.hpp>

#include "tests/optimizers/makers.hpp"
#include "tests/optimizers/problems.hpp"
#include "xgrad/optimizers/lbfgs.hpp"
#include "xgrad/optimizers/newton_cg.hpp"
#include "xgrad/optimizers/scheduler.hpp"

namespace xgrad::test {
namespace {

using T = double;

double quadratic_minimum(double condition) {
  double r = 0;
  for (int i = 0; i < 6; ++i) r -= std::pow(std::cos(i), 2) / (2 * std::pow(condition, i / 5.0));
  return r;
}

using Make = std::function<std::unique_ptr<Optimizer<T>>(const NamedTensors<T>&, double rate)>;

template <class O, class Options>
Make make(const Options& options) {
  return [=](const NamedTensors<T>& p, double rate) {
    Options o = options;
    o.learning_rate = rate;
    return std::make_unique<O>(p, o);
  };
}

// What is left of loss - minimum after the steps. With more than a few the rate falls linearly to
// a hundredth.
double gap(const Make& make, const Problem<T>& p, double rate, int steps, double minimum) {
  const auto optimizer = make(p.parameters, rate);
  Scheduler<T> scheduler(*optimizer,
                         LinearDecay{.duration = 1.0 * steps, .end = steps < 100 ? 1 : 0.01});
  for (int t = 0; t < steps; ++t) {
    optimizer->step(p.loss);
    scheduler.step();
  }
  return p.loss().item() - minimum;
}

struct Row {
  const char* name;
  Make make;
  double rate[3];  // on the three problems
  int steps[3];
};

const std::vector<Row> kRows = {
    {"sgd", make<Sgd<T>>(SgdOptions{}), {2e-3, 1.8e-4, 4}, {20000, 60000, 500}},
    {"momentum", make<Sgd<T>>(SgdOptions{.momentum = 0.95}), {3e-4, 2e-4, 0.5}, {8000, 8000, 500}},
    {"nesterov",
     make<Sgd<T>>(SgdOptions{.momentum = 0.95, .nesterov = true}),
     {3e-4, 1e-4, 0.5},
     {8000, 8000, 500}},
    {"adagrad", make<Adagrad<T>>(AdagradOptions{}), {0.5, 0.5, 0.5}, {20000, 2000, 500}},
    {"adadelta", make<Adadelta<T>>(AdadeltaOptions{}), {1, 1, 1}, {20000, 20000, 2000}},
    {"rmsprop", make<RmsProp<T>>(RmsPropOptions{}), {2e-3, 1e-2, 1e-2}, {10000, 10000, 1000}},
    {"adam", make<Adam<T>>(AdamOptions{}), {0.05, 0.05, 0.05}, {5000, 5000, 1000}},
    {"amsgrad",
     make<Adam<T>>(AdamOptions{.amsgrad = true}),
     {0.05, 0.05, 0.05},
     {5000, 5000, 1000}},
    {"adamw",
     make<AdamW<T>>(AdamWOptions{.weight_decay = 0}),
     {0.05, 0.05, 0.05},
     {5000, 5000, 1000}},
    {"nadam", make<Nadam<T>>(NadamOptions{}), {0.05, 0.05, 0.05}, {5000, 5000, 1000}},
    {"radam", make<RAdam<T>>(RAdamOptions{}), {2e-3, 2e-4, 0.05}, {20000, 60000, 1000}},
    {"adamax", make<Adamax<T>>(AdamaxOptions{}), {0.05, 0.05, 0.05}, {10000, 10000, 1000}},
    {"lion", make<Lion<T>>(LionOptions{}), {2e-3, 2e-3, 5e-3}, {20000, 20000, 2000}},
    {"lbfgs", make<Lbfgs<T>>(LbfgsOptions{}), {1, 1, 1}, {10, 10, 10}},
    {"newton_cg", make<NewtonCg<T>>(NewtonCgOptions{}), {1, 1, 1}, {40, 20, 10}},
};

void check(const Row& row, int which) {
  const double condition = 1e4;
  const Problem<T> p = which == 0   ? rosenbrock<T>()
                       : which == 1 ? quadratic<T>(condition)
                                    : logistic<T>();
  const double minimum = which == 0   ? 0
                         : which == 1 ? quadratic_minimum(condition)
                                      : reference("minimum logistic")[0];
  const double left = gap(row.make, p, row.rate[which], row.steps[which], minimum);
  BOOST_TEST(left < 1e-6);
  BOOST_TEST(left > -1e-14);
}

struct Register {
  Register() {
    namespace ut = boost::unit_test;
    auto* all = BOOST_TEST_SUITE("convergence");
    const char* const problems[] = {"rosenbrock", "quadratic", "logistic"};
    for (const Row& row : kRows) {
      auto* suite = BOOST_TEST_SUITE(row.name);
      for (int i = 0; i < 3; ++i) {
        suite->add(
            ut::make_test_case([&row, i] { check(row, i); }, problems[i], __FILE__, __LINE__));
      }
      all->add(suite);
    }
    ut::framework::master_test_suite().add(all);
  }
} const registered;

}  // namespace
}  // namespace xgrad::test
