// The Trainer: the same numbers as a loop written by hand; every option does what it says; a run
// that was killed, also in the middle of a write, goes on bit for bit.

#include "xgrad/training/trainer.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "tests/serialization/files.hpp"
#include "xgrad/data/augmentation.hpp"
#include "xgrad/data/image_changes.hpp"
#include "xgrad/data/mixing.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/modules/shapes.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/regularization.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/optimizers/clipping.hpp"
#include "xgrad/optimizers/sgd.hpp"

using namespace xgrad;
using xgrad_test::TemporaryDirectory;

namespace {

using Loader = DataLoader<LabeledDataset<float>>;
using Options = TrainerOptions<float>;

// Points around three centres.
LabeledDataset<float> points(std::size_t n, std::uint64_t seed) {
  Generator g(seed);
  Indices labels = random_integers({n}, 0, 3, g);
  Array<float> x(normal<float>({n, 2}, 0, 0.7F, g).value());
  for (std::size_t i = 0; i < n; ++i) {
    const double angle = 2.1 * static_cast<double>(labels.data()[i]);
    x.data()[2 * i] += static_cast<float>(std::cos(angle));
    x.data()[2 * i + 1] += static_cast<float>(std::sin(angle));
  }
  return {std::move(x), std::move(labels)};
}

// Model, optimizer and loaders, always the same.
struct Setup {
  LabeledDataset<float> train_data = points(100, 1), validation_data = points(50, 2);
  Sequential<float> net;
  std::unique_ptr<Adam<float>> optimizer;
  Loader train{train_data, {.batch_size = 16, .shuffle = true, .seed = 3}};
  Loader validation{validation_data, {.batch_size = 32}};

  explicit Setup(std::size_t hidden = 16) {
    manual_seed(5);
    net.append(Linear<float>(2, hidden)).append(BatchNorm<float>(hidden)).append(Relu<float>());
    net.append(Dropout<float>(0.2)).append(Linear<float>(hidden, 3));
    optimizer = std::make_unique<Adam<float>>(net.parameters(), AdamOptions{.learning_rate = 0.02});
  }
  Trainer<float, LabeledBatch<float>> trainer(Options options) {
    return {net, *optimizer, classification<float>(), std::move(options)};
  }
  std::vector<float> weights() const {
    std::vector<float> all;
    for (const auto& t : net.state_dict())
      all.insert(all.end(), t.tensor.data(), t.tensor.data() + t.tensor.size());
    return all;
  }
};

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// What f says, computed in another process, because a process that has had threads cannot be
// forked into one that uses them.
std::string in_child(const std::function<std::string()>& f) {
  int ends[2];
  BOOST_REQUIRE_EQUAL(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const std::string said = f();
    const bool written = write(ends[1], said.data(), said.size()) >= 0;
    _exit(written ? 0 : 1);
  }
  close(ends[1]);
  std::string all;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    all.append(buffer, static_cast<std::size_t>(n));
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return all;
}

std::string bytes(const Setup& s, const History history) {
  const std::vector<float> w = s.weights();
  return std::string(reinterpret_cast<const char*>(w.data()), w.size() * sizeof(float)) +
         history.json();
}

}  // namespace

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

BOOST_AUTO_TEST_SUITE(resumption)

namespace {
constexpr std::size_t kEpochs = 6;

Options options(const std::string& file, std::size_t every = 1) {
  return {.epochs = kEpochs,
          .schedule = product({CosineDecay{.duration = 8}, ReduceOnPlateau{.patience = 1}}),
          .accumulate = 2,
          .clip_norm = 1,
          .patience = 30,
          .restore_best = true,
          .checkpoint = file,
          .checkpoint_every = every,
          .resume = !file.empty()};
}

std::string whole_run() {
  Setup s;
  const History h = s.trainer(options({})).fit(s.train, s.validation);
  return bytes(s, h);
}

std::string resumed_run(const std::string& file) {
  Setup s;
  s.trainer({.epochs = 1}).fit(s.train);  // another state altogether
  const History h = s.trainer(options(file, 0)).fit(s.train, s.validation);
  return bytes(s, h);
}
}  // namespace

BOOST_AUTO_TEST_CASE(ctrl_c_leaves_a_checkpoint) {
  for (const std::size_t stop : {1U, 6U, 8U, 13U}) {
    const TemporaryDirectory folder;
    {
      Setup s;
      Options o = options(folder / "run.ckpt", 0);
      o.after_step = [&](const StepReport& r) {
        if (r.step == stop) raise(SIGINT);
      };
      auto trainer = s.trainer(o);
      trainer.fit(s.train, s.validation);
      BOOST_TEST((trainer.stop_reason() == StopReason::interrupted));
      BOOST_TEST(trainer.steps_done() == stop);
    }
    BOOST_TEST((resumed_run(folder / "run.ckpt") == whole_run()));
    BOOST_TEST((resumed_run(folder / "run.ckpt") == whole_run()));  // of a run that is complete
  }
}

