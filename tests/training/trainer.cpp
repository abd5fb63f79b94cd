// The Trainer: the same numbers as a loop written by hand; every option does what it says.

#include "xgrad/training/trainer.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "tests/serialization/files.hpp"
#include "tests/training/setup.hpp"
#include "xgrad/modules/lists.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/distributions.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/regularization.hpp"
#include "xgrad/optimizers/clipping.hpp"
#include "xgrad/optimizers/sgd.hpp"

using namespace xgrad_test;

BOOST_AUTO_TEST_SUITE(trainer)

BOOST_AUTO_TEST_CASE(same_numbers_as_a_loop_by_hand) {
  Setup by_hand;
  Scheduler<float> scheduler(*by_hand.optimizer, CosineDecay{.duration = 3});
  std::vector<double> losses;
  for (std::size_t epoch = 0; epoch < 3; ++epoch) {
    double sum = 0, count = 0;
    for (const auto& [inputs, labels] : by_hand.train) {
      scheduler.set_time(static_cast<double>(epoch) + count / 7);
      by_hand.optimizer->zero_grad();
      const auto loss = cross_entropy(by_hand.net(inputs), labels);
      loss.backward();
      clip_grad_norm(by_hand.net.parameters(), 0.5);
      by_hand.optimizer->step();
      sum += loss.item() * static_cast<double>(labels.size());
      count += 1;
    }
    losses.push_back(sum / 100);
  }
  Setup setup;
  auto trainer =
      setup.trainer({.epochs = 3, .schedule = CosineDecay{.duration = 3}, .clip_norm = 0.5});
  const History history = trainer.fit(setup.train);
  BOOST_TEST(same_bits(setup.weights(), by_hand.weights()));
  BOOST_TEST(history.curve("train loss") == losses, boost::test_tools::per_element());
  BOOST_TEST((trainer.stop_reason() == StopReason::finished));
  BOOST_TEST(trainer.steps_done() == 21U);
}

BOOST_AUTO_TEST_CASE(same_numbers_compiled) {
  Setup plain;
  const History a = plain.trainer({.epochs = 3, .clip_norm = 0.5}).fit(plain.train);
  Setup compiled;
  const History b =
      compiled.trainer({.epochs = 3, .compile = true, .clip_norm = 0.5}).fit(compiled.train);
  BOOST_TEST(same_bits(plain.weights(), compiled.weights()));
  BOOST_TEST(a.curve("train loss") == b.curve("train loss"), boost::test_tools::per_element());
}

namespace {

// A small variational autoencoder of points: (n, 2) -> (logits, mean, logarithm of the variance).
struct Code : ListModule<float> {
  TensorList<float> forward_list(const TensorList<float>& x) override {
    return {sample_normal(x.at(0), exp(0.5 * x.at(1))), x[0], x[1]};
  }
};

struct Autoencoder {
  struct Output {
    Tensor<float> points, mean, log_variance;
  };

  Sequential<float> net;
  Adam<float> adam;
  LabeledDataset<float> data = points(64, 4);
  Loader loader{data, {.batch_size = 16, .shuffle = true, .seed = 3}};

  Autoencoder() : net(make()), adam(net.parameters(), {.learning_rate = 0.02}) {}
  static Sequential<float> make() {
    manual_seed(6);
    Sequential<float> r{Linear<float>(2, 8), Tanh<float>(),
                        Heads<float>(Linear<float>(8, 1), Linear<float>(8, 1))};
    r.emplace<Code>();
    r.append(OnFirst<float>(Linear<float>(1, 2)));
    return r;
  }
  static Tensor<float> loss(const Output& y, const LabeledBatch<float>& batch) {
    const auto divergence = square(y.mean) + exp(y.log_variance) - y.log_variance - 1;
    return mse_loss(y.points, batch.inputs) + 0.05 * mean(divergence);
  }
  static Tensor<float> loss_of_list(const TensorList<float>& y, const LabeledBatch<float>& batch) {
    return loss({y.at(0), y.at(1), y.at(2)}, batch);
  }
  std::vector<float> weights() const {
    std::vector<float> all;
    for (const auto& t : net.state_dict())
      all.insert(all.end(), t.tensor.data(), t.tensor.data() + t.tensor.size());
    return all;
  }
};

}  // namespace

