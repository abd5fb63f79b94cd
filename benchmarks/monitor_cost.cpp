// What watching a training costs: steps of the perceptron 784-512-256-10 with momentum, with a Monitor that watches
// every 50th step, that traces, and that does both, each beside the same steps without one, in turns. Targets: watching
// 3 % of a step, a trace 5 %.
//
//   monitor_cost [samples of a batch, default 32 [rounds, default 40]]
//
// Times of the processor, which others who share the machine hardly change; medians of the ratios of neighbours, with
// the quartiles, and the ratio of a second training without a monitor to the first: the noise.

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string>
#include <vector>
#include <xgrad/xgrad.hpp>

#include "arguments.hpp"

namespace {

using namespace xgrad;

constexpr std::size_t kSteps = 50;  // of a round: one of them is watched

// One model for all, so that where its numbers lie in memory makes no difference.
class Training {
 public:
  explicit Training(std::size_t batch) {
    Generator generator(1);
    x_ = normal<float>({batch, 784}, 0, 1, generator);
    labels_ = random_integers({batch}, 0, 10, generator);
  }
  double milliseconds(const std::optional<MonitorOptions>& options) {  // of a step
    std::optional<Monitor<float>> monitor;
    if (options) monitor.emplace(net_, sgd_, *options);
    const std::clock_t start = std::clock();
    for (std::size_t i = 0; i < kSteps; ++i) step(monitor ? &*monitor : nullptr);
    return 1e3 * static_cast<double>(std::clock() - start) / double{CLOCKS_PER_SEC} / kSteps;
  }

 private:
  void step(Monitor<float>* monitor) {
    sgd_.zero_grad();
    const Tensor<float> loss = cross_entropy(net_(x_), labels_);
    if (monitor != nullptr) monitor->before_backward(loss);
    loss.backward();
    if (monitor != nullptr) monitor->before_step();
    sgd_.step();
    if (monitor != nullptr) monitor->after_step();
  }

  Sequential<float> net_{Linear<float>(784, 512), Relu<float>(), Linear<float>(512, 256),
                         Relu<float>(), Linear<float>(256, 10)};
  Sgd<float> sgd_{net_.parameters(), {.learning_rate = 1e-3, .momentum = 0.9}};
  Tensor<float> x_;
  Indices labels_;
};

double quantile(std::vector<double> v, double q) {
  std::sort(v.begin(), v.end());
  return v[static_cast<std::size_t>(q * static_cast<double>(v.size() - 1) + 0.5)];
}

void compare(std::size_t batch, int rounds) {
  const std::vector<std::pair<std::string, std::optional<MonitorOptions>>> kinds = {
      {"none again", std::nullopt},
      {"every 50th", MonitorOptions{}},
      {"trace", MonitorOptions{.every = 0, .trace = true}},
      {"both", MonitorOptions{.trace = true}}};
  Training training(batch);
  std::vector<double> base;
  std::vector<std::vector<double>> ratios(kinds.size());
  for (int i = -2; i < rounds; ++i) {  // two to warm up
    for (std::size_t k = 0; k < kinds.size(); ++k) {
      // Each in front as often as behind.
      double with = 0, without = 0;
      if (i % 2 == 0) with = training.milliseconds(kinds[k].second);
      without = training.milliseconds(std::nullopt);
      if (i % 2 != 0) with = training.milliseconds(kinds[k].second);
      if (i < 0) continue;
      base.push_back(without);
      ratios[k].push_back(100 * (with / without - 1));
    }
  }
  std::printf("batches of %zu: %.3f ms a step\n", batch, quantile(base, 0.5));
  for (std::size_t k = 0; k < kinds.size(); ++k)
    std::printf("  %-12s%+7.2f %%   quartiles %+.2f %+.2f\n", kinds[k].first.c_str(),
                quantile(ratios[k], 0.5), quantile(ratios[k], 0.25), quantile(ratios[k], 0.75));
}

}  // namespace

int main(int argc, char** argv) {
  set_num_threads(1);
  const char* const usage = "monitor_cost [samples of a batch [rounds]]";
  const int batch = count_argument(argc, argv, 1, 32, usage);
  compare(static_cast<std::size_t>(batch), count_argument(argc, argv, 2, 40, usage));
}
