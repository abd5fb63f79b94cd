#include <boost/test/unit_test.hpp>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>
#include <xgrad/distributed/data_parallel.hpp>
#include <xgrad/distributed/sampler.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/extrema.hpp>
#include <xgrad/ops/math.hpp>
#include <xgrad/ops/random.hpp>
#include <xgrad/ops/reductions.hpp>
#include <xgrad/optimizers/averaging.hpp>
#include <xgrad/training/search.hpp>
#include <xtensor/xmath.hpp>

#include "tests/distributed/groups.hpp"
#include "tests/message.hpp"
#include "tests/training/setup.hpp"

using namespace xgrad;
using test::check_failure;
using test::for_groups;
using xgrad_test::Loader;
using xgrad_test::Options;

namespace {

constexpr DistributedBatches kBatches{.batch_size = 32, .shards = 12};

// A rank's part of xgrad_test::Setup: model, optimizer and loader begin with other numbers on other
// ranks, and rank 0's count.
struct Setup : xgrad_test::Setup {
  explicit Setup(const Communicator& c)
      : data(xgrad_test::points(120, 1)),
        of_rank(data, {.batch_size = local_batch_size(c, kBatches),
                       .seed = 3 + c.rank(),
                       .sampler = distributed_sampler(c, kBatches)}) {
    if (c.rank() > 0) net.parameters()[0].tensor.mutable_data()[0] = 7;
    options.communicator = &c;
    options.data_parallel.shards = 12;
  }
  Ema<float>& with_average() {
    average.emplace(net.state_dict(), EmaOptions{.decay = 0.9});
    options.average = &*average;
    return *average;
  }