// Bit for bit a loop by hand, for lists of outputs and for a struct of them.
BOOST_AUTO_TEST_CASE(trains_models_with_several_outputs) {
  Autoencoder by_hand;
  std::vector<double> losses;
  for (std::size_t epoch = 0; epoch < 6; ++epoch) {
    double sum = 0;
    for (const auto& batch : by_hand.loader) {
      by_hand.adam.zero_grad();
      const auto loss =
          Autoencoder::loss_of_list(by_hand.net(TensorList<float>{batch.inputs}), batch);
      loss.backward();
      by_hand.adam.step();
      sum += loss.item() * static_cast<double>(batch.labels.size());
    }
    losses.push_back(sum / 64);
  }
  Autoencoder lists;
  Task<float, LabeledBatch<float>, TensorList<float>> of_lists{.loss = Autoencoder::loss_of_list};
  of_lists.metrics.push_back({"spread",
                              [](auto& sums, const auto& y, auto&) {
                                sums.resize(2);
                                sums[0] += static_cast<double>(sum(exp(y[2])).item());
                                sums[1] += static_cast<double>(y[2].size());
                              },
                              [](const auto& sums) { return sums[0] / sums[1]; }});
  Trainer trainer(lists.net, lists.adam, of_lists, {.epochs = 6});
  const History history = trainer.fit(lists.loader);
  BOOST_TEST(same_bits(lists.weights(), by_hand.weights()));
  BOOST_TEST(history.curve("train loss") == losses, boost::test_tools::per_element());
  BOOST_TEST(losses.back() < 0.7 * losses.front());
  BOOST_TEST(history.curve("train spread").back() < history.curve("train spread").front());

  Autoencoder structs;
  const Task<float, LabeledBatch<float>, Autoencoder::Output> of_structs{
      .loss = Autoencoder::loss, .predict = [&](const auto& batch) {
        const auto y = structs.net(TensorList<float>{batch.inputs});
        return Autoencoder::Output{y[0], y[1], y[2]};
      }};
  Trainer(structs.net, structs.adam, of_structs, {.epochs = 6}).fit(structs.loader);
  BOOST_TEST(same_bits(structs.weights(), by_hand.weights()));
  const double of_struct = evaluate(structs.net, structs.loader, of_structs).at(0).second;
  BOOST_TEST(std::isfinite(of_struct));
  const Task<float, LabeledBatch<float>, Autoencoder::Output> without{.loss = Autoencoder::loss};
  BOOST_CHECK_EXCEPTION(
      evaluate(structs.net, structs.loader, without), std::invalid_argument, [](const auto& e) {
        return std::string(e.what()) == "Task: the output is no tensor: predict is needed";
      });
}

BOOST_AUTO_TEST_CASE(validation_is_in_evaluation_mode_and_changes_nothing) {
  Setup with;
  with.trainer({.epochs = 2}).fit(with.train, with.validation);
  Setup without;
  without.trainer({.epochs = 2}).fit(without.train);
  BOOST_TEST(same_bits(with.weights(), without.weights()));

  const Figures figures = evaluate(with.net, with.validation, classification<float>());
  with.net.eval();
  const auto batch = with.validation_data.get(std::vector<std::int64_t>{0, 1, 2});
  BOOST_TEST(with.net(batch.inputs).size() == 9U);
  double correct = 0;
  for (std::int64_t i = 0; i < 50; ++i) {
    const auto one = with.validation_data.get(std::vector<std::int64_t>{i});
    correct += static_cast<double>(count_correct(with.net(one.inputs), one.labels));
  }
  BOOST_TEST(figures.at(1).first == "accuracy");
  BOOST_TEST(figures.at(1).second == correct / 50);
  BOOST_TEST(!with.net.is_training());
}

BOOST_AUTO_TEST_CASE(accumulated_batches_are_one_large_batch) {
  const auto run = [](std::size_t batch, std::size_t accumulate) {
    Setup s;
    s.net = Sequential<float>(Linear<float>(2, 3));
    manual_seed(8);
    Sequential<float> net{Linear<float>(2, 8), Tanh<float>(), Linear<float>(8, 3)};
    Sgd<float> sgd(net.parameters(), {.learning_rate = 0.1});
    Loader loader(s.train_data, {.batch_size = batch});
    Trainer trainer(net, sgd, classification<float>(), {.epochs = 4, .accumulate = accumulate});
    trainer.fit(loader);
    return std::pair(net.at("0.weight").clone(), trainer.steps_done());
  };
  const auto [large, large_steps] = run(45, 1);  // 45 + 45 + 10 samples
  const auto [small, small_steps] = run(15, 3);
  BOOST_TEST(large_steps == 12U);
  BOOST_TEST(small_steps == 12U);
  for (std::size_t i = 0; i < large.size(); ++i)
    BOOST_TEST(std::abs(large.data()[i] - small.data()[i]) < 2e-6F);
}

