// What training over ranks costs, as lines of JSON: latency and bandwidth of messages, steps of models
// beside those of one rank alone with its part of the batch, in turns, so that other work on the machine
// meets both; see docs/distributed.md and distributed_model.py.
//
//   mpirun -n 2 --bind-to core benchmark_distributed [ROUNDS]

#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>
#include <xgrad/distributed/data_parallel.hpp>
#include <xgrad/distributed/session.hpp>
#include <xgrad/distributed/sharded_optimizer.hpp>
#include <xgrad/xgrad.hpp>

namespace {

using namespace xgrad;
using Clock = std::chrono::steady_clock;

double seconds(const std::function<void()>& f) {
  const auto start = Clock::now();
  f();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

struct Model {
  std::string name;
  std::size_t batch;  // of all ranks
  std::function<Sequential<float>()> make;
};

std::vector<Model> models() {
  const auto mlp = [] {
    Sequential<float> net;
    net.append(Linear<float>(784, 512)).append(Relu<float>()).append(Linear<float>(512, 256));
    net.append(Relu<float>()).append(Linear<float>(256, 10));
    return net;
  };
  const auto residual = [] {
    Sequential<float> net;
    net.append(Linear<float>(784, 256));
    for (int i = 0; i < 20; ++i) {
      Sequential<float> block;
      block.append(Linear<float>(256, 256)).append(BatchNorm<float>(256)).append(Relu<float>());
      block.append(Linear<float>(256, 256));
      net.append(Residual<float>(std::move(block)));
    }
    net.append(Linear<float>(256, 10));
    return net;
  };
  return {{"mlp", 512, mlp}, {"residual mlp", 256, residual}};
}

// A model, its batch and its steps, on a communicator or (none) alone.
class Steps {
 public:
  Steps(const Model& model, std::size_t samples, const Communicator* group,
        DataParallelOptions options = {})
      : net_(model.make()), sgd_(net_.parameters(), {.learning_rate = 1e-3, .momentum = 0.9}) {
    Generator generator(1);
    x_ = normal<float>({samples, 784}, 0, 1, generator);
    labels_ = random_integers({samples}, 0, 10, generator);
    if (group != nullptr) parallel_ = std::make_unique<DataParallel<float>>(*group, net_, options);
  }
  void step() {
    if (parallel_) {
      parallel_->gradients(labels_.size(), [&](Part part) {
        return cross_entropy(net_(part.of(x_)), part.of(labels_));
      });
    } else {
      sgd_.zero_grad();
      cross_entropy(net_(x_), labels_).backward();
    }
    sgd_.step();
  }
  double waited() const { return parallel_->seconds_waited(); }
  std::size_t parameters() const {
    std::size_t n = 0;
    for (const auto& p : net_.parameters()) n += p.tensor.size();
    return n;
  }

 private:
  Sequential<float> net_;
  Sgd<float> sgd_;
  Tensor<float> x_;
  Indices labels_;
  std::unique_ptr<DataParallel<float>> parallel_;
};

constexpr std::size_t kSteps = 4;  // between two looks at the clock

// Rank 0 alone, the others asleep.
double alone(const Communicator& world, Steps& steps) {
  double t = 0;
  if (world.rank() == 0) {
    t = seconds([&] {
      for (std::size_t i = 0; i < kSteps; ++i) steps.step();
    });
    for (std::size_t r = 1; r < world.size(); ++r) world.send("go on", r);
  } else {
    world.receive();
  }
  return t / kSteps;
}

// All ranks at once, each by itself: what they take of each other's memory and cores.
double apart(const Communicator& world, Steps& steps) {
  world.barrier();
  return seconds([&] {
           for (std::size_t i = 0; i < kSteps; ++i) steps.step();
         }) /
         kSteps;
}

double together(const Communicator& world, Steps& steps, std::vector<double>* waits = nullptr) {
  world.barrier();
  const double t = seconds([&] {
    for (std::size_t i = 0; i < kSteps; ++i) {
      steps.step();
      if (waits != nullptr) waits->push_back(steps.waited());
    }
  });
  return t / kSteps;
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
      std::printf("{\"what\": \"message\", \"bytes\": %zu, \"seconds\": %.3g}\n", bytes,
                  median(times) / 2);
    world.barrier();
  }
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
  std::vector<double> times;
  for (int i = 0; i < 20; ++i) {
    world.barrier();
    times.push_back(seconds([&] {
      for (std::size_t j = 0; j < x.size(); ++j) y[j] += x[j];
    }));
  }
  if (world.rank() == 0)
    std::printf("{\"what\": \"pass\", \"ranks\": %zu, \"seconds per byte\": %.3g}\n", world.size(),
                median(times) / static_cast<double>(x.size() * sizeof(float)));
}

void gather_of_a_number(const Communicator& world) {
  std::vector<double> times;
  for (int i = 0; i < 1000; ++i)
    times.push_back(seconds([&] { world.all_gather(std::uint64_t{1}); }));
  if (world.rank() == 0)
    std::printf("{\"what\": \"gather\", \"ranks\": %zu, \"seconds\": %.3g}\n", world.size(),
                median(times));
}

void scaling(const Communicator& world, const Model& model, int rounds) {
  const std::size_t ranks = world.size(), part = model.batch / ranks;
  const Communicator self(MPI_COMM_SELF);
  Steps one(model, part, nullptr), of_one(model, part, &self), all(model, part, &world),
      at_the_end(model, part, &world, {.bucket_bytes = std::size_t{1} << 40}),
      exact(model, part, &world, {.shards = 4 * ranks}),
      of_one_exact(model, part, &self, {.shards = 4});
  std::vector<double> plain, side_by_side, through, fast, waits, late, sure, sure_one;
  for (int i = 0; i < rounds; ++i) {
    plain.push_back(alone(world, one));
    side_by_side.push_back(apart(world, one));
    through.push_back(alone(world, of_one));
    sure_one.push_back(alone(world, of_one_exact));
    fast.push_back(together(world, all, &waits));
    together(world, at_the_end, &late);
    sure.push_back(together(world, exact));
  }
  const double waited = wait_of(world, waits), reduction = wait_of(world, late);
  if (world.rank() != 0) return;
  const auto ratio = [](const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> r;
    for (std::size_t i = 0; i < a.size(); ++i) r.push_back(a[i] / b[i]);
    return median(r);
  };
  std::printf(
      "{\"what\": \"scaling\", \"model\": \"%s\", \"parameters\": %zu, \"batch\": %zu, "
      "\"ranks\": %zu, \"alone\": %.4g, \"side by side\": %.4g, \"together\": %.4g, "
      "\"scaling\": %.3f, \"overhead of one rank\": %.4f, \"waited\": %.3g, "
      "\"reduction at the end\": %.3g, \"four shards each\": %.3f, \"four shards of one\": %.3f}\n",
      model.name.c_str(), one.parameters(), model.batch, ranks, median(plain), median(side_by_side),
      median(fast), ratio(plain, fast), ratio(through, plain), waited, reduction, ratio(sure, fast),
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

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 15;
  return run_distributed(argc, argv, [&](Communicator& world) {
    set_num_threads(1);
    messages(world);
    passes(world);
    gather_of_a_number(world);
    memory(world);
    for (const Model& model : models()) scaling(world, model, rounds);
    return 0;
  });
}
