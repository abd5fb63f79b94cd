// Monitor: what it sees while a training runs. Bugs and healthy programs are in the zoo.

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "xgrad/data/loader.hpp"
#include "xgrad/doctor/monitor.hpp"
#include "xgrad/doctor/statistics.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/optimizers/sgd.hpp"
#include "xgrad/training/trainer.hpp"

using namespace xgrad;

namespace {

struct Net : Module<double> {
  Linear<double>& fc1 = add<Linear<double>>("fc1", 3, 8);
  Linear<double>& fc2 = add<Linear<double>>("fc2", 8, 2);
  Tensor<double> forward(const Tensor<double>& x) override { return fc2(relu(fc1(x))); }
};

Tensor<double> inputs(std::size_t n = 20) {
  Generator generator(4);
  return normal<double>({n, 3}, 0, 1, generator);
}

Indices labels(std::size_t n = 20) {
  Indices r(Indices::shape_type{n});
  for (std::size_t i = 0; i < n; ++i) r(i) = static_cast<std::int64_t>(i % 2);
  return r;
}

template <class F>
Monitor<double>& step(Monitor<double>& monitor, Optimizer<double>& optimizer, const F& loss_of) {
  optimizer.zero_grad();
  const Tensor<double> loss = loss_of();
  monitor.before_backward(loss);
  loss.backward();
  monitor.before_step();
  optimizer.step();
  monitor.after_step();
  return monitor;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(monitoring)

BOOST_AUTO_TEST_CASE(records_layers_and_parameters) {
  Net net;
  Sgd<double> optimizer(net.parameters(), {.learning_rate = 0.5});
  Monitor<double> monitor(net, optimizer, {.every = 2});
  const Tensor<double> x = inputs(), weight = net.fc1.weight.clone();
  for (int i = 0; i < 5; ++i) {
    step(monitor, optimizer, [&] { return cross_entropy(net(x), labels()); });
    if (i > 0) continue;
    const ParameterSeries& p = monitor.record().parameters[0];
    const double norm = std::sqrt(sum(square(weight)).item());
    BOOST_TEST(p.name == "fc1.weight");
    BOOST_TEST(p.norm[0] == norm, boost::test_tools::tolerance(1e-12));
    const double moved = std::sqrt(sum(square(net.fc1.weight.detach() - weight)).item());
    BOOST_TEST(p.update_ratio[0] == moved / norm, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(p.gradient_norm[0] == moved / 0.5, boost::test_tools::tolerance(1e-9));
  }
  const TrainingRecord& r = monitor.record();
  BOOST_TEST(r.losses.size() == 5u);
  BOOST_TEST(r.watched == (std::vector<std::size_t>{0, 2, 4}), boost::test_tools::per_element());
  std::vector<std::string> names;
  for (const LayerSeries& l : r.layers) {
    names.push_back(l.name);
    BOOST_TEST(l.variance.size() == 3u);
    BOOST_TEST(std::isfinite(l.gradient_variance[2]));
  }
  BOOST_TEST(names == (std::vector<std::string>{"fc1", "relu of fc1", "fc2"}),
             boost::test_tools::per_element());
  BOOST_TEST(monitor.diagnosis().healthy(), monitor.diagnosis().text());
}

// The monitored run gives the numbers of the one that is not, to the last bit.
BOOST_AUTO_TEST_CASE(changes_nothing) {
  const auto trained = [](bool watched) {
    manual_seed(7);
    Net net;
    Sgd<double> optimizer(net.parameters(), {.learning_rate = 0.5, .momentum = 0.9});
    std::optional<Monitor<double>> monitor;
    if (watched) monitor.emplace(net, optimizer, MonitorOptions{.every = 1, .trace = true});
    for (int i = 0; i < 6; ++i) {
      optimizer.zero_grad();
      const Tensor<double> loss = cross_entropy(net(inputs()), labels());
      if (monitor) monitor->before_backward(loss);
      loss.backward();
      if (monitor) monitor->before_step();
      optimizer.step();
      if (monitor) monitor->after_step();
    }
    return net.fc1.weight.value();
  };
  BOOST_TEST((trained(true) == trained(false)));
}

BOOST_AUTO_TEST_CASE(names_the_operation_of_the_first_nan) {
  Net net;
  Sgd<double> optimizer(net.parameters(), {.learning_rate = 0.1});
  Monitor<double> monitor(net, optimizer, {.every = 0, .trace = true});
  Tensor<double> x = inputs();
  const auto loss_of = [&] { return mean(sqrt(net.fc1(x) + 4.0)); };
  step(monitor, optimizer, loss_of);
  BOOST_TEST(monitor.diagnosis().findings.empty());
  for (std::size_t j = 0; j < 3; ++j) x.mutable_data()[3 * 7 + j] = -1e3 * net.fc1.weight.data()[j];
  step(monitor, optimizer, loss_of);
  const Diagnosis d = monitor.diagnosis();
  const Finding& f = d.of("not-finite");
  BOOST_TEST(f.title == "an operation makes the first NaN or infinity");
  BOOST_TEST(f.where == "sqrt of fc1");
  BOOST_TEST(f.step == 1u);
  BOOST_TEST(f.samples == std::vector<std::size_t>{7}, boost::test_tools::per_element());
  BOOST_TEST(f.measured.find("sqrt gives (20, 8) in [") == 0u, f.measured);
}

// Forward all is well: sqrt(0) = 0. Its slope is not.
BOOST_AUTO_TEST_CASE(names_the_operation_of_the_first_infinite_gradient) {
  Net net;
  net.fc1.bias.set_value(Array<double>(Tensor<double>::filled({8}, -50).value()));
  Sgd<double> optimizer(net.parameters(), {.learning_rate = 0.1});
  Monitor<double> monitor(net, optimizer, {.every = 0, .trace = true});
  step(monitor, optimizer, [&] { return sum(sqrt(relu(net.fc1(inputs())))) * 0.1; });
  const Finding f = monitor.diagnosis().of("not-finite");
  BOOST_TEST(f.title == "the backward pass of an operation makes the first NaN or infinity");
  BOOST_TEST(f.measured.find("the slope of sqrt at operand 0 (20, 8) in [0, 0]") == 0u, f.measured);
}

BOOST_AUTO_TEST_CASE(sees_gradients_added_up_unless_meant) {
  Net net;
  Sgd<double> optimizer(net.parameters(), {.learning_rate = 0.1});
  Monitor<double> meant(net, optimizer, {.every = 1});
  const auto pass = [&](Monitor<double>& monitor) {
    const Tensor<double> loss = cross_entropy(net(inputs()), labels());
    monitor.before_backward(loss);
    loss.backward();
  };
  const auto finish = [&](Monitor<double>& monitor) {
    monitor.before_step();
    optimizer.step();
    monitor.after_step();
  };
  for (int i = 0; i < 3; ++i) {
    optimizer.zero_grad();
    pass(meant);
    pass(meant);
    finish(meant);
  }
  BOOST_TEST(!meant.diagnosis().has("zero-grad"));
  Monitor<double> forgotten(net, optimizer, {.every = 1});
  for (int i = 0; i < 2; ++i) {
    pass(forgotten);
    finish(forgotten);
  }
  BOOST_TEST(forgotten.diagnosis().has("zero-grad", Severity::error));
}

BOOST_AUTO_TEST_CASE(sees_writes_while_a_pass_is_pending) {
  Net net;
  Sgd<double> optimizer(net.parameters(), {.learning_rate = 0.1});
  Monitor<double> monitor(net, optimizer);
  double* taken_before = net.fc2.bias.mutable_data();
  step(monitor, optimizer, [&] {
    const Tensor<double> loss = cross_entropy(net(inputs()), labels());
    taken_before[0] = 3;
    return loss;
  });
  BOOST_TEST(monitor.diagnosis().of("written-while-pending").where == "fc2.bias");
}

BOOST_AUTO_TEST_CASE(attaches_to_a_trainer) {
  const LabeledDataset<double> data(inputs(60).value(), labels(60));
  DataLoader loader(data, {.batch_size = 20});
  Net net;
  Sgd<double> optimizer(net.parameters(), {.learning_rate = 0.1});
  Monitor<double> monitor(net, optimizer, {.every = 2});
  std::size_t called = 0;
  TrainerOptions<double> options{.epochs = 2, .after_step = [&](const StepReport&) { ++called; }};
  monitor.attach(options);
  Trainer trainer(net, optimizer, classification<double>(), options);
  trainer.fit(loader);
  BOOST_TEST(called == 6u);
  BOOST_TEST(monitor.steps() == 6u);
  BOOST_TEST(monitor.record().watched.size() == 3u);
}

BOOST_AUTO_TEST_CASE(tells_curves_apart) {
  const auto found = [](auto loss_at) {
    TrainingRecord record;
    Generator generator(5);
    const Tensor<double> noise = normal<double>({400}, 0, 0.05, generator);
    for (std::size_t i = 0; i < 400; ++i) {
      record.losses.push_back(loss_at(static_cast<double>(i)) + noise.data()[i]);
    }
    Diagnosis d;
    detail::judge_curve(record, d);
    return d.findings.empty() ? std::string() : d.findings[0].title;
  };
  BOOST_TEST(found([](double i) { return std::exp(-i / 100); }) == "");
  BOOST_TEST(found([](double i) { return 0.68 + 0.3 * std::exp(-i); }) == "");  // learned at once
  BOOST_TEST(found([](double) { return 0.69; }) == "the loss does not fall");
  BOOST_TEST(found([](double i) { return 0.69 + i / 1000; }) == "the loss rises");
  BOOST_TEST(found([](double i) { return std::fmod(i, 2) < 1 ? 0.3 : 0.9; }) ==
             "the loss does not fall");
}

BOOST_AUTO_TEST_CASE(trends_have_the_error_of_blocks) {
  std::vector<double> curve;
  for (int i = 0; i < 64; ++i) curve.push_back(i % 2 == 0 ? 1 : 3);
  const detail::Trend t = detail::trend_of(curve);
  BOOST_TEST(t.fall() == 0);
  BOOST_TEST(t.first == 2);
  const std::vector<double> some{1, 2, 4};
  BOOST_TEST(detail::moments_of(some).variance == 7.0 / 3, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(detail::median_of({3, 1, 2}) == 2);
}

BOOST_AUTO_TEST_SUITE_END()