BOOST_AUTO_TEST_CASE(stops_early_and_brings_back_the_best) {
  Setup s;
  std::vector<std::vector<float>> after;
  auto trainer = s.trainer(
      {.epochs = 200,
       .monitor = "validation accuracy",
       .patience = 4,
       .restore_best = true,
       .on_epoch_end = [&](std::size_t, const Figures&) { after.push_back(s.weights()); }});
  const auto accuracy = trainer.fit(s.train, s.validation).curve("validation accuracy");
  const auto best = std::max_element(accuracy.begin(), accuracy.end());
  const auto best_epoch = static_cast<std::size_t>(best - accuracy.begin());
  BOOST_TEST((trainer.stop_reason() == StopReason::early));
  BOOST_TEST(trainer.best_epoch() == best_epoch);
  BOOST_TEST(accuracy.size() == best_epoch + 5);
  BOOST_TEST(same_bits(s.weights(), after.at(best_epoch)));
}

// A metric of the user's own says which of its values are better.
BOOST_AUTO_TEST_CASE(a_metric_knows_its_direction) {
  const auto run = [](std::optional<Better> better, Options options) {
    Setup s;
    auto task = classification<float>();
    double epochs = 0;
    task.metrics.push_back({"epochs", [&](auto& sums, auto&, auto&) { sums = {0}; },
                            [&](auto&) { return epochs; }, better});
    options.epochs = 3;
    options.monitor = "train epochs";
    options.on_epoch_begin = [&](std::size_t) { epochs += 1; };
    Trainer trainer(s.net, *s.optimizer, task, options);
    const History h = trainer.fit(s.train);
    return std::pair(trainer.best_epoch(), h.last("learning rate"));
  };
  const ReduceOnPlateau plateau{.factor = 0.5, .patience = 0};
  BOOST_TEST(run(Better::larger, {}).first == 2U);
  BOOST_TEST(run(Better::smaller, {}).first == 0U);
  BOOST_TEST(run({}, {.maximize = true}).first == 2U);
  BOOST_TEST(run(Better::larger, {.schedule = plateau}).second == 0.02);
  BOOST_TEST(run(Better::smaller, {.schedule = product({plateau})}).second == 0.01);
  const auto refused = [&](std::optional<Better> better, const Options& options) {
    return xgrad_test::message_of<std::invalid_argument>([&] { run(better, options); });
  };
  BOOST_TEST(refused({}, {}) ==
             "Trainer: whether larger values of \"train epochs\" are better is not known: "
             "Metric::better or maximize says it");
  BOOST_TEST(refused(Better::larger, {.maximize = false}) ==
             "Trainer: larger values of \"train epochs\" are better, maximize is false");
  BOOST_TEST(refused(Better::smaller, {.schedule = ReduceOnPlateau{.maximize = true}}) ==
             "ReduceOnPlateau: smaller metrics are better, maximize is true");
}

BOOST_AUTO_TEST_CASE(a_figure_to_monitor_is_looked_for_before_training) {
  Setup s;
  std::size_t steps = 0;
  auto trainer = s.trainer(
      {.monitor = "validation accuracy", .after_step = [&](const StepReport&) { ++steps; }});
  BOOST_TEST(xgrad_test::message_of<std::invalid_argument>([&] { trainer.fit(s.train); }) ==
             "Trainer: there is no figure \"validation accuracy\" to monitor among \"train loss\", "
             "\"train accuracy\"");
  BOOST_TEST(steps == 0U);
}

// The best loss is no accuracy to be surpassed.
BOOST_AUTO_TEST_CASE(resuming_with_another_figure_to_monitor) {
  const TemporaryDirectory folder;
  Setup s;
  const std::string file = folder / "run.ckpt";
  s.trainer({.epochs = 1, .checkpoint = file}).fit(s.train);
  const auto before = s.weights();
  BOOST_TEST(xgrad_test::message_of<std::invalid_argument>([&] {
               s.trainer(
                    {.epochs = 2, .monitor = "train accuracy", .checkpoint = file, .resume = true})
                   .fit(s.train);
             }) ==
             "Trainer: the best of the checkpoint is that of another figure: monitored then "
             "\"train loss\", now \"train accuracy\"");
  BOOST_TEST(same_bits(s.weights(), before));
}

