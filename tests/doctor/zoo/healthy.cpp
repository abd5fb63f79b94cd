// A hundred programs with nothing wrong: seeds, data, architectures, optimizers, batch sizes, hard
// tasks and noise in the labels.

#include "tests/doctor/zoo/program.hpp"

namespace zoo {
namespace {

using namespace xgrad;

std::unique_ptr<Net> normalized(std::size_t in, std::size_t out) {
  auto net = std::make_unique<Sequential<float>>();
  net->emplace<Linear<float>>(in, 24);
  net->emplace<BatchNorm<float>>(24);
  net->emplace<Relu<float>>();
  net->emplace<Dropout<float>>(0.2);
  net->emplace<Linear<float>>(24, 24);
  net->emplace<LayerNorm<float>>(24);
  net->emplace<Gelu<float>>();
  net->emplace<Linear<float>>(24, out);
  return net;
}

std::unique_ptr<Net> residual(std::size_t in, std::size_t out) {
  auto net = std::make_unique<Sequential<float>>();
  net->emplace<Linear<float>>(in, 24);
  for (int i = 0; i < 3; ++i) {
    net->append(Residual<float>(Sequential<float>{Relu<float>(), Linear<float>(24, 24),
                                                  Relu<float>(), Linear<float>(24, 24)},
                                {.zero_last = true}));
  }
  net->emplace<Linear<float>>(24, out);
  return net;
}

std::unique_ptr<Net> convolutional(std::size_t out) {
  auto net = std::make_unique<Sequential<float>>();
  net->emplace<Conv2d<float>>(1, 8, 3);
  net->emplace<Relu<float>>();
  net->emplace<Conv2d<float>>(8, 8, 3);
  net->emplace<Relu<float>>();
  net->emplace<Flatten<float>>();
  net->emplace<Linear<float>>(128, out);
  return net;
}

using Model = std::function<std::unique_ptr<Net>()>;

Model model(std::size_t kind, std::size_t in, std::size_t out) {
  return [=]() -> std::unique_ptr<Net> {
    switch (kind % 8) {
      case 0:
        return mlp({in, 32, out}, "relu", false);
      case 1:
        return mlp({in, 32, 32, out}, "tanh");
      case 2:
        return mlp({in, 32, out}, "sigmoid");
      case 3:
        return mlp({in, 24, 24, 24, 24, out}, "relu");
      case 4:
        return normalized(in, out);
      case 5:
        return residual(in, out);
      case 6:
        return mlp({in, 64, 64, out}, "relu", false);
      default:
        return mlp({in, out}, "relu");  // linear
    }
  };
}

template <class O, class Options>
auto with(Options options) {
  return [options](Net& net) -> std::unique_ptr<Optimizer> {
    return std::make_unique<O>(net.parameters(), options);
  };
}

std::function<std::unique_ptr<Optimizer>(Net&)> optimizer(std::size_t kind) {
  switch (kind % 6) {
    case 0:
      return with<Adam<float>>(AdamOptions{.learning_rate = 1e-3});
    case 1:
      return with<Sgd<float>>(SgdOptions{.learning_rate = 0.1});
    case 2:
      return with<Sgd<float>>(SgdOptions{.learning_rate = 0.02, .momentum = 0.9});
    case 3:
      return with<AdamW<float>>(AdamWOptions{.learning_rate = 3e-3});
    case 4:
      return with<Adam<float>>(AdamOptions{.learning_rate = 1e-2});
    default:
      return with<Sgd<float>>(
          SgdOptions{.learning_rate = 0.05, .momentum = 0.9, .weight_decay = 5e-4});
  }
}

Program on_data(std::size_t kind, std::uint64_t seed) {
  const double noises[] = {0, 0, 0.2, 0.4};
  const double noise = noises[seed % 4];
  switch (kind % 5) {
    case 0:
      return {.data = blobs(500, 8, 4, seed, noise), .model = model(seed, 8, 4)};
    case 1:
      return {.data = moons(600, seed, noise), .model = model(seed / 2, 2, 2)};
    case 2:
      return {.data = waves(600, 5, seed, noise), .model = model(seed, 5, 1)};
    case 3:
      return {.data = blobs(800, 20, 10, seed, noise, 1.2), .model = model(seed / 3, 20, 10)};
    default:
      if (seed % 2 == 1) return {.data = spirals(600, seed, noise / 2), .model = model(3, 2, 2)};
      return {.data = images(500, seed, noise), .model = [] { return convolutional(4); }};
  }
}

}  // namespace

std::vector<Program> healthy() {
  std::vector<Program> all;
  constexpr std::size_t kBatches[] = {32, 16, 64, 8, 350};
  for (std::size_t i = 0; i < 100; ++i) {
    Program p = on_data(i, 17 * i + 1);
    p.name = "healthy " + std::to_string(i);
    p.optimizer = optimizer(i / 5 + i);
    p.batch_size = kBatches[(i / 3) % 5];
    p.epochs = p.batch_size >= 64 ? 30 : p.batch_size == 8 ? 5 : 10;
    all.push_back(std::move(p));
  }
  return all;
}

}  // namespace zoo
