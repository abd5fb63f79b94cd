// Fifty steps of every optimizer on three problems, equal to PyTorch's or a NumPy script's.

#include <boost/test/unit_test.hpp>
#include <memory>

#include "tests/optimizers/problems.hpp"
#include "xgrad/optimizers/adadelta.hpp"
#include "xgrad/optimizers/adagrad.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/optimizers/adamax.hpp"
#include "xgrad/optimizers/lbfgs.hpp"
#include "xgrad/optimizers/lion.hpp"
#include "xgrad/optimizers/nadam.hpp"
#include "xgrad/optimizers/radam.hpp"
#include "xgrad/optimizers/rmsprop.hpp"
#include "xgrad/optimizers/sgd.hpp"

namespace xgrad::test {
namespace {

using Parameters = NamedTensors<double>;
using Made = std::unique_ptr<Optimizer<double>>;

struct Row {
  const char* name;  // of the reference
  std::function<Made(const Parameters&, double rate)> make;
  bool halve = false;  // the rate every ten steps
};

template <template <class> class O, class Options>
std::function<Made(const Parameters&, double)> fixed(const Options& options) {
  return [=](const Parameters& p, double) { return std::make_unique<O<double>>(p, options); };
}

// With the rate that suits the problem, times `factor`.
template <template <class> class O, class Options>
std::function<Made(const Parameters&, double)> scaled(const Options& options, double factor = 1) {
  return [=](const Parameters& p, double rate) {
    Options o = options;
    o.learning_rate = factor * rate;
    return std::make_unique<O<double>>(p, o);
  };
}

const DecayOptions kLp{.l1 = 0.02, .lp = 0.05, .power = 2.5};
const DecayOptions kLpDecoupled{.decoupled = true, .l1 = 0.02, .lp = 0.05, .power = 2.5};

const std::vector<Row> kRows = {
    {"sgd", scaled<Sgd>(SgdOptions{})},
    {"sgd_momentum", scaled<Sgd>(SgdOptions{.momentum = 0.9})},
    {"sgd_dampening", scaled<Sgd>(SgdOptions{.momentum = 0.8, .dampening = 0.3})},
    {"sgd_nesterov", scaled<Sgd>(SgdOptions{.momentum = 0.9, .nesterov = true})},
    {"sgd_decay", scaled<Sgd>(SgdOptions{.momentum = 0.9, .weight_decay = 0.1})},
    {"sgd_halved", scaled<Sgd>(SgdOptions{.momentum = 0.9}), true},
    {"sgd_look_ahead", scaled<Sgd>(SgdOptions{.momentum = 0.9, .look_ahead = true})},
    {"sgd_rate_in_velocity", scaled<Sgd>(SgdOptions{.momentum = 0.9, .rate_in_velocity = true}),
     true},
    {"sgd_nesterov_rate_in_velocity",
     scaled<Sgd>(SgdOptions{.momentum = 0.9, .nesterov = true, .rate_in_velocity = true}), true},
    {"sgd_lp", scaled<Sgd>(SgdOptions{.decay = kLp})},
    {"sgd_lp_decoupled", scaled<Sgd>(SgdOptions{.decay = kLpDecoupled})},
    {"adagrad", fixed<Adagrad>(AdagradOptions{.learning_rate = 0.1})},
    {"adagrad_options", fixed<Adagrad>(AdagradOptions{.learning_rate = 0.1,
                                                      .learning_rate_decay = 0.1,
                                                      .initial_accumulator = 0.3,
                                                      .epsilon = 1e-3,
                                                      .weight_decay = 0.05})},
    {"adadelta", fixed<Adadelta>(AdadeltaOptions{})},
    {"adadelta_options",
     fixed<Adadelta>(AdadeltaOptions{
         .learning_rate = 0.015, .rho = 0.8, .epsilon = 1e-3, .weight_decay = 0.05})},
    {"rmsprop", fixed<RmsProp>(RmsPropOptions{})},
    {"rmsprop_momentum", fixed<RmsProp>(RmsPropOptions{.momentum = 0.7})},
    {"rmsprop_centred", fixed<RmsProp>(RmsPropOptions{.centred = true})},
    {"rmsprop_all",
     fixed<RmsProp>(RmsPropOptions{
         .memory = 0.9, .epsilon = 1e-3, .momentum = 0.7, .centred = true, .weight_decay = 0.05})},
    {"adam", fixed<Adam>(AdamOptions{.learning_rate = 0.05})},
    {"adam_options", fixed<Adam>(AdamOptions{.learning_rate = 0.05,
                                             .beta1 = 0.8,
                                             .beta2 = 0.95,
                                             .epsilon = 1e-2,
                                             .weight_decay = 0.05})},
    {"amsgrad", fixed<Adam>(AdamOptions{.learning_rate = 0.05, .beta2 = 0.9, .amsgrad = true})},
    {"adamw", fixed<AdamW>(AdamWOptions{.learning_rate = 0.05, .weight_decay = 0.1})},
    {"adamw_amsgrad",
     fixed<AdamW>(
         AdamWOptions{.learning_rate = 0.05, .beta2 = 0.9, .amsgrad = true, .weight_decay = 0.1})},
    {"nadam", fixed<Nadam>(NadamOptions{.learning_rate = 0.05})},
    {"nadam_options", fixed<Nadam>(NadamOptions{.learning_rate = 0.05,
                                                .beta1 = 0.8,
                                                .beta2 = 0.95,
                                                .epsilon = 1e-2,
                                                .momentum_decay = 0.05,
                                                .weight_decay = 0.05})},
    {"radam", scaled<RAdam>(RAdamOptions{}, 0.2)},
    {"radam_options",
     scaled<RAdam>(RAdamOptions{.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-2, .weight_decay = 0.05},
                   0.2)},
    {"radam_short", scaled<RAdam>(RAdamOptions{.beta2 = 0.6}, 0.2)},
    {"adamax", fixed<Adamax>(AdamaxOptions{.learning_rate = 0.05})},
    {"adamax_options", fixed<Adamax>(AdamaxOptions{.learning_rate = 0.05,
                                                   .beta1 = 0.8,
                                                   .beta2 = 0.95,
                                                   .epsilon = 1e-2,
                                                   .weight_decay = 0.05})},
    {"lion", fixed<Lion>(LionOptions{.learning_rate = 0.02})},
    {"lion_options", fixed<Lion>(LionOptions{
                         .learning_rate = 0.02, .beta1 = 0.8, .beta2 = 0.95, .weight_decay = 0.1})},
    {"lbfgs",
     fixed<Lbfgs>(LbfgsOptions{.max_iterations = 2, .tolerance_gradient = 1e-6, .history = 5})},
    {"lbfgs_no_search",
     scaled<Lbfgs>(LbfgsOptions{
         .max_iterations = 2, .tolerance_gradient = 1e-6, .history = 3, .line_search = false})},
    {"lbfgs_default", fixed<Lbfgs>(LbfgsOptions{})},
    {"lbfgs_coarse", fixed<Lbfgs>(LbfgsOptions{.learning_rate = 0.5,
                                               .max_iterations = 9,
                                               .tolerance_gradient = 1e-3,
                                               .tolerance_change = 1e-2,
                                               .history = 100})},
    {"lbfgs_default_no_search",
     scaled<Lbfgs>(
         LbfgsOptions{
             .max_iterations = 6, .tolerance_change = 1e-5, .history = 100, .line_search = false},
         0.6)},
};

double rate_of(const std::string& problem) {
  return 0.5 * (problem == "rosenbrock" ? 1e-3 : problem == "quadratic" ? 1e-2 : 1.0);
}

// The weights at the steps that are kept, or with `evaluations` L-BFGS' calls of the loss.
std::vector<double> trajectory(const Row& row, const std::string& name, bool evaluations = false) {
  const Problem<double> p = problem<double>(name);
  const Made optimizer = row.make(p.parameters, rate_of(name));
  const double base = optimizer->learning_rate();
  std::vector<double> r;
  for (int t = 1; t <= 50; ++t) {
    if (row.halve) optimizer->set_learning_rate(base * std::pow(0.5, (t - 1) / 10));
    optimizer->step(p.loss);
    for (const int kept : {1, 2, 3, 7, 15, 30, 50}) {
      if (t != kept) continue;
      if (evaluations) {
        r.push_back(static_cast<double>(dynamic_cast<Lbfgs<double>&>(*optimizer).evaluations()));
        continue;
      }
      const std::vector<double> w = p.weights();
      r.insert(r.end(), w.begin(), w.end());
    }
  }
  return r;
}

void check_row(const Row& row, const std::string& problem) {
  const std::vector<double>& expected = reference(row.name + (" " + problem));
  const std::vector<double> ours = trajectory(row, problem);
  BOOST_TEST_REQUIRE(ours.size() == expected.size());
  // A hundred line searches magnify rounding; everything else stays at a few units in the
  // last place.
  const double tolerance = std::string(row.name).starts_with("lbfgs") ? 1e-10 : 1e-13;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    BOOST_TEST_CONTEXT("number " << i) { BOOST_TEST(std::abs(ours[i] - expected[i]) <= tolerance); }
  }
}

// One case for each row and problem: trajectories/adam/quadratic.
struct Register {
  Register() {
    namespace ut = boost::unit_test;
    auto* all = BOOST_TEST_SUITE("trajectories");
    for (const Row& row : kRows) {
      auto* suite = BOOST_TEST_SUITE(row.name);
      for (const char* problem : {"rosenbrock", "quadratic", "logistic"}) {
        suite->add(ut::make_test_case([&row, problem] { check_row(row, problem); }, problem,
                                      __FILE__, __LINE__));
      }
      all->add(suite);
    }
    ut::framework::master_test_suite().add(all);
  }
} const registered;

BOOST_AUTO_TEST_CASE(every_reference_has_a_row) {
  // And Newton's method, and the evaluations of three rows.
  BOOST_TEST(read_references("optimizers").size() == 3 * kRows.size() + 2 + 9);
}

// As often as PyTorch's: the stopping rules are the same.
BOOST_AUTO_TEST_CASE(evaluations_of_lbfgs) {
  for (const Row& row : kRows) {
    if (!std::string(row.name).starts_with("lbfgs_") || row.name == std::string("lbfgs_no_search"))
      continue;
    for (const char* problem : {"rosenbrock", "quadratic", "logistic"}) {
      BOOST_TEST_CONTEXT(row.name << " " << problem) {
        BOOST_TEST(trajectory(row, problem, true) ==
                       reference(row.name + std::string("_evaluations ") + problem),
                   boost::test_tools::per_element());
      }
    }
  }
}

}  // namespace
}  // namespace xgrad::test
