// What training over ranks costs, as lines of JSON: latency and bandwidth of messages, steps of models
// beside those of one rank alone with its part of the batch, in turns, so that other work on the machine
// meets both; see docs/distributed.md and distributed_model.py.
//
//   mpirun -n 2 --bind-to core benchmark_distributed [ROUNDS [MODEL]]

#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>
#include <xgrad/distributed/session.hpp>
#include <xgrad/distributed/sharded_optimizer.hpp>
#include <xgrad/kernels/peak_memory.hpp>
#include <xgrad/xgrad.hpp>

#include "arguments.hpp"
#include "distributed_models.hpp"

namespace {

using namespace xgrad;
using benchmark::Model;
using benchmark::models;
using benchmark::Steps;
using Clock = std::chrono::steady_clock;

double seconds(const std::function<void()>& f) {
  const auto start = Clock::now();
  f();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double quantile(std::vector<double> v, double q) {
  std::sort(v.begin(), v.end());
  return v[static_cast<std::size_t>(q * static_cast<double>(v.size() - 1) + 0.5)];
}
double median(const std::vector<double>& v) { return quantile(v, 0.5); }

constexpr std::size_t kSteps = 2;  // between two looks at the clock

// Rank 0 alone, the others asleep.
double alone(const Communicator& world, Steps& steps) {
  double t = 0;
  if (world.rank() == 0) {
    steps.step();  // as in at_once
    t = seconds([&] {
      for (std::size_t i = 0; i < kSteps; ++i) steps.step();
    });
    for (std::size_t r = 1; r < world.size(); ++r) world.send("go on", r);
  } else {
    world.receive();
  }
  return t / kSteps;
}

// All ranks at once. A step before the clock starts brings the model back into the caches, from which the one before
// has driven it.
double at_once(const Communicator& world, Steps& steps, const std::function<void()>& step) {
  steps.step();
  world.barrier();
  const double t = seconds([&] {
    for (std::size_t i = 0; i < kSteps; ++i) step();
  });
  return t / kSteps;
}

// Each by itself: what they take of each other's memory and cores.
double apart(const Communicator& world, Steps& steps) {
  return at_once(world, steps, [&] { steps.step(); });
}

// The same where ranks wait for each other as often as in a step together, and send nothing else: before the step, in the two
// phases of the reduction, and in the message after it. The slowest counts each time, whatever it was that interrupted
// it, another rank on its core included.
double in_step(const Communicator& world, Steps& steps) {
  return at_once(world, steps, [&] {
    world.all_gather(std::uint64_t{1});
    steps.step();
    for (int phase = 0; phase < 3; ++phase) world.all_gather(std::uint64_t{1});
  });
}

double together(const Communicator& world, Steps& steps, std::vector<double>* waits = nullptr) {
  return at_once(world, steps, [&] {
    steps.step();
    if (waits != nullptr) waits->push_back(steps.waited());
  });
}

// One way, by round trips between rank 0 and the last.
void messages(const Communicator& world) {
  if (world.size() < 2) return;
  const int last = static_cast<int>(world.size()) - 1;
  const bool first = world.rank() == 0;
  for (std::size_t bytes = 8; bytes <= (std::size_t{1} << 24); bytes *= 8) {
    std::vector<char> buffer(bytes);
    const int n = static_cast<int>(bytes);
    std::vector<double> times;
    world.barrier();
    for (int i = 0; i < 200 && (first || static_cast<int>(world.rank()) == last); ++i) {
      times.push_back(seconds([&] {
        for (const bool sends : {first, !first}) {
          if (sends)
            MPI_Send(buffer.data(), n, MPI_CHAR, first ? last : 0, 1, world.handle());
          else
            MPI_Recv(buffer.data(), n, MPI_CHAR, first ? last : 0, 1, world.handle(),
                     MPI_STATUS_IGNORE);
        }
      }));
    }
    if (first)
      std::printf("{\"what\": \"message\", \"ranks\": %zu, \"bytes\": %zu, \"seconds\": %.3g}\n",
                  world.size(), bytes, median(times) / 2);
    world.barrier();
  }
}

constexpr int kBlocks =
    9;  // each about as long as a step, so that what interrupts steps interrupts them as well

// The median over blocks of the mean time of f(i), called `times` times in each; all ranks at once.
double mean_of_blocks(const Communicator& world, int times, const std::function<void(int)>& f) {
  std::vector<double> blocks;
  for (int b = 0; b < kBlocks; ++b) {
    world.barrier();
    blocks.push_back(seconds([&] {
                       for (int i = 0; i < times; ++i) f(i);
                     }) /
                     times);
  }
  return median(blocks);
}

// All ranks at once: to the next one and from the one before, as in every phase of a reduction, and from places that are in
// no cache, as gradients are. Within a machine the ranks' own cores copy what is sent or received.
void exchanges(const Communicator& world) {
  if (world.size() < 2) return;
  constexpr std::size_t kArea = std::size_t{1} << 25;
  const int ranks = static_cast<int>(world.size()), rank = static_cast<int>(world.rank());
  std::vector<char> out(kArea), in(kArea);
  for (std::size_t bytes = 8; bytes <= (std::size_t{1} << 21); bytes *= 8) {
    const int n = static_cast<int>(bytes);
    const double t = mean_of_blocks(world, n > 100000 ? 50 : 1000, [&](int i) {
      const std::size_t at = static_cast<std::size_t>(i) * bytes % kArea;
      MPI_Sendrecv(out.data() + at, n, MPI_CHAR, (rank + 1) % ranks, 1, in.data() + at, n, MPI_CHAR,
                   (rank + ranks - 1) % ranks, 1, world.handle(), MPI_STATUS_IGNORE);
    });
    if (rank == 0)
      std::printf("{\"what\": \"exchange\", \"ranks\": %d, \"bytes\": %zu, \"seconds\": %.3g}\n",
                  ranks, bytes, t);
  }
}

// What of an exchange does not add to the time of a computation beside it that asks for its messages now and
// then: nothing where the cores that compute also copy.
void overlap(const Communicator& world) {
  if (world.size() < 2) return;
  constexpr std::size_t kBytes = std::size_t{1} << 22;
  const int part = static_cast<int>(kBytes / world.size());
  std::vector<char> out(kBytes), in(kBytes);
  std::vector<float> x(4096, 1.0F), y(x);
  const auto compute = [&](MPI_Request* request) {
    for (int i = 0; i < 20; ++i) {
      for (int k = 0; k < 20; ++k) {
        for (std::size_t j = 0; j < x.size(); ++j) y[j] += 0.5F * x[j];
      }
      int done = 0;
      if (request != nullptr) MPI_Test(request, &done, MPI_STATUS_IGNORE);
    }
  };
  MPI_Request request = MPI_REQUEST_NULL;
  const auto start = [&] {
    MPI_Ialltoall(out.data(), part, MPI_CHAR, in.data(), part, MPI_CHAR, world.handle(), &request);
  };
  const double alone = mean_of_blocks(world, 20, [&](int) { compute(nullptr); });
  const double exchange = mean_of_blocks(world, 20, [&](int) {
    start();
    MPI_Wait(&request, MPI_STATUS_IGNORE);
  });
  const double both = mean_of_blocks(world, 20, [&](int) {
    start();
    compute(&request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
  });
  const double hidden = 1 - (both - alone) / exchange;
  if (world.rank() == 0)
    std::printf("{\"what\": \"overlap\", \"ranks\": %zu, \"hidden\": %.3f}\n", world.size(),
                std::clamp(hidden, 0.0, 1.0));
}

// The last rank to come waits for messages alone: the least of each step.
double wait_of(const Communicator& world, const std::vector<double>& own) {
  std::vector<double> least = own;
  for (const auto& of_rank : world.all_gather(own)) {
    for (std::size_t i = 0; i < least.size(); ++i) least[i] = std::min(least[i], of_rank[i]);
  }
  return median(least);
}

// All ranks at once: y += x, per byte of x.
void passes(const Communicator& world) {
  std::vector<float> x(std::size_t{1} << 22, 1.0F), y(x);
  const double t = mean_of_blocks(world, 10, [&](int) {
    for (std::size_t j = 0; j < x.size(); ++j) y[j] += x[j];
  });
  if (world.rank() == 0)
    std::printf("{\"what\": \"pass\", \"ranks\": %zu, \"seconds per byte\": %.3g}\n", world.size(),
                t / static_cast<double>(x.size() * sizeof(float)));
}

void gather_of_a_number(const Communicator& world) {
  std::vector<double> times;
  for (int i = 0; i < 1000; ++i)
    times.push_back(seconds([&] { world.all_gather(std::uint64_t{1}); }));
  if (world.rank() == 0)
    std::printf("{\"what\": \"gather\", \"ranks\": %zu, \"seconds\": %.3g}\n", world.size(),
                median(times));
}

// Pairs are the median of the ratios, and the ratio of the least times.
void scaling(const Communicator& world, const Model& model, int rounds) {
  const std::size_t ranks = world.size(), part = model.batch / ranks;
  const Communicator self(MPI_COMM_SELF);
  Steps one(model, part, nullptr), of_one(model, part, &self), all(model, part, &world),
      by_messages(model, part, &world, {.shared_memory = false}),
      at_the_end(model, part, &world, {.bucket_bytes = std::size_t{1} << 40}),
      exact(model, part, &world, {.shards = 4 * ranks}),
      exact_two(model, part, &world, {.shards = 2 * ranks}),
      of_one_exact(model, part, &self, {.shards = 4});
  std::vector<double> plain, side_by_side, waiting, through, fast, sent, waits, late, sure,
      sure_two, sure_one;
  for (int i = 0; i < rounds; ++i) {
    plain.push_back(alone(world, one));
    side_by_side.push_back(apart(world, one));
    through.push_back(alone(world, of_one));
    sure_one.push_back(alone(world, of_one_exact));
    // Neighbours, each in front as often as behind.
    if (i % 2 == 0) waiting.push_back(in_step(world, one));
    fast.push_back(together(world, all, &waits));
    sent.push_back(together(world, by_messages));
    if (i % 2 != 0) waiting.push_back(in_step(world, one));
    together(world, at_the_end, &late);
    sure_two.push_back(together(world, exact_two));
    sure.push_back(together(world, exact));
  }
  const double waited = wait_of(world, waits), reduction = wait_of(world, late);
  if (world.rank() != 0) return;
  const auto ratios = [](const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> r;
    for (std::size_t i = 0; i < a.size(); ++i) r.push_back(a[i] / b[i]);
    return r;
  };
  const auto ratio = [&](const auto& a, const auto& b) { return median(ratios(a, b)); };
  // Of the least times: what nothing else on the machine interrupted.
  const auto of_least = [](const auto& a, const auto& b) {
    return quantile(a, 0) / quantile(b, 0);
  };
  std::printf(
      "{\"what\": \"scaling\", \"model\": \"%s\", \"parameters\": %zu, \"batch\": %zu, "
      "\"ranks\": %zu, \"alone\": %.4g, \"side by side\": %.4g, \"in step\": %.4g, "
      "\"together\": %.4g, \"of in step\": [%.3f, %.3f, %.3f], "
      "\"of in step by messages\": [%.3f, %.3f, %.3f], "
      "\"scaling\": [%.3f, %.3f], \"by messages\": [%.3f, %.3f], "
      "\"without communication\": [%.3f, %.3f], \"overhead of one rank\": %.4f, \"waited\": %.3g, "
      "\"reduction at the end\": %.3g, \"two shards each\": [%.3f, %.3f], \"four shards each\": "
      "[%.3f, %.3f], \"four shards of one\": %.3f}\n",
      model.name.c_str(), one.parameters(), model.batch, ranks, median(plain), median(side_by_side),
      median(waiting), median(fast), quantile(ratios(fast, waiting), 0.25), ratio(fast, waiting),
      quantile(ratios(fast, waiting), 0.75), quantile(ratios(sent, waiting), 0.25),
      ratio(sent, waiting), quantile(ratios(sent, waiting), 0.75), ratio(plain, fast),
      of_least(plain, fast), ratio(plain, sent), of_least(plain, sent), ratio(plain, side_by_side),
      of_least(plain, side_by_side), ratio(through, plain), waited, reduction,
      ratio(sure_two, fast), of_least(sure_two, fast), ratio(sure, fast), of_least(sure, fast),
      ratio(sure_one, through));
  std::fflush(stdout);
}

double resident() {
  std::FILE* f = std::fopen("/proc/self/statm", "r");
  long pages = 0, skipped = 0;
  const int n = f != nullptr ? std::fscanf(f, "%ld %ld", &skipped, &pages) : 0;
  if (f != nullptr) std::fclose(f);
  return n == 2 ? static_cast<double>(pages) * 4096 : 0;
}

// What the state of Adam takes of 16 million weights: resident memory after some steps, less that before.
void memory(const Communicator& world) {
  constexpr std::size_t kParameters = 32, kSize = std::size_t{1} << 19;
  NamedTensors<float> parameters;
  for (std::size_t i = 0; i < kParameters; ++i) {
    Tensor<float> w = parameter(Array<float>(Array<float>::shape_type{kSize}, 1.0F));
    w.set_gradient(Tensor<float>::filled({kSize}, 0.5F));
    parameters.push_back({std::to_string(i), w});
  }
  const auto grown = [&](const std::function<std::unique_ptr<Optimizer<float>>()>& make) {
    const double before = resident();
    const auto adam = make();
    for (int i = 0; i < 3; ++i) adam->step();
    return (resident() - before) / static_cast<double>(kParameters * kSize * sizeof(float));
  };
  const double whole = grown([&] { return std::make_unique<Adam<float>>(parameters); });
  const double part =
      grown([&] { return std::make_unique<ShardedOptimizer<Adam<float>>>(world, parameters); });
  if (world.rank() == 0)
    std::printf(
        "{\"what\": \"memory\", \"ranks\": %zu, \"adam\": %.3f, \"sharded\": %.3f, \"unit\": "
        "\"weights\"}\n",
        world.size(), whole, part);
}

// What writing a checkpoint takes on rank 0 beyond what there is, at its peak, in units of the weights: of the whole
// state, as one who calls save_checkpoint does, and array by array, as a Trainer does.
void checkpoints(const Communicator& world) {
  Sequential<float> net;
  for (int i = 0; i < 16; ++i) net.append(Linear<float>(1024, 1024));
  double bytes = 0;
  for (const auto& p : net.parameters()) {
    bytes += static_cast<double>(p.tensor.size() * sizeof(float));
    Tensor<float>(p.tensor).set_gradient(Tensor<float>::filled(p.tensor.shape(), 0.5F));
  }
  ShardedOptimizer<Adam<float>> adam(world, net.parameters());
  adam.step();
  const std::string path = std::filesystem::temp_directory_path() / "xgrad_benchmark.ckpt";
  const auto grown = [&](const std::function<void()>& write) {
    const PeakMemory memory;
    write();
    return static_cast<double>(memory.bytes()) / bytes;
  };
  const double piecewise = grown([&] {
    const auto c = detail::checkpoint_of(net, {{}, adam.spread_numbers()}, {});
    detail::SpreadPart<float> part{adam.spread_arrays(), {}};
    adam.with_spread_arrays([&](const auto& read) {
      part.read = read;
      detail::write_checkpoint(path, c, part);
    });
  });
  const double whole = grown([&] {
    const auto c = Checkpoint<float>::of(net, adam);
    if (world.rank() == 0) save_checkpoint(path, c);
  });
  world.barrier();
  if (world.rank() > 0) return;
  std::filesystem::remove(path);
  std::printf(
      "{\"what\": \"checkpoint\", \"ranks\": %zu, \"whole\": %.3f, \"by arrays\": %.3f, \"unit\": "
      "\"weights\"}\n",
      world.size(), whole, piecewise);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = count_argument(argc, argv, 1, 15, "benchmark_distributed [ROUNDS [MODEL]]");
  return run_distributed(argc, argv, [&](Communicator& world) {
    set_num_threads(1);
    if (argc > 2) {  // MODEL: its steps alone
      const std::vector<Model> all = models();
      const auto model =
          std::find_if(all.begin(), all.end(), [&](const Model& m) { return m.name == argv[2]; });
      if (model == all.end()) {
        if (world.rank() == 0)
          std::fprintf(stderr, "benchmark_distributed: there is no model \"%s\"\n", argv[2]);
        return 2;
      }
      scaling(world, *model, rounds);
      return 0;
    }
    messages(world);
    exchanges(world);
    overlap(world);
    passes(world);
    gather_of_a_number(world);
    memory(world);
    checkpoints(world);
    for (const Model& model : models()) scaling(world, model, rounds);
    return 0;
  });
}
