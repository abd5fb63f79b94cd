// Regularisation compared: a large network, few digits, and what keeps it from learning them
// by heart.
//
//   regularization [--samples 500] [--epochs 40] [--seeds 3] [--processes 2]
//
// Shows: no regularisation, L2 and L1 penalties, weight decay, Dropout, DropConnect, BatchNorm,
// label smoothing, noise on the inputs, early stopping, and an average of the weights, each by
// itself with a usual strength and the rest the same. Digits are drawn by the program.
//
// Expect, in about 15 seconds: a table of training and test accuracy with the gap between them,
// best test accuracy first, and `test accuracy` of the best, 0.8527. Differences smaller than two
// standard errors may be chance.
//
// CI: --samples 100 --epochs 2 --seeds 1

#include <cstdio>
#include <map>
#include <string>
#include <xgrad/xgrad.hpp>

#include "shared/command_line.hpp"

using namespace xgrad;

namespace {

struct Settings {
  std::size_t samples = 500, epochs = 40, seeds = 3, processes = 2;
};

struct Data {
  LabeledDataset<float> train, validation, test;
};

LabeledDataset<float> draw(std::size_t count, std::size_t first) {
  ImageData d = draw_digits(count, 1, {.first = first});
  return {std::move(d.images), std::move(d.labels)};
}

// 784-256-256-10 with what the method puts between.
Sequential<float> make_net(const std::string& method) {
  Sequential<float> net;
  net.append(Flatten<float>());
  if (method == "noise") net.append(GaussianNoise<float>(0.3));
  std::size_t in = 784;
  for (int layer = 0; layer < 2; ++layer) {
    if (method == "drop connect") {
      net.append(DropConnect<float>(in, 256, {.p = 0.5}));
    } else {
      net.append(Linear<float>(in, 256));
    }
    if (method == "batch norm") net.append(BatchNorm<float>(256));
    net.append(Relu<float>());
    if (method == "dropout") net.append(Dropout<float>(0.5));
    in = 256;
  }
  net.append(Linear<float>(in, 10));
  return net;
}

struct Accuracies {
  double train, test;
};

Accuracies train_with(const std::string& method, const Data& data, std::size_t epochs,
                      std::uint64_t seed) {
  Sequential<float> net = make_net(method);
  const auto weights = filter_parameters(net.parameters(), matrices());
  AdamW<float> optimizer(net.parameters(), {.learning_rate = 1e-3,
                                            .weight_decay = method == "weight decay" ? 0.3 : 0.0,
                                            .decay = {.only = matrices()}});
  Ema<float> average(net.state_dict(), {.decay = 0.98});
  TrainerOptions<float> options{.epochs = epochs};
  if (method == "l2") options.penalty = [&] { return l2_penalty(weights, 3e-3); };
  if (method == "l1") options.penalty = [&] { return l1_penalty(weights, 2e-4); };
  if (method == "average") options.average = &average;
  if (method == "early stopping") {
    options.patience = 5;
    options.restore_best = true;
  }
  const double smoothing = method == "label smoothing" ? 0.1 : 0;
  DataLoader loader(data.train, {.batch_size = 50, .shuffle = true, .seed = seed});
  DataLoader validation(data.validation, {.batch_size = 500});
  DataLoader test(data.test, {.batch_size = 500});
  Trainer trainer(net, optimizer, classification<float>({.label_smoothing = smoothing}), options);
  if (method == "early stopping") {
    trainer.fit(loader, validation);
  } else {
    trainer.fit(loader);
  }
  if (method == "average") average.swap();
  const auto accuracy = [&](auto& from) {
    return evaluate(net, from, classification<float>()).at(1).second;
  };
  return {accuracy(loader), accuracy(test)};
}

double run(const Settings& s) {
  // Early stopping takes its validation part from the training part, as it would have to.
  const Data data{draw(s.samples, 0), draw(s.samples / 5, s.samples), draw(2000, 2 * s.samples)};
  std::vector<Setting> settings;
  for (const char* method :
       {"none", "l2", "l1", "weight decay", "dropout", "drop connect", "batch norm",
        "label smoothing", "noise", "early stopping", "average"}) {
    settings.push_back({{"method", std::string(method)}});
  }
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t i = 1; i <= s.seeds; ++i) seeds.push_back(i);
  const SearchOptions options{.maximize = true, .seeds = seeds, .processes = s.processes};
  const auto part = [&](double Accuracies::*which) {
    return search(
        settings,
        [&](const Trial& t) {
          return train_with(t.setting.text("method"), data, s.epochs, t.seed).*which;
        },
        options);
  };
  const SearchResult test = part(&Accuracies::test), train = part(&Accuracies::train);
  std::printf("%-16s %8s %18s %8s\n", "method", "training", "test", "gap");
  for (const SettingResult& r : test.ranking()) {
    for (const SettingResult& other : train.ranking()) {
      if (other.setting != r.setting) continue;
      std::printf("%-16s %8.4f %8.4f +- %.4f %9.4f\n", r.setting.text("method").c_str(),
                  other.mean(), r.mean(), r.standard_error(), other.mean() - r.mean());
    }
  }
  std::printf("%s\n", test.conclusion().c_str());
  return test.best().mean();
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CommandLine app("Regularisation compared.");
  app.add_option("--samples", s.samples, "digits to learn from").capture_default_str();
  app.add_option("--epochs", s.epochs, "of each run").capture_default_str();
  app.add_option("--seeds", s.seeds, "runs of each method").capture_default_str();
  app.add_option("--processes", s.processes, "at a time").capture_default_str();
  if (const auto end = app.parse(argc, argv)) return *end;
  try {
    std::printf("test accuracy %.4f\n", run(s));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "regularization: %s\n", e.what());
    return 1;
  }
}
