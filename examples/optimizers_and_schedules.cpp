// Optimizers and schedules compared: one network, the same digits, the same number of steps.
//
//   optimizers_and_schedules [--samples 3000] [--epochs 5] [--seeds 8] [--processes 2]
//
// Shows: every first-order optimizer of the library with a constant rate, and SGD with momentum and
// Adam with each schedule. Every pair is tried at three rates, and judged at its best on digits of
// its own, over several seeds: a comparison at one rate for all would say nothing. Digits are drawn
// by the program.
//
// Expect, in about a minute: a table, best first, marked where the order may be chance, and
// `validation accuracy 0.914` or near: Adam and momentum whose rates fall, before those that keep
// theirs.
//
// CI: --samples 100 --epochs 1 --seeds 1

#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <xgrad/xgrad.hpp>

#include "shared/command_line.hpp"

using namespace xgrad;

namespace {

struct Settings {
  std::size_t samples = 3000, epochs = 5, seeds = 8, processes = 2;
};

using Parameters = NamedTensors<float>;
using Made = std::unique_ptr<Optimizer<float>>;
struct Method {
  double rate;  // a usual one
  std::function<Made(const Parameters&, double rate)> make;
};

template <template <class> class O, class Options>
Method method(double usual, Options options) {
  return {usual, [options](const Parameters& p, double rate) mutable -> Made {
            options.learning_rate = rate;
            return std::make_unique<O<float>>(p, options);
          }};
}

const std::map<std::string, Method> kOptimizers = {
    {"sgd", method<Sgd>(0.1, SgdOptions{})},
    {"momentum", method<Sgd>(0.03, SgdOptions{.momentum = 0.9})},
    {"nesterov", method<Sgd>(0.03, SgdOptions{.momentum = 0.9, .nesterov = true})},
    {"adagrad", method<Adagrad>(0.01, AdagradOptions{})},
    {"adadelta", method<Adadelta>(1, AdadeltaOptions{})},
    {"rmsprop", method<RmsProp>(1e-3, RmsPropOptions{})},
    {"adam", method<Adam>(2e-3, AdamOptions{})},
    {"adamax", method<Adamax>(4e-3, AdamaxOptions{})},
    {"nadam", method<Nadam>(2e-3, NadamOptions{})},
    {"radam", method<RAdam>(2e-3, RAdamOptions{})},
    {"lion", method<Lion>(3e-4, LionOptions{})}};

// Time is in epochs.
std::map<std::string, Schedule> schedules(double epochs) {
  return {{"constant", ConstantRate{}},
          {"step", StepDecay{.interval = epochs / 3, .factor = 0.3}},
          {"exponential", ExponentialDecay{.k = 3 / epochs}},
          {"inverse time", InverseTimeDecay{.k = 5 / epochs}},
          {"inverse sqrt", InverseSqrtDecay{.scale = epochs / 10}},
          {"linear", LinearDecay{.duration = epochs}},
          {"cosine", CosineDecay{.duration = epochs}},
          {"one cycle", OneCycle{.duration = epochs}},
          {"warm-up, cosine", sequence({{WarmUp{.duration = epochs / 10}, epochs / 10},
                                        {CosineDecay{.duration = 0.9 * epochs}, epochs}})}};
}

LabeledDataset<float> draw(std::size_t count, std::size_t first) {
  ImageData d = draw_digits(count, 1, {.first = first});
  return {std::move(d.images), std::move(d.labels)};
}

std::vector<Setting> settings() {
  std::vector<Setting> all;
  const auto add = [&](const std::string& optimizer, const std::string& schedule) {
    for (const double times : {0.5, 2.0, 8.0}) {
      all.push_back({{"optimizer", optimizer},
                     {"schedule", schedule},
                     {"rate", kOptimizers.at(optimizer).rate * times}});
    }
  };
  for (const auto& [name, unused] : kOptimizers) add(name, "constant");
  for (const auto& [name, unused] : schedules(1)) {
    if (name == "constant") continue;
    add("momentum", name);
    add("adam", name);
  }
  return all;
}

// Of each pair the setting with its best rate.
SearchResult best_rates(const SearchResult& all) {
  std::vector<SettingResult> best;
  for (const SettingResult& r : all.ranking()) {
    const auto same = [&](const SettingResult& other) {
      return other.setting.text("optimizer") == r.setting.text("optimizer") &&
             other.setting.text("schedule") == r.setting.text("schedule");
    };
    if (std::none_of(best.begin(), best.end(), same)) best.push_back(r);
  }
  return {std::move(best), all.maximize()};
}

double run(const Settings& s) {
  const auto data = draw(s.samples, 0), held_out = draw(2000, s.samples);
  const auto known = schedules(static_cast<double>(s.epochs));
  const auto train = [&](const Trial& t) {
    Sequential<float> net{Flatten<float>(), Linear<float>(784, 64), Relu<float>(),
                          Linear<float>(64, 10)};
    const auto optimizer = kOptimizers.at(t.setting.text("optimizer"))
                               .make(net.parameters(), t.setting.number("rate"));
    DataLoader loader(data, {.batch_size = 50, .shuffle = true, .seed = t.seed});
    DataLoader held_out_loader(held_out, {.batch_size = 500});
    Trainer trainer(net, *optimizer, classification<float>(),
                    {.epochs = s.epochs, .schedule = known.at(t.setting.text("schedule"))});
    trainer.fit(loader);
    return evaluate(net, held_out_loader, classification<float>()).at(1).second;
  };
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t i = 1; i <= s.seeds; ++i) seeds.push_back(i);
  const auto result = best_rates(
      search(settings(), train, {.maximize = true, .seeds = seeds, .processes = s.processes}));
  std::printf("%s%s\n", result.table(40).c_str(), result.conclusion().c_str());
  return result.best().mean();
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CommandLine app("Optimizers and schedules compared.");
  app.add_option("--samples", s.samples, "digits to learn from").capture_default_str();
  app.add_option("--epochs", s.epochs, "of each run").capture_default_str();
  app.add_option("--seeds", s.seeds, "runs of each setting").capture_default_str();
  app.add_option("--processes", s.processes, "at a time").capture_default_str();
  if (const auto end = app.parse(argc, argv)) return *end;
  try {
    std::printf("validation accuracy %.4f\n", run(s));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "optimizers_and_schedules: %s\n", e.what());
    return 1;
  }
}