  LabeledDataset<float> data;
  Loader of_rank;
  Options options;
  std::optional<Ema<float>> average;
};

// f on the first n ranks.
void on_ranks(std::size_t n, const std::function<void(const Communicator&)>& f) {
  for_groups([&](const Communicator& c) {
    if (c.size() == n) f(c);
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(trainer)

// Curves and weights have the same bits for any number of ranks: accumulation, averaged weights,
// schedule, early stopping, penalty, batch normalisation and dropout in play.
BOOST_AUTO_TEST_CASE(any_number_of_ranks_gives_the_same_bits) {
  History curves_of_one;
  std::vector<float> weights_of_one;
  for (const std::size_t accumulate : {1UL, 3UL}) {
    for_groups([&](const Communicator& c) {
      Setup s(c);
      s.with_average();
      std::ostringstream progress;
      s.options.progress = &progress;
      s.options.epochs = 3;
      s.options.accumulate = accumulate;
      s.options.clip_norm = 1;
      s.options.schedule = CosineDecay{.duration = 3};
      s.options.penalty = [&] { return 0.01F * sum(square(s.net.parameters()[0].tensor)); };
      s.options.patience = 2;
      s.options.restore_best = true;
      auto trainer = s.trainer(s.options);
      const History curves = trainer.fit(s.of_rank, s.validation);
      BOOST_TEST(trainer.steps_done() == (accumulate == 1 ? 12U : 6U));
      BOOST_TEST(progress.str().empty() == (c.rank() != 0));
      if (c.size() == 1) curves_of_one = curves, weights_of_one = s.weights();
      if (test::world().rank() == 0 || c.size() > 1) {
        for (const std::string& json : c.all_gather(curves.json()))
          BOOST_TEST(json == curves.json());
      }
      if (c.rank() != 0) return;
      BOOST_TEST((curves == curves_of_one));
      BOOST_TEST(xgrad_test::same_bits(s.weights(), weights_of_one));
      BOOST_TEST(curves.last("train loss") < curves.curve("train loss")[0]);
    });
  }
}

// The step of several batches is that of the mean over their samples.
BOOST_AUTO_TEST_CASE(accumulated_batches_are_one_large_one) {
  const LabeledDataset<float> data = xgrad_test::points(40, 1);
  for_groups([&](const Communicator& c) {
    manual_seed(1);
    Sequential<double> net{Linear<double>(2, 5), Tanh<double>(), Linear<double>(5, 3)};
    DataParallel<double> parallel(c, net, {.shards = 4, .bucket_bytes = 64});
    const Tensor<double> x(Array<double>(xt::cast<double>(data.inputs())));
    const auto run = [&](std::size_t first, std::size_t last, bool keep) {
      const std::size_t n = last - first;
      const Part own{first + n * (4 * c.rank() / c.size()) / 4,
                     first + n * (4 * (c.rank() + 1) / c.size()) / 4};
      const auto loss = [&](Part p) {
        const Part at{own.first + p.first, own.first + p.last};
        return cross_entropy(net(at.of(x)), at.of(data.labels()));
      };
      return keep ? parallel.accumulate(own.size(), loss) : parallel.gradients(own.size(), loss);
    };
    for (int repeated = 0; repeated < 2; ++repeated) {
      const double a = run(0, 9, true), b = run(9, 23, true);
      BOOST_TEST(!net.parameters()[0].tensor.has_grad());
      const double last = run(23, 40, false);
      std::vector<Tensor<double>> gradients;
      for (const auto& p : net.parameters()) gradients.push_back(p.tensor.gradient().clone());
      net.zero_grad();
      const Tensor<double> whole = cross_entropy(net(x), data.labels());
      whole.backward();
      BOOST_TEST(std::abs((9 * a + 14 * b + 17 * last) / 40 - whole.item()) < 1e-14);
      const auto parameters = net.parameters();
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        BOOST_TEST(max(abs(parameters[i].tensor.gradient() - gradients[i])).item() < 1e-15);
        BOOST_TEST(test::same_everywhere(c, gradients[i]));
      }
    }
    check_failure<std::runtime_error>(
        [&] {
          parallel.accumulate(
              40 * (4 * (c.rank() + 1) / c.size()) / 4 - 40 * (4 * c.rank() / c.size()) / 4,
              [](Part) -> Tensor<double> { throw std::runtime_error("thrown"); });
        },
        "thrown");
    const double alone = run(0, 40, false);
    net.zero_grad();
    BOOST_TEST(std::abs(alone - cross_entropy(net(x), data.labels()).item()) < 1e-14);
  });
}

// Figures of several ranks are those of one process.
BOOST_AUTO_TEST_CASE(evaluation) {
  Generator generator(4);
  const Tensor<double> x = normal<double>({53, 2}, 0, 1, generator),
                       y = normal<double>({53, 3}, 5, 1, generator);
  const TargetDataset<double> data(x.value(), y.value());
  for_groups([&](const Communicator& c) {
    manual_seed(1);
    Linear<double> net(2, 3);
    for (const std::size_t batch_size : {4UL, 60UL}) {
      DataLoader loader(data, {.batch_size = batch_size, .shuffle = true, .seed = c.rank()});
      const LoaderState before = loader.state();
      auto task = regression<double>();
      task.metrics.push_back(mae<double>());
      const Figures found = evaluate(net, loader, task, c);
      BOOST_TEST((loader.state() == before));
      const Figures expected = evaluate(net, loader, task);
      BOOST_TEST(found.size() == 4U);
      for (std::size_t i = 0; i < found.size(); ++i)
        BOOST_TEST(
            std::abs(found[i].second - expected[i].second) < 1e-14 * std::abs(expected[i].second),
            found[i].first);
    }
    const LabeledDataset<double> none(Array<double>(Array<double>::shape_type{0, 2}),
                                      Indices(Indices::shape_type{0}));
    DataLoader empty(none, {});
    BOOST_TEST(evaluate(net, empty, classification<double>(), c).empty());
  });
}

// A run that stopped in the middle of an epoch goes on with any other number of ranks, with nothing but
// the file, which one process can read.
BOOST_AUTO_TEST_CASE(resumption_with_another_number_of_ranks) {
  std::vector<float> weights;
  History curves;
  const auto run = [&](const Communicator& c, const std::string& path, std::size_t stop_at) {
    Setup s(c);
    s.with_average();
    s.options.epochs = 4;
    s.options.accumulate = 2;
    s.options.patience = 3;
    s.options.restore_best = true;
    s.options.checkpoint = path;
    s.options.resume = true;
    std::size_t restored = 0;
    s.options.on_save = [](Checkpoint<float>& k) { k.numbers["own"] = 5; };
    s.options.on_restore = [&](const Checkpoint<float>& k) {
      restored += k.numbers.at("own") == 5;
    };
    Trainer<float, LabeledBatch<float>>* running = nullptr;
    s.options.after_step = [&](const StepReport& r) {
      if (r.step == stop_at && c.rank() + 1 == c.size()) running->stop();
    };
    auto trainer = s.trainer(s.options);
    running = &trainer;
    const History h = trainer.fit(s.of_rank, s.validation);
    BOOST_TEST((trainer.stop_reason() == StopReason::requested) == (stop_at > 0));
    if (c.size() == 1 && stop_at == 0 && restored == 0) weights = s.weights(), curves = h;
    if (c.rank() != 0 || stop_at > 0) return;
    BOOST_TEST(xgrad_test::same_bits(s.weights(), weights));
    BOOST_TEST((h == curves));
  };
  on_ranks(1, [&](const Communicator& c) { run(c, test::file(c, "whole.ckpt"), 0); });
  for (std::size_t first = 1; first <= test::world().size(); ++first) {
    std::string path;
    on_ranks(first,
             [&](const Communicator& c) { run(c, path = test::file(c, "stopped.ckpt"), 5); });
    for (std::size_t second = 1; second <= test::world().size(); ++second) {
      on_ranks(second, [&](const Communicator& c) {
        const std::string copy = test::file(c, "resumed.ckpt");
        if (c.rank() == 0) std::filesystem::copy_file(path, copy);
        c.barrier();
        run(c, copy, 0);
      });
    }
  }
}

// A signal that one rank gets stops all after the same step, with a checkpoint.
BOOST_AUTO_TEST_CASE(interruption) {
  for_groups([](const Communicator& c) {
    Setup s(c);
    s.options.checkpoint = test::file(c, "interrupted.ckpt");
    s.options.after_step = [&](const StepReport& r) {
      if (r.step == 9 && c.rank() + 1 == c.size()) std::raise(SIGTERM);
    };
    auto trainer = s.trainer(s.options);
    trainer.fit(s.of_rank);
    BOOST_TEST((trainer.stop_reason() == StopReason::interrupted));
    BOOST_TEST(trainer.steps_done() == 9U);
    BOOST_TEST(load_checkpoint<float>(s.options.checkpoint).numbers.at("Trainer/step") == 9);
  });
}

// The scores of a search are those of one process, on all ranks; runs in the log are not repeated.
BOOST_AUTO_TEST_CASE(search_over_ranks) {
  SearchSpace space;
  space.uniform("x", -1, 1).choice("kind", {"good", "bad"});
  const auto settings = random_settings(space, 9);
  for_groups([&](const Communicator& c) {
    std::size_t runs = 0;
    const auto objective = [&](const Trial& t) {
      ++runs;
      if (t.setting.text("kind") == "bad" && t.seed == 2) throw std::runtime_error("bad \xff");
      return t.setting.number("x") + normal<double>({1}, 0, 1).item();
    };
    std::size_t reported = 0;
    SearchOptions options{.seeds = {1, 2, 3},
                          .communicator = &c,
                          .log = test::file(c, "search.jsonl"),
                          .on_progress = [&](std::size_t done, std::size_t) { reported = done; }};
    const SearchResult found = search(settings, objective, options);
    BOOST_TEST(reported == (c.rank() == 0 ? 27U : 0U));
    BOOST_TEST((runs > 0) == (c.rank() > 0 || c.size() == 1));
    runs = 0;
    const SearchResult again = search(settings, objective, options);
    BOOST_TEST(runs == 0U);
    const SearchResult expected = search(settings, objective, {.seeds = {1, 2, 3}});
    for (const SearchResult* r : {&found, &again}) {
      BOOST_TEST(r->ranking().size() == 9U);
      for (std::size_t i = 0; i < 9; ++i) {
        BOOST_TEST((r->ranking()[i].setting == expected.ranking()[i].setting));
        BOOST_TEST(r->ranking()[i].failed() == expected.ranking()[i].failed());
        if (r->ranking()[i].failed()) continue;
        BOOST_TEST(r->ranking()[i].scores == expected.ranking()[i].scores,
                   boost::test_tools::per_element());
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(refusals) {
  for_groups([](const Communicator& c) {
    const bool last = c.rank() + 1 == c.size();
    const auto failure = [&](Setup& s) {
      std::string text;
      try {
        s.trainer(s.options).fit(s.of_rank);
      } catch (const std::exception& e) {
        text = e.what();
      }
      return text;
    };
    {
      Setup s(c);
      s.options.epochs = 1;
      s.options.checkpoint = "no/such/folder/run.ckpt";
      BOOST_TEST(failure(s).find("no/such/folder/run.ckpt") != std::string::npos);
    }
    {
      Setup s(c);
      s.options.after_step = [&](const StepReport&) {
        if (last)
          s.net.parameters()[0].tensor.mutable_data()[0] = std::numeric_limits<float>::quiet_NaN();
      };
      const std::vector<std::string> all = c.all_gather(failure(s));
      for (const std::string& text : all)
        BOOST_TEST(text == "Trainer: the loss is nan: epoch 1, batch 2, learning rate 0.02");
    }
    if (c.size() == 1) return;
    {
      Setup s(c);
      s.options.epochs = last ? 2 : 3;
      const std::string text = failure(s);
      BOOST_TEST(text.starts_with("Trainer: ranks differ: rank 0 has epochs 3, accumulate 1"));
    }
    {
      Setup s(c);
      Loader longer(s.train_data, {.batch_size = last ? 1UL : 50UL});
      check_failure<std::invalid_argument>([&] { s.trainer(s.options).fit(longer); },
                                           "Trainer: ranks differ: rank 0 has 2 batches, rank " +
                                               std::to_string(c.size() - 1) + " has 100 batches");
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
