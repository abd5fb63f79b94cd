// A training with batch normalisation and dropout over any number of ranks, for scripts/distributed-check:
// it goes on from its checkpoint, and its last line is a checksum of the parameters.
//
//   mpirun -n 3 steps CHECKPOINT [STEPS [MILLISECONDS_BETWEEN_STEPS [FOLDER_FOR_PROCESS_NUMBERS]]]

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <xgrad/distributed/sampler.hpp>
#include <xgrad/distributed/session.hpp>

#include "tests/training/setup.hpp"

namespace {

using namespace xgrad;

constexpr DistributedBatches kBatches{.batch_size = 48, .shards = 12};
constexpr std::size_t kSamples = 960, kEvery = 7;

// FNV-1a, over the bits of all parameters and buffers.
std::uint64_t checksum(const Module<float>& net) {
  std::uint64_t h = 0xCBF29CE484222325U;
  for (const auto& t : net.state_dict()) {
    for (std::size_t i = 0; i < t.tensor.size(); ++i) {
      std::uint32_t bits = 0;
      std::memcpy(&bits, t.tensor.data() + i, sizeof bits);
      h = (h ^ bits) * 0x100000001B3U;
    }
  }
  return h;
}

int run(const Communicator& world, int argc, char** argv) {
  const std::string path = argv[1];
  const std::size_t steps = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 200;
  const std::chrono::milliseconds pause(argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 0);
  if (argc > 4) {
    std::ofstream(std::filesystem::path(argv[4]) / std::to_string(world.rank())) << getpid();
  }
  const auto data = xgrad_test::points(kSamples, 1), held_out = xgrad_test::points(200, 2);
  manual_seed(5);
  Sequential<float> net;
  net.append(Linear<float>(2, 32)).append(BatchNorm<float>(32)).append(Relu<float>());
  net.append(Dropout<float>(0.2)).append(Linear<float>(32, 3));
  Adam<float> adam(net.parameters(), {.learning_rate = 0.01});
  xgrad_test::Loader train(data, {.batch_size = local_batch_size(world, kBatches),
                                  .seed = 3,
                                  .sampler = distributed_sampler(world, kBatches)}),
      validation(held_out, {.batch_size = 64});
  Trainer<float, LabeledBatch<float>> trainer(
      net, adam, classification<float>(),
      {.epochs = steps * kBatches.batch_size / kSamples,
       .checkpoint = path,
       .checkpoint_every = kEvery,
       .resume = true,
       .communicator = &world,
       .data_parallel = {.shards = kBatches.shards},
       .after_step = [&](const StepReport&) { std::this_thread::sleep_for(pause); }});
  trainer.fit(train, validation);
  if (world.rank() == 0) {
    std::printf("%zu steps, checksum %016llx\n", trainer.steps_done(),
                static_cast<unsigned long long>(checksum(net)));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: steps CHECKPOINT [STEPS [MILLISECONDS [FOLDER]]]\n", stderr);
    return 2;
  }
  return run_distributed(argc, argv, [&](Communicator& world) { return run(world, argc, argv); });
}