BOOST_AUTO_TEST_CASE(penalty_average_plateau_and_callbacks) {
  Setup s;
  Ema<float> ema(s.net.parameters(), {.decay = 0.5});
  const auto weights = filter_parameters(s.net.parameters(), matrices());
  std::size_t begun = 0, before = 0;
  std::vector<std::size_t> steps;
  auto trainer =
      s.trainer({.epochs = 3,
                 .schedule = ReduceOnPlateau{.factor = 0.5, .patience = 0, .threshold = 0.9},
                 .penalty = [&] { return l2_penalty(weights, 10.0); },
                 .average = &ema,
                 .on_epoch_begin = [&](std::size_t e) { begun += e; },
                 .before_step = [&] { ++before; },
                 .after_step = [&](const StepReport& r) { steps.push_back(r.step); }});
  Setup plain;
  plain.trainer({.epochs = 3}).fit(plain.train);
  const History h = trainer.fit(s.train, s.validation);
  BOOST_TEST(begun == 3U);
  BOOST_TEST(before == 21U);
  BOOST_TEST(steps.back() == 21U);
  BOOST_TEST(ema.updates() == 21U);
  BOOST_TEST(h.curve("learning rate") == (std::vector<double>{0.02, 0.02, 0.01}),
             boost::test_tools::per_element());
  BOOST_TEST(l2_penalty(weights, 1.0).item() <
             l2_penalty(filter_parameters(plain.net.parameters(), matrices()), 1.0).item());
  double averaged;
  {
    const AveragedWeights<float> use(ema);
    averaged = evaluate(s.net, s.validation, classification<float>()).at(0).second;
  }
  BOOST_TEST(h.last("validation loss") == averaged);
}

BOOST_AUTO_TEST_CASE(a_loss_that_is_not_finite_is_an_error) {
  Setup s;
  auto trainer = s.trainer({.epochs = 3, .after_step = [&](const StepReport& r) {
                              if (r.step == 10) {
                                Tensor<float> w = s.net.at("0.bias");
                                w.mutable_data()[0] = std::nanf("");
                              }
                            }});
  test::check_failure<std::runtime_error>(
      [&] { trainer.fit(s.train); },
      "Trainer: the loss is nan: epoch 2, batch 4, learning rate 0.02");
}

BOOST_AUTO_TEST_CASE(options_out_of_range) {
  Setup s;
  test::check_failure<std::invalid_argument>([&] { s.trainer({.accumulate = 0}); },
                                             "Trainer: accumulate is 0");
  BOOST_CHECK_THROW(s.trainer({.clip_norm = -1}), std::invalid_argument);
  BOOST_CHECK_THROW(s.trainer({.resume = true}), std::invalid_argument);
  BOOST_CHECK_THROW(s.trainer({.epochs = 1, .monitor = "f1"}).fit(s.train), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(loaders_without_batches) {
  Setup s;
  Loader none(s.train_data, {.batch_size = 1000, .drop_last = true});
  const auto message = [](const auto& f) {
    return xgrad_test::message_of<std::invalid_argument>(f);
  };
  BOOST_TEST(message([&] { s.trainer({}).fit(none); }) ==
             "Trainer: the loader to train from is empty");
  BOOST_TEST(message([&] { s.trainer({}).fit(s.train, none); }) ==
             "Trainer: the loader for validation is empty");
}

BOOST_AUTO_TEST_CASE(curves_and_plain_progress) {
  const TemporaryDirectory folder;
  Setup s;
  std::ostringstream out;
  const History h = s.trainer({.epochs = 2, .progress = &out, .curves = folder / "curves.csv"})
                        .fit(s.train, s.validation);
  BOOST_TEST(xgrad_test::slurp(folder / "curves.csv") == h.csv());
  BOOST_TEST(out.str().starts_with("epoch 1/2  loss "));
  BOOST_TEST(out.str().find("\nepoch 2/2  loss ") != std::string::npos);
  BOOST_TEST(out.str().find("  validation loss ") != std::string::npos);
  BOOST_TEST(out.str().find('\r') == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