BOOST_AUTO_TEST_CASE(a_second_ctrl_c_ends_the_program) {
  const pid_t child = fork();
  if (child == 0) {
    const InterruptScope interrupt;
    raise(SIGINT);
    if (!interrupt.requested()) _exit(3);
    raise(SIGINT);
    _exit(4);
  }
  int status = 0;
  waitpid(child, &status, 0);
  BOOST_TEST((WIFSIGNALED(status) && WTERMSIG(status) == SIGINT));
}

BOOST_AUTO_TEST_CASE(a_damaged_checkpoint_is_named_and_the_one_before_used) {
  const TemporaryDirectory folder;
  const std::string file = folder / "run.ckpt";
  {
    Setup s;
    Options o = options(file);
    o.after_step = [&](const StepReport& r) {
      if (r.step == 9) raise(SIGINT);
    };
    s.trainer(o).fit(s.train, s.validation);
  }
  std::string content = xgrad_test::slurp(file);
  content.back() = static_cast<char>(~content.back());
  xgrad_test::spit(file, content);
  Setup s;
  Options o = options(file, 0);
  std::ostringstream said;
  o.progress = &said;
  const History h = s.trainer(o).fit(s.train, s.validation);
  BOOST_TEST(said.str().starts_with("checkpoint: " + file + ": damaged: "));
  BOOST_TEST(said.str().find("; going on from the one before\nepoch 3/6 ") != std::string::npos);
  BOOST_TEST((bytes(s, h) == whole_run()));
}

// There is nothing to go on from: the end of the program, not a shorter training.
BOOST_AUTO_TEST_CASE(ctrl_c_without_a_checkpoint_ends_the_program) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGINT, SIG_DFL);  // a shell may have the tests ignore it
    Setup s;
    Options o;
    o.after_step = [&](const StepReport&) { raise(SIGINT); };
    s.trainer(o).fit(s.train);
    _exit(3);
  }
  int status = 0;
  waitpid(child, &status, 0);
  BOOST_TEST((WIFSIGNALED(status) && WTERMSIG(status) == SIGINT));
}

