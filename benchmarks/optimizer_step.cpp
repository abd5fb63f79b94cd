// Two figures of training that have a target, each beside what it is measured against, in the same
// process and in turn, one thread:
//
//   optimizer_step [rounds]
//
// - A step of an optimizer on 1e7 float parameters, and a fused loop written by hand. Target: 80 %
//   of the loop's bandwidth.
// - Training steps of a perceptron 784-512-256-10, batch 128, and its eight bare matrix products.
//   Targets: with SGD and momentum 1.15 times the products; with BatchNorm, Dropout and Adam 0.3 ms
//   more.
//
// Times are the best of the rounds, as others share the machine. (-march=native -ffast-math is for
// the loops by hand; the library has its own flags.)

#include <cblas.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "xgrad/autograd/array.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/dropout.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/normalization.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/optimizers/adam.hpp"
#include "xgrad/optimizers/lion.hpp"
#include "xgrad/optimizers/rmsprop.hpp"
#include "xgrad/optimizers/sgd.hpp"

namespace {

using namespace xgrad;
using Work = std::function<void()>;

// Best time of each piece of work, in ms; they take turns.
std::vector<double> best_times(int rounds, const std::vector<Work>& works) {
  std::vector<double> best(works.size(), 1e9);
  for (int r = 0; r < rounds; ++r) {
    for (std::size_t i = 0; i < works.size(); ++i) {
      const auto start = std::chrono::steady_clock::now();
      works[i]();
      const std::chrono::duration<double, std::milli> t = std::chrono::steady_clock::now() - start;
      best[i] = std::min(best[i], t.count());
    }
  }
  return best;
}

// --- Optimizers on 1e7 parameters ---

constexpr std::size_t kParameters = 10'000'000;

// Memory of the kind that tensors have.
struct Buffers {
  Tensor<float> w = Tensor<float>::filled({kParameters}, 1);
  Tensor<float> g = Tensor<float>::filled({kParameters}, 1e-3F);
  Tensor<float> m = Tensor<float>::filled({kParameters}, 0);
  Tensor<float> v = Tensor<float>::filled({kParameters}, 0);
};

struct Pointers {
  float* __restrict w;
  const float* __restrict g;
  float* __restrict m;
  float* __restrict v;
};

template <class Body>
Work by_hand(const std::shared_ptr<Buffers>& b, Body body) {
  return [b, body] {
    const Pointers p{b->w.mutable_data(), b->g.data(), b->m.mutable_data(), b->v.mutable_data()};
    for (std::size_t i = 0; i < kParameters; ++i) body(p, i);
  };
}

template <class O, class Options>
Work by_library(const Options& options) {
  Tensor<float> w = parameter(Tensor<float>::filled({kParameters}, 1));
  w.set_gradient(Tensor<float>::filled({kParameters}, 1e-3F));
  auto optimizer = std::make_shared<O>(std::vector{w}, options);
  return [w, optimizer] { optimizer->step(); };
}

void report(const char* name, int rounds, double floats, const Work& hand, const Work& library) {
  const std::vector<double> t = best_times(rounds, {hand, library});
  const auto rate = [&](double ms) { return floats * 4 * kParameters / ms * 1e-6; };
  std::printf("%-10s%12.2f%12.2f%12.1f%12.1f%9.0f %%\n", name, t[0], t[1], rate(t[0]), rate(t[1]),
              100 * t[0] / t[1]);
}

void optimizers(int rounds) {
  std::printf("%-10s%12s%12s%12s%12s%11s\n", "1e7 float", "hand ms", "xgrad ms", "hand GB/s",
              "xgrad GB/s", "share");
  const auto b = std::make_shared<Buffers>();
  report("sgd", rounds, 3,
         by_hand(b, [](const Pointers& p, std::size_t i) { p.w[i] -= 1e-3F * p.g[i]; }),
         by_library<Sgd<float>>(SgdOptions{.learning_rate = 1e-3}));
  report("momentum", rounds, 5,
         by_hand(b,
                 [](const Pointers& p, std::size_t i) {
                   p.m[i] = 0.9F * p.m[i] + p.g[i];
                   p.w[i] -= 1e-3F * p.m[i];
                 }),
         by_library<Sgd<float>>(SgdOptions{.learning_rate = 1e-3, .momentum = 0.9}));
  report("rmsprop", rounds, 5,
         by_hand(b,
                 [](const Pointers& p, std::size_t i) {
                   p.v[i] = 0.99F * p.v[i] + 0.01F * p.g[i] * p.g[i];
                   p.w[i] -= 1e-3F * p.g[i] / (std::sqrt(p.v[i]) + 1e-8F);
                 }),
         by_library<RmsProp<float>>(RmsPropOptions{.learning_rate = 1e-3}));
  report("adam", rounds, 7,
         by_hand(b,
                 [](const Pointers& p, std::size_t i) {
                   p.m[i] = 0.9F * p.m[i] + 0.1F * p.g[i];
                   p.v[i] = 0.999F * p.v[i] + 0.001F * p.g[i] * p.g[i];
                   p.w[i] -= 1e-3F * p.m[i] / (std::sqrt(p.v[i]) + 1e-8F);
                 }),
         by_library<Adam<float>>(AdamOptions{}));
  report("adamw", rounds, 7,
         by_hand(b,
                 [](const Pointers& p, std::size_t i) {
                   p.m[i] = 0.9F * p.m[i] + 0.1F * p.g[i];
                   p.v[i] = 0.999F * p.v[i] + 0.001F * p.g[i] * p.g[i];
                   p.w[i] = 0.99999F * p.w[i] - 1e-3F * p.m[i] / (std::sqrt(p.v[i]) + 1e-8F);
                 }),
         by_library<AdamW<float>>(AdamWOptions{}));
  report("lion", rounds, 5,
         by_hand(b,
                 [](const Pointers& p, std::size_t i) {
                   const float c = 0.9F * p.m[i] + 0.1F * p.g[i];
                   p.m[i] = 0.99F * p.m[i] + 0.01F * p.g[i];
                   p.w[i] -= 1e-4F * (c > 0 ? 1.0F : c < 0 ? -1.0F : 0.0F);
                 }),
         by_library<Lion<float>>(LionOptions{}));
}

// --- A training step ---

constexpr std::size_t kBatch = 128;
constexpr std::size_t kSizes[] = {784, 512, 256, 10};

Work training_step(Sequential<float> layers,
                   const std::function<std::shared_ptr<Optimizer<float>>(Module<float>&)>& make) {
  auto net = std::make_shared<Sequential<float>>(std::move(layers));
  const auto optimizer = make(*net);
  const Tensor<float> x = normal<float>({kBatch, kSizes[0]});
  Indices labels(Indices::shape_type{kBatch});
  for (std::size_t i = 0; i < kBatch; ++i) labels.data()[i] = static_cast<std::int64_t>(i % 10);
  return [=] {
    optimizer->zero_grad();
    cross_entropy((*net)(x), labels).backward();
    optimizer->step();
  };
}

Work plain_step() {
  return training_step(Sequential<float>{Linear<float>(kSizes[0], kSizes[1]), Relu<float>(),
                                         Linear<float>(kSizes[1], kSizes[2]), Relu<float>(),
                                         Linear<float>(kSizes[2], kSizes[3])},
                       [](Module<float>& net) {
                         return std::make_shared<Sgd<float>>(
                             net.parameters(), SgdOptions{.learning_rate = 0.01, .momentum = 0.9});
                       });
}

Work regularised_step() {
  return training_step(
      Sequential<float>{Linear<float>(kSizes[0], kSizes[1]), BatchNorm<float>(kSizes[1]),
                        Relu<float>(), Dropout<float>(0.5), Linear<float>(kSizes[1], kSizes[2]),
                        BatchNorm<float>(kSizes[2]), Relu<float>(), Dropout<float>(0.5),
                        Linear<float>(kSizes[2], kSizes[3])},
      [](Module<float>& net) { return std::make_shared<Adam<float>>(net.parameters()); });
}

// The forward product of each layer, the weight's gradient, and the input's but for the first.
Work bare_products() {
  struct Layer {
    int in, out;
    Tensor<float> x, w, y, gx, gw;
  };
  std::vector<Layer> layers;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t in = kSizes[i], out = kSizes[i + 1];
    layers.push_back({static_cast<int>(in), static_cast<int>(out), normal<float>({kBatch, in}),
                      normal<float>({out, in}), normal<float>({kBatch, out}),
                      normal<float>({kBatch, in}), normal<float>({out, in})});
  }
  return [layers]() mutable {
    constexpr int n = static_cast<int>(kBatch);
    for (Layer& l : layers) {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, l.out, l.in, 1, l.x.data(), l.in,
                  l.w.data(), l.in, 0, l.y.mutable_data(), l.out);
      cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, l.out, l.in, n, 1, l.y.data(), l.out,
                  l.x.data(), l.in, 0, l.gw.mutable_data(), l.in);
      if (&l == layers.data()) continue;
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, l.in, l.out, 1, l.y.data(), l.out,
                  l.w.data(), l.in, 0, l.gx.mutable_data(), l.in);
    }
  };
}

void training(int rounds) {
  const std::vector<double> t =
      best_times(20 * rounds, {bare_products(), plain_step(), regularised_step()});
  std::printf("\nbare products                    %.3f ms\n", t[0]);
  std::printf("step, SGD with momentum          %.3f ms, at most %.3f ms wanted\n", t[1],
              1.15 * t[0]);
  std::printf("step, BatchNorm, Dropout, Adam   %.3f ms, at most %.3f ms wanted\n", t[2],
              1.15 * t[0] + 0.3);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = count_argument(argc, argv, 1, 30, "optimizer_step [rounds]");
  set_num_threads(1);
  openblas_set_num_threads(1);
  optimizers(rounds);
  training(rounds);
}
