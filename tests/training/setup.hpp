#pragma once

// A small training that is the same each time.

#include <cmath>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/training/trainer.hpp"

namespace xgrad_test {

using namespace xgrad;

using Loader = DataLoader<LabeledDataset<float>>;
using Options = TrainerOptions<float>;

// Points around three centres.
inline LabeledDataset<float> points(std::size_t n, std::uint64_t seed) {
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

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace xgrad_test
