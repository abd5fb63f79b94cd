// How fast a DataLoader delivers batches of 128 images of 28 x 28 in random order, beside the
// training step of 784-512-256-10 that consumes them, one thread for both. Target: the loader alone
// is 20 times as fast.
//
//   loader_rate [folder with the IDX files]      without a folder: numbers of the same shape
//
// The first figures are times of the processor, which others who share the machine hardly change;
// prefetching counts both threads. The last are times on the wall: with prefetching a batch is made
// while the step before it runs. All are the best of three passes.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "xgrad/data/augmentation.hpp"
#include "xgrad/data/idx.hpp"
#include "xgrad/data/image_changes.hpp"
#include "xgrad/data/loader.hpp"
#include "xgrad/data/split.hpp"
#include "xgrad/kernels/parallel.hpp"
#include "xgrad/modules/activations.hpp"
#include "xgrad/modules/linear.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/modules/shapes.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/losses.hpp"
#include "xgrad/optimizers/sgd.hpp"

namespace {

using namespace xgrad;

using Images = LabeledDataset<float>;
using Batch = LabeledBatch<float>;

struct Milliseconds {
  double processor = 1e9, wall = 1e9;
};

// Of a batch.
template <class Source, class Consume>
Milliseconds best_times(const Source& data, std::size_t prefetch, Consume&& consume) {
  DataLoader loader(data, {.batch_size = 128, .shuffle = true, .prefetch = prefetch});
  Milliseconds best;
  for (int pass = 0; pass < 3; ++pass) {
    const std::clock_t processor = std::clock();
    const auto wall = std::chrono::steady_clock::now();
    for (const Batch& batch : loader) consume(batch);
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - wall;
    const double share = 1e3 / static_cast<double>(loader.size());
    best.processor =
        std::min(best.processor,
                 share * static_cast<double>(std::clock() - processor) / double{CLOCKS_PER_SEC});
    best.wall = std::min(best.wall, share * passed.count());
  }
  return best;
}

Images load(int argc, char** argv) {
  if (argc > 1) {
    ImageData d = load_idx(argv[1], Split::train);
    return {std::move(d.images), std::move(d.labels)};
  }
  return {Array<float>(Array<float>::shape_type{60000, 28, 28}, 0.5F),
          Indices(Indices::shape_type{60000}, 3)};
}

Batch standardised(Batch batch) {
  batch.inputs = (batch.inputs - 0.1307F) / 0.3081F;
  return batch;
}

// The training step of a perceptron.
class Step {
 public:
  void operator()(const Batch& batch) {
    optimizer_.zero_grad();
    cross_entropy(net_(batch.inputs), batch.labels).backward();
    optimizer_.step();
  }

 private:
  Sequential<float> net_{Flatten<float>(),        Linear<float>(784, 512), Relu<float>(),
                         Linear<float>(512, 256), Relu<float>(),           Linear<float>(256, 10)};
  Sgd<float> optimizer_{net_.parameters(), {.learning_rate = 1e-3, .momentum = 0.9}};
};

template <class Source>
void report(const char* name, const Source& source, double step) {
  const auto nothing = [](const Batch&) {};
  Step train;
  std::vector<std::int64_t> first(12800);
  for (std::size_t i = 0; i < first.size(); ++i) first[i] = static_cast<std::int64_t>(i);
  const Subset some(source, first);
  const double plain = best_times(source, 0, nothing).processor;
  std::printf("%-24s%10.4f%12.4f%12.1f%16.3f%12.3f\n", name, plain,
              best_times(source, 4, nothing).processor, step / plain,
              best_times(some, 0, train).wall, best_times(some, 4, train).wall);
}

}  // namespace

int main(int argc, char** argv) {
  set_num_threads(1);
  const Images images = load(argc, argv);
  Step train;
  const Batch batch = images.get(std::vector<std::int64_t>(128, 5));
  const Subset repeated(images, std::vector<std::int64_t>(12800, 5));
  const double step = best_times(repeated, 0, [&](const Batch&) { train(batch); }).processor -
                      best_times(repeated, 0, [](const Batch&) {}).processor;
  std::printf("step %.4f ms\n\n", step);
  std::printf("%-24s%10s%12s%12s%16s%12s\n", "ms a batch", "loader", "prefetching", "a step",
              "training", "prefetching");
  report("as they are", images, step);
  report("standardised", Transformed(images, standardised), step);
  report("rotated and shifted", Augmented(images, Affine{.degrees = 10, .shift = 2}), step);
}