// Runs `train` in another process, which is killed some moment after its first checkpoint.
template <class Train>
void kill_9_while(const Train& train, const std::string& file, Generator& moments) {
  const pid_t child = fork();
  if (child == 0) {
    train();
    _exit(0);
  }
  while (!std::filesystem::exists(file)) usleep(100);
  usleep(static_cast<useconds_t>(random_integers({1}, 0, 15000, moments).data()[0]));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

BOOST_AUTO_TEST_CASE(kill_9_at_random_moments) {
  const std::string whole = whole_run();
  Generator moments(12);
  for (int i = 0; i < 25; ++i) {
    const TemporaryDirectory folder;
    const std::string file = folder / "run.ckpt";
    const auto train = [&] {
      Setup s;
      s.trainer(options(file)).fit(s.train, s.validation);
    };
    kill_9_while(train, file, moments);
    BOOST_TEST_REQUIRE((resumed_run(file) == whole));
    BOOST_TEST_REQUIRE(folder.files() == 2U);  // and the one before, nothing of the killed one
  }
}

namespace {

LabeledDataset<float> images(std::size_t n) {
  Generator g(4);
  Indices labels = random_integers({n}, 0, 3, g);
  Array<float> x(uniform<float>({n, 6, 6}, 0, 1, g).value());
  for (std::size_t i = 0; i < n; ++i) {
    x.data()[36 * i + 7 * static_cast<std::size_t>(labels.data()[i])] += 2;
  }
  return {std::move(x), std::move(labels)};
}

// Everything random at once: views that change images anew in each epoch, fetched by another thread
// or not, mixup and dropout from the default generator.
struct Images {
  using Augmentations = Augmented<LabeledDataset<float>>;
  using Standardised = Transformed<Augmentations>;

  LabeledDataset<float> train_data = images(90), validation_data = images(30);
  Augmentations augmented{
      train_data, sequence({Flip{}, sometimes(0.5, Affine{.degrees = 10, .shift = 1}), Noise{0.1}}),
      9};
  Standardised standardised{augmented, [](LabeledBatch<float> b) {
                              b.inputs = (b.inputs - 0.5F) * 3.5F;
                              return b;
                            }};
  Sequential<float> net;
  std::unique_ptr<Adam<float>> optimizer;
  DataLoader<Standardised> train;
  Loader validation{validation_data, {.batch_size = 16}};
  TargetBatch<float> mixed;

  explicit Images(std::size_t prefetch)
      : train(standardised, {.batch_size = 16, .shuffle = true, .seed = 3, .prefetch = prefetch}) {
    manual_seed(5);
    net.append(Flatten<float>()).append(Linear<float>(36, 12)).append(BatchNorm<float>(12));
    net.append(Relu<float>()).append(Dropout<float>(0.2)).append(Linear<float>(12, 3));
    optimizer = std::make_unique<Adam<float>>(net.parameters(), AdamOptions{.learning_rate = 0.02});
  }
  Task<float, LabeledBatch<float>> task() {
    auto t = classification<float>();
    t.predict = [this](const LabeledBatch<float>& batch) {
      if (!net.is_training()) return net(batch.inputs);
      mixed = mixup(batch, 3, {.alpha = 0.4});
      return net(mixed.inputs);
    };
    t.loss = [this](const Tensor<float>& scores, const LabeledBatch<float>& batch) {
      return net.is_training() ? cross_entropy(scores, mixed.targets)
                               : cross_entropy(scores, batch.labels);
    };
    return t;
  }
  std::string run(const Options& options) {
    Trainer trainer(net, *optimizer, task(), options);
    const History history = trainer.fit(train, validation);
    std::string all = history.json();
    for (const auto& t : net.state_dict()) {
      all.append(reinterpret_cast<const char*>(t.tensor.data()), t.tensor.size() * sizeof(float));
    }
    return all;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(augmented_mixed_and_prefetched) {
  const std::string whole = Images(0).run(options({}));
  BOOST_TEST((Images(3).run(options({})) == whole));
  for (const std::size_t stop : {2U, 6U, 9U, 17U}) {
    for (const std::size_t prefetch : {0U, 3U}) {
      const TemporaryDirectory folder;
      Options stopping = options(folder / "run.ckpt", 0);
      stopping.after_step = [&](const StepReport& r) {
        if (r.step == stop) raise(SIGTERM);
      };
      BOOST_TEST((Images(3).run(stopping) != whole));
      BOOST_TEST((Images(prefetch).run(options(folder / "run.ckpt")) == whole));
    }
  }
}

BOOST_AUTO_TEST_CASE(kill_9_while_prefetching) {
  const std::string whole = Images(0).run(options({}));
  Generator moments(14);
  for (int i = 0; i < 6; ++i) {
    const TemporaryDirectory folder;
    const std::string file = folder / "run.ckpt";
    kill_9_while([&] { Images(3).run(options(file)); }, file, moments);
    BOOST_TEST_REQUIRE((Images(3).run(options(file)) == whole));
  }
}

// The system ends the child when the file it writes reaches a certain size: inside the write.
BOOST_AUTO_TEST_CASE(killed_in_the_middle_of_the_write) {
  const std::string whole = whole_run();
  Generator moments(13);
  for (int i = 0; i < 25; ++i) {
    const TemporaryDirectory folder;
    const std::string file = folder / "run.ckpt";
    const auto step = static_cast<std::size_t>(random_integers({1}, 2, 20, moments).data()[0]);
    const auto size = static_cast<rlim_t>(random_integers({1}, 0, 4000, moments).data()[0]);
    const pid_t child = fork();
    if (child == 0) {
      Setup s;
      Options o = options(file);
      o.on_save = [&](Checkpoint<float>& c) {
        if (c.numbers.at("Trainer/step") < static_cast<double>(step)) return;
        const rlimit limit{size, size};
        setrlimit(RLIMIT_FSIZE, &limit);
        signal(SIGXFSZ, SIG_DFL);
      };
      s.trainer(o).fit(s.train, s.validation);
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    BOOST_TEST_REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ));
    const auto kept = load_latest_checkpoint<float>(file);
    BOOST_TEST_REQUIRE(kept.numbers.at("Trainer/step") >= static_cast<double>(step - 1));
    BOOST_TEST_REQUIRE((resumed_run(file) == whole));
    BOOST_TEST_REQUIRE(folder.files() == 2U);
  }
}

// Layers large enough that loops and products are shared out.
BOOST_AUTO_TEST_CASE(same_for_one_and_two_threads_also_resumed) {
  const auto run = [](int threads, std::size_t stop, const std::string& file) {
    return in_child([=] {
      set_num_threads(threads);
      Setup s(1024);
      Loader loader(s.train_data, {.batch_size = 100, .shuffle = true, .seed = 4});
      Options o = options(file);
      o.epochs = 6;
      auto trainer = s.trainer(o);
      Options stopping = o;
      stopping.after_step = [&](const StepReport& r) {
        if (r.step == stop) raise(SIGTERM);
      };
      auto stopped = s.trainer(stopping);
      return bytes(s, (stop > 0 ? stopped : trainer).fit(loader, s.validation));
    });
  };
  const TemporaryDirectory folder;
  const std::string one = run(1, 0, {}), two = run(2, 0, {});
  BOOST_TEST(one.size() > 10000U);
  BOOST_TEST((one == two));
  run(2, 3, folder / "run.ckpt");
  BOOST_TEST((run(1, 0, folder / "run.ckpt") == one));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_of_another_kind_changes_nothing) {
  const TemporaryDirectory folder;
  Setup s;
  save_checkpoint(folder / "run.ckpt", Checkpoint<float>::of(s.net, *s.optimizer, s.train));
  const auto before = s.weights();
  BOOST_CHECK_EXCEPTION(s.trainer(options(folder / "run.ckpt")).fit(s.train), std::invalid_argument,
                        [](const auto& e) {
                          return std::string(e.what()).find("not written by a Trainer") !=
                                 std::string::npos;
                        });
  BOOST_TEST(same_bits(before, s.weights()));
}

BOOST_AUTO_TEST_SUITE_END()
