// Schedules against their closed forms and PyTorch's schedulers, and the Scheduler that drives
// an optimizer.

#include <boost/test/unit_test.hpp>
#include <numbers>

#include "tests/optimizers/problems.hpp"
#include "xgrad/optimizers/scheduler.hpp"
#include "xgrad/optimizers/sgd.hpp"

namespace xgrad::test {
namespace {

using T = double;
constexpr double kPi = std::numbers::pi;

// The schedule is the formula at whole and at fractional times.
template <class Formula>
void check_form(const Schedule& schedule, const Formula& formula, double last = 120) {
  for (double t = 0; t <= last; t += 0.25) {
    BOOST_TEST_CONTEXT("t = " << t) {
      BOOST_TEST(schedule.at(t) == formula(t), boost::test_tools::tolerance(1e-12));
    }
  }
}

void check_reference(const char* name, const Schedule& schedule) {
  static const auto all = read_references("optimizers_schedules");
  BOOST_TEST_CONTEXT(name) {
    const std::vector<double>& expected = all.at(name);
    for (std::size_t t = 0; t < expected.size(); ++t) {
      BOOST_TEST(std::abs(schedule.at(static_cast<double>(t)) - expected[t]) < 1e-12);
    }
  }
}

Tensor<T> one() { return leaf<T>({1}, {1}); }

BOOST_AUTO_TEST_SUITE(schedules)

BOOST_AUTO_TEST_CASE(constant) {
  check_form(ConstantRate{}, [](double) { return 1.0; });
  check_form(ConstantRate{.factor = 0.5}, [](double) { return 0.5; });
}
BOOST_AUTO_TEST_CASE(step_decay) {
  check_form(StepDecay{.interval = 5, .factor = 0.5},
             [](double t) { return std::pow(0.5, std::floor(t / 5)); });
  check_reference("step", StepDecay{.interval = 7, .factor = 0.5});
}
BOOST_AUTO_TEST_CASE(multi_step) {
  check_form(MultiStepDecay{.milestones = {60, 30, 31}, .factor = 0.2},
             [](double t) { return std::pow(0.2, (t >= 30) + (t >= 31) + (t >= 60)); });
  check_reference("multi_step", MultiStepDecay{.milestones = {5, 20, 21}, .factor = 0.3});
}
BOOST_AUTO_TEST_CASE(exponential) {
  check_form(ExponentialDecay{.k = 0.05}, [](double t) { return std::exp(-0.05 * t); });
  check_reference("exponential", ExponentialDecay{.k = 0.05});
}
BOOST_AUTO_TEST_CASE(inverse_time) {
  check_form(InverseTimeDecay{.k = 0.3}, [](double t) { return 1 / (1 + 0.3 * t); });
}
BOOST_AUTO_TEST_CASE(inverse_sqrt) {
  check_form(InverseSqrtDecay{}, [](double t) { return 1 / std::sqrt(t + 1); });
  check_form(InverseSqrtDecay{.scale = 50}, [](double t) { return std::sqrt(50 / (t + 50)); });
}
BOOST_AUTO_TEST_CASE(linear) {
  check_form(LinearDecay{.duration = 80}, [](double t) { return t < 80 ? 1 - t / 80 : 0; });
  check_form(LinearDecay{.duration = 80, .end = 0.2},
             [](double t) { return t < 80 ? 1 - 0.8 * t / 80 : 0.2; });
  check_reference("linear", LinearDecay{.duration = 40, .end = 0.25});
}
BOOST_AUTO_TEST_CASE(cosine) {
  check_form(CosineDecay{.duration = 80},
             [](double t) { return t < 80 ? 0.5 * (1 + std::cos(t / 80 * kPi)) : 0; });
  check_form(CosineDecay{.duration = 80, .end = 0.1},
             [](double t) { return t < 80 ? 0.1 + 0.45 * (1 + std::cos(t / 80 * kPi)) : 0.1; });
  check_reference("cosine", CosineDecay{.duration = 59, .end = 0.1});
}
BOOST_AUTO_TEST_CASE(cosine_restarts) {
  check_form(CosineRestarts{.duration = 10},
             [](double t) { return 0.5 * (1 + std::cos(std::fmod(t, 10) / 10 * kPi)); });
  check_form(CosineRestarts{.duration = 8, .growth = 2}, [](double t) {
    double length = 8;
    for (; t >= length; length *= 2) t -= length;
    return 0.5 * (1 + std::cos(t / length * kPi));
  });
  check_form(CosineRestarts{.duration = 8, .growth = 1.5}, [](double t) {
    double length = 8;
    for (; t >= length; length *= 1.5) t -= length;
    return 0.5 * (1 + std::cos(t / length * kPi));
  });
  check_reference("restarts", CosineRestarts{.duration = 10, .end = 0.1});
  check_reference("restarts_growing", CosineRestarts{.duration = 5, .growth = 2, .end = 0.1});
}
BOOST_AUTO_TEST_CASE(polynomial) {
  check_form(PolynomialDecay{.duration = 80, .power = 1.5},
             [](double t) { return t < 80 ? std::pow(1 - t / 80, 1.5) : 0; });
  check_form(PolynomialDecay{.duration = 80, .power = 2, .end = 0.3},
             [](double t) { return t < 80 ? 0.3 + 0.7 * std::pow(1 - t / 80, 2) : 0.3; });
  check_reference("polynomial", PolynomialDecay{.duration = 50, .power = 3});
  BOOST_TEST(PolynomialDecay{.end = 0.3}.at(1000) == 0.3);
}
BOOST_AUTO_TEST_CASE(one_cycle) {
  const OneCycle schedule{.duration = 80, .rise = 0.25, .start = 0.1, .end = 0.01};
  check_form(schedule, [](double t) {
    if (t < 20) return 0.55 - 0.45 * std::cos(t / 20 * kPi);
    return t < 80 ? 0.505 + 0.495 * std::cos((t - 20) / 60 * kPi) : 0.01;
  });
  BOOST_TEST(schedule.at(20) == 1.0);
  check_reference("one_cycle", OneCycle{.duration = 60});
  BOOST_TEST((OneCycle{.rise = 0}.at(0)) == 1.0);
  BOOST_TEST((OneCycle{.rise = 1}.at(100)) == 1.0);
}
BOOST_AUTO_TEST_CASE(warm_up) {
  check_form(WarmUp{.duration = 20}, [](double t) { return t < 20 ? t / 20 : 1; });
  check_reference("warm_up", WarmUp{.duration = 10, .start = 0.1});
}

BOOST_AUTO_TEST_CASE(one_after_the_other) {
  const Schedule schedule =
      sequence({{WarmUp{.duration = 10}, 10}, {ConstantRate{}, 5}, {CosineDecay{.duration = 40}}});
  check_form(schedule, [](double t) {
    if (t < 10) return t / 10;
    return t < 15 ? 1 : t < 55 ? 0.5 * (1 + std::cos((t - 15) / 40 * kPi)) : 0;
  });
  check_reference("sequence", sequence({{WarmUp{.duration = 10, .start = 0.1}, 10},
                                        {ExponentialDecay{.k = 0.05}}}));
}
BOOST_AUTO_TEST_CASE(all_at_the_same_time) {
  const Schedule schedule =
      product({WarmUp{.duration = 10}, InverseSqrtDecay{}, [](double) { return 0.5; }});
  check_form(schedule, [](double t) { return 0.5 * std::min(t / 10, 1.0) / std::sqrt(t + 1); });
}
BOOST_AUTO_TEST_CASE(chains_of_chains) {
  const Schedule inner = product({ConstantRate{.factor = 0.5}, LinearDecay{.duration = 10}});
  const Schedule schedule = sequence({{inner, 5}, {product({inner, inner})}});
  check_form(schedule, [](double t) {
    return t < 5 ? 0.5 * (1 - t / 10) : std::pow(0.5 * std::max(0.0, 1 - (t - 5) / 10), 2);
  });
}

BOOST_AUTO_TEST_CASE(function_of_time) {
  check_form([](double t) { return 1 / (t + 2); }, [](double t) { return 1 / (t + 2); });
}

BOOST_AUTO_TEST_CASE(scheduler_drives_all_groups) {
  Sgd<T> optimizer({one()}, {.learning_rate = 0.1});
  optimizer.add_group({one()}, {.learning_rate = 0.01});
  Scheduler<T> scheduler(optimizer, WarmUp{.duration = 4});
  BOOST_TEST(optimizer.learning_rate(0) == 0.0);
  scheduler.step();
  BOOST_TEST(optimizer.learning_rate(0) == 0.1 / 4);
  BOOST_TEST(optimizer.learning_rate(1) == 0.01 / 4);
  scheduler.set_time(2.5);
  BOOST_TEST(scheduler.time() == 2.5);
  BOOST_TEST(optimizer.learning_rate(1) == 0.01 * 0.625);
  for (int i = 0; i < 9; ++i) scheduler.step();
  BOOST_TEST(optimizer.learning_rate(0) == 0.1);
  optimizer.add_group({one()}, {.learning_rate = 0.5});
  scheduler.set_time(1);
  BOOST_TEST(optimizer.learning_rate(2) == 0.125);
}

std::vector<double> plateau(const ReduceOnPlateau& options, const std::vector<double>& metrics) {
  Sgd<T> optimizer({one()}, {.learning_rate = 1});
  Scheduler<T> scheduler(optimizer, options);
  std::vector<double> r;
  for (const double m : metrics) {
    scheduler.observe(m);
    r.push_back(optimizer.learning_rate());
  }
  return r;
}

BOOST_AUTO_TEST_CASE(reduce_on_plateau) {
  const std::vector<double> metrics = {1.0,  0.9, 0.9, 0.95, 0.9, 0.9, 0.8,     0.81, 0.82, 0.8,
                                       0.81, 0.7, 0.7, 0.7,  0.7, 0.7, 0.69999, 0.7,  0.7,  0.7,
                                       0.6,  0.5, 0.4, 0.5,  0.5, 0.5, 0.5,     0.5,  0.5,  0.5};
  std::vector<double> inverse;
  for (const double m : metrics) inverse.push_back(1 / m);
  const auto all = read_references("optimizers_schedules");
  const auto check = [&](const char* name, const std::vector<double>& ours) {
    BOOST_TEST_CONTEXT(name) {
      const std::vector<double>& expected = all.at(name);
      BOOST_TEST_REQUIRE(ours.size() == expected.size());
      for (std::size_t i = 0; i < ours.size(); ++i)
        BOOST_TEST(std::abs(ours[i] - expected[i]) < 1e-15);
    }
  };
  check("plateau", plateau({.factor = 0.5, .patience = 2}, metrics));
  check("plateau_options",
        plateau({.factor = 0.1, .patience = 1, .threshold = 0.05, .cooldown = 3, .smallest = 1e-3},
                metrics));
  check("plateau_maximize", plateau({.factor = 0.5, .patience = 1, .maximize = true}, inverse));
}

// A metric that never gets better: every second observation reduces without cooldown; with one of
// three, three more pass in between.
BOOST_AUTO_TEST_CASE(cooldown_of_a_plateau) {
  const std::vector<double> metrics(11, 1.0);
  const auto reductions = [&](const ReduceOnPlateau& options) {
    std::vector<int> at;
    double before = 1;
    int i = 0;
    for (const double rate : plateau(options, metrics)) {
      if (rate < before) at.push_back(i);
      before = rate;
      ++i;
    }
    return at;
  };
  using At = std::vector<int>;
  BOOST_TEST(reductions({.factor = 0.5, .patience = 1}) == (At{2, 4, 6, 8, 10}),
             boost::test_tools::per_element());
  BOOST_TEST(reductions({.factor = 0.5, .patience = 1, .cooldown = 3}) == (At{2, 7}),
             boost::test_tools::per_element());
}

// Below 0 the threshold is a share of the size, too.
BOOST_AUTO_TEST_CASE(plateau_below_zero) {
  const auto rates = [](const ReduceOnPlateau& options, std::vector<double> metrics) {
    return plateau(options, metrics);
  };
  const std::vector<double> constant(4, -1.0), falling{-1, -2, -3, -4},
      slowly{-1, -1.00005, -1.00009, -1.00014};
  const ReduceOnPlateau once{.factor = 0.5, .patience = 1};
  BOOST_TEST(rates(once, constant) == (std::vector<double>{1, 1, 0.5, 0.5}),
             boost::test_tools::per_element());
  BOOST_TEST(rates(once, falling) == std::vector<double>(4, 1.0), boost::test_tools::per_element());
  BOOST_TEST(rates(once, slowly) == (std::vector<double>{1, 1, 0.5, 0.5}),
             boost::test_tools::per_element());
  const ReduceOnPlateau rising{.factor = 0.5, .patience = 1, .maximize = true};
  BOOST_TEST(rates(rising, constant) == (std::vector<double>{1, 1, 0.5, 0.5}),
             boost::test_tools::per_element());
  BOOST_TEST(rates(rising, {-4, -3, -2, -1}) == std::vector<double>(4, 1.0),
             boost::test_tools::per_element());
  BOOST_TEST(rates(once, {INFINITY, 2, 1, 0.5}) == std::vector<double>(4, 1.0),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(plateau_with_an_absolute_threshold) {
  const ReduceOnPlateau options{.factor = 0.5, .patience = 0, .threshold = 0.5, .absolute = true};
  BOOST_TEST(
      plateau(options, {0, -0.75, -1, -2, -2.25}) == (std::vector<double>{1, 1, 0.5, 0.5, 0.25}),
      boost::test_tools::per_element());
}

// The formula of PyTorch's CosineAnnealingLR, which goes up again.
BOOST_AUTO_TEST_CASE(cosine_beyond_its_end) {
  const CosineDecay stops{.duration = 10, .end = 0.1};
  const CosineDecay goes_on{.duration = 10, .end = 0.1, .periodic = true};
  BOOST_TEST(stops.at(15) == 0.1);
  BOOST_TEST(goes_on.at(5) == stops.at(5));
  BOOST_TEST(goes_on.at(15) == 0.55, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(goes_on.at(20) == 1.0);
  BOOST_TEST(goes_on.at(33) == stops.at(7), boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(plateau_in_a_chain) {
  Sgd<T> optimizer({one()}, {.learning_rate = 0.8});
  Scheduler<T> scheduler(optimizer, product({LinearDecay{.duration = 10},
                                             ReduceOnPlateau{.factor = 0.5, .patience = 0}}));
  scheduler.observe(1);
  scheduler.step();
  BOOST_TEST(optimizer.learning_rate() == 0.8 * 0.9);
  scheduler.observe(1);
  BOOST_TEST(optimizer.learning_rate() == 0.8 * 0.9 * 0.5);
}

BOOST_AUTO_TEST_CASE(saved_and_restored) {
  const auto schedule = [] {
    return sequence({{WarmUp{.duration = 3}, 3},
                     {product({InverseTimeDecay{}, ReduceOnPlateau{.patience = 0}})}});
  };
  Sgd<T> a({one()}, {.learning_rate = 1.0 / 3}), b({one()}, {.learning_rate = 0.7});
  Scheduler<T> first(a, schedule()), second(b, schedule());
  const auto advance = [](Scheduler<T>& s, int from, int to) {
    for (int t = from; t < to; ++t) {
      s.step();
      s.observe(1.0 / (1 + t % 3));
    }
  };
  advance(first, 0, 5);
  second.load_state_dict(first.state_dict());
  BOOST_TEST(b.learning_rate() == a.learning_rate());
  advance(first, 5, 12);
  advance(second, 5, 12);
  BOOST_TEST(b.learning_rate() == a.learning_rate());
  BOOST_TEST((first.state_dict() == second.state_dict()));
  BOOST_TEST(first.state_dict().at("Scheduler/schedule/1/1/observations") == 12);
}

BOOST_AUTO_TEST_CASE(state_that_does_not_fit) {
  Sgd<T> optimizer({one()});
  Scheduler<T> plain(optimizer, ConstantRate{}), plateau(optimizer, ReduceOnPlateau{});
  BOOST_TEST(
      (plain.state_dict() == StateNumbers{{"Scheduler/base 0", 0.01}, {"Scheduler/time", 0}}));
  BOOST_TEST(
      message_of<std::invalid_argument>([&] { plateau.load_state_dict(plain.state_dict()); }) ==
      "load_state_dict: Scheduler: missing: schedule/bad, schedule/best, schedule/factor, "
      "schedule/observations, schedule/resting");
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               StateNumbers state = plain.state_dict();
               state["Scheduler/base 1"] = 1;
               plain.load_state_dict(state);
             }) == "load_state_dict: Scheduler: unexpected: base 1");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xgrad::test
