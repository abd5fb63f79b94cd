// A training that was stopped, or killed also in the middle of a write, goes on bit for bit.

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <functional>
#include <sstream>

#include "tests/rounds.hpp"
#include "tests/serialization/files.hpp"
#include "tests/training/setup.hpp"
#include "xgrad/data/augmentation.hpp"
#include "xgrad/data/image_changes.hpp"
#include "xgrad/data/mixing.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/modules/shapes.hpp"
#include "xgrad/ops/arithmetic.hpp"

using namespace xgrad_test;

namespace {

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
  for (std::size_t i = 0; i < test::rounds(25); ++i) {
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
  for (std::size_t i = 0; i < test::rounds(6); ++i) {
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
  for (std::size_t i = 0; i < test::rounds(25); ++i) {
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
