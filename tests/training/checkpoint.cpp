// Checkpoints: a resumed run is bit for bit the uninterrupted one; damage is seen; a killed writer
// loses nothing.

#include "xgrad/training/checkpoint.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/serialization/error.hpp"

using namespace xgrad;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("xgrad_checkpoint_" + std::to_string(getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  std::string file() const { return (path / "run.ckpt").string(); }
};

LabeledDataset<float> data() {
  Generator g(1);
  return {Array<float>(normal<float>({60, 4}, 0, 1, g).value()), random_integers({60}, 0, 3, g)};
}

// A small training program, with noise drawn from the default generator in every step.
struct Training {
  LabeledDataset<float> samples = data();
  Sequential<float> net;
  std::unique_ptr<Adam<float>> optimizer;
  DataLoader<LabeledDataset<float>> loader{samples, {.batch_size = 8, .shuffle = true, .seed = 3}};

  Training() {
    manual_seed(7);
    net.append(Linear<float>(4, 16)).append(Relu<float>()).append(Linear<float>(16, 3));
    optimizer = std::make_unique<Adam<float>>(net.parameters(), AdamOptions{.learning_rate = 0.01});
  }

  void step(const LabeledBatch<float>& batch) {
    optimizer->zero_grad();
    const auto noisy = batch.inputs + normal<float>(batch.inputs.shape(), 0, 0.1F);
    cross_entropy(net(noisy), batch.labels).backward();
    optimizer->step();
  }
  // Trains until `steps` more batches are done.
  void train(std::size_t steps) {
    while (steps > 0) {
      for (const auto& batch : loader) {
        step(batch);
        if (--steps == 0) return;
      }
    }
  }
  std::vector<float> weights() const {
    std::vector<float> all;
    for (const auto& t : net.state_dict())
      all.insert(all.end(), t.tensor.data(), t.tensor.data() + t.tensor.size());
    return all;
  }
  Checkpoint<float> checkpoint() const { return Checkpoint<float>::of(net, *optimizer, loader); }
  void resume(const Checkpoint<float>& c) { restore(c, net, *optimizer, loader); }
};

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(checkpoint)

BOOST_AUTO_TEST_CASE(resumes_bit_for_bit) {
  const Folder folder;
  for (const std::size_t stop : {1U, 5U, 8U, 13U}) {
    Training whole;
    whole.train(30);
    Training first;
    first.train(stop);
    save_checkpoint(folder.file(), first.checkpoint());
    Training second;
    second.train(3);  // another state altogether
    second.resume(load_checkpoint<float>(folder.file()));
    second.train(30 - stop);
    BOOST_TEST(same_bits(whole.weights(), second.weights()));
  }
}

BOOST_AUTO_TEST_CASE(keeps_the_callers_own) {
  const Folder folder;
  Training run;
  auto c = run.checkpoint();
  c.numbers["best loss"] = 0.1;
  c.text["settings"] = "hidden 16";
  save_checkpoint(folder.file(), c);
  const auto back = load_checkpoint<float>(folder.file());
  BOOST_TEST(back.numbers.at("best loss") == 0.1);
  BOOST_TEST(back.text.at("settings") == "hidden 16");
  BOOST_TEST((back.generator == c.generator));
}

BOOST_AUTO_TEST_CASE(damage_is_seen_and_the_previous_one_used) {
  const Folder folder;
  Training run;
  save_checkpoint(folder.file(), run.checkpoint());
  const auto before = run.weights();
  run.train(4);
  save_checkpoint(folder.file(), run.checkpoint());
  std::ifstream in(folder.file(), std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(in)), {});
  in.close();
  for (std::size_t at = 0; at < good.size(); at += good.size() / 97) {
    for (const bool cut : {false, true}) {
      std::string bad = good;
      if (cut) {
        bad.resize(at);
      } else {
        bad[at] = static_cast<char>(bad[at] ^ 4);
      }
      std::ofstream(folder.file(), std::ios::binary | std::ios::trunc) << bad;
      BOOST_CHECK_EXCEPTION(load_checkpoint<float>(folder.file()), FileError,
                            [&](const FileError& e) {
                              return std::string(e.what()).find("run.ckpt: ") != std::string::npos;
                            });
      std::string problem;
      Training other;
      other.resume(load_latest_checkpoint<float>(folder.file(), &problem));
      BOOST_TEST_REQUIRE(same_bits(other.weights(), before));
      BOOST_TEST_REQUIRE(problem.find("run.ckpt: ") != std::string::npos);
    }
  }
}

BOOST_AUTO_TEST_CASE(missing_file) {
  const Folder folder;
  BOOST_TEST(!checkpoint_exists(folder.file()));
  BOOST_CHECK_THROW(load_latest_checkpoint<float>(folder.file()), FileError);
}

BOOST_AUTO_TEST_CASE(another_model_is_refused_and_nothing_changes) {
  const Folder folder;
  Training run;
  save_checkpoint(folder.file(), run.checkpoint());
  Sequential<float> other(Linear<float>(4, 5));
  Adam<float> optimizer(other.parameters(), {});
  const auto before = other.at("0.weight").clone();
  BOOST_CHECK_THROW(restore(load_checkpoint<float>(folder.file()), other, optimizer),
                    std::invalid_argument);
  BOOST_TEST((other.at("0.weight").value() == before.value()));
}

// A child trains and saves after every step until it is killed at a random moment, also while
// writing; whatever is there then continues to the state of the uninterrupted run.
BOOST_AUTO_TEST_CASE(survives_kill_9) {
  const Folder folder;
  constexpr std::size_t kSteps = 60;
  Training whole;
  whole.train(kSteps);
  const auto done = [](const Checkpoint<float>& c) {
    return static_cast<std::size_t>(c.numbers.at("steps"));
  };
  Generator moments(11);
  for (int kill_count = 0; kill_count < 50; ++kill_count) {
    fs::remove(folder.file());
    fs::remove(folder.file() + ".previous");
    const pid_t child = fork();
    if (child == 0) {
      Training run;
      for (std::size_t s = 1;; ++s) {
        run.train(1);
        auto c = run.checkpoint();
        c.numbers["steps"] = static_cast<double>(s);
        save_checkpoint(folder.file(), c);
      }
    }
    while (!fs::exists(folder.file())) usleep(200);
    usleep(static_cast<useconds_t>(random_integers({1}, 0, 20000, moments)(0)));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    Training resumed;
    std::string problem;
    const auto c = load_latest_checkpoint<float>(folder.file(), &problem);
    BOOST_TEST_REQUIRE(problem == "");
    if (done(c) > kSteps) continue;
    resumed.resume(c);
    if (done(c) < kSteps) resumed.train(kSteps - done(c));
    BOOST_TEST_REQUIRE(same_bits(resumed.weights(), whole.weights()));
  }
}

BOOST_AUTO_TEST_SUITE_END()
