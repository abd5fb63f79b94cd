// Checkpoints of optimizers whose state is spread over the ranks: written and read piece by piece.

#include <zlib.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>
#include <xgrad/distributed/sampler.hpp>
#include <xgrad/distributed/sharded_optimizer.hpp>
#include <xgrad/kernels/peak_memory.hpp>
#include <xgrad/ops/random.hpp>

#include "tests/distributed/groups.hpp"
#include "tests/message.hpp"
#include "tests/training/setup.hpp"

using namespace xgrad;
using test::check_failure;
using test::for_groups;

namespace {

using Spread = ShardedOptimizer<Adam<float>>;

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A run whose weights, curves and file are the same for any number of ranks.
struct Run : xgrad_test::Setup {
  Run(const Communicator& c, const std::string& path, std::size_t hidden = 16)
      : xgrad_test::Setup(hidden),
        data(xgrad_test::points(120, 1)),
        of_rank(data, {.batch_size = local_batch_size(c, kBatches),
                       .seed = 3,
                       .sampler = distributed_sampler(c, kBatches)}) {
    options.communicator = &c;
    options.data_parallel.shards = 12;
    options.epochs = 3;
    options.checkpoint = path;
    options.resume = true;
  }

  // With the state on every rank, or spread over them; stops after a step.
  void fit(const Communicator& c, bool is_spread, std::size_t stop_at = 0) {
    Trainer<float, LabeledBatch<float>>* running = nullptr;
    options.after_step = [&, stop_at](const StepReport& r) {
      if (r.step == stop_at) running->stop();
    };
    std::unique_ptr<Optimizer<float>> used;
    const AdamOptions adam{.learning_rate = 0.02, .amsgrad = true};
    if (is_spread) {
      used = std::make_unique<Spread>(c, net.parameters(), adam);
    } else {
      used = std::make_unique<Adam<float>>(net.parameters(), adam);
    }
    Trainer<float, LabeledBatch<float>> trainer(net, *used, classification<float>(), options);
    running = &trainer;
    trainer.fit(of_rank, validation);
  }

  static constexpr DistributedBatches kBatches{.batch_size = 32, .shards = 12};
  LabeledDataset<float> data;
  xgrad_test::Loader of_rank;
  xgrad_test::Options options;
};

NamedTensors<float> make_parameters() {
  Generator generator(3);
  const auto tensor = [&](const Shape& s) {
    return parameter(normal<float>(s, 0, 1, generator).value());
  };
  return {{"w", tensor({7, 5})}, {"b", tensor({2})}, {"v", tensor({33})}};
}

void step(Optimizer<float>& optimizer, const NamedTensors<float>& parameters) {
  Generator generator(1);
  for (const auto& p : parameters)
    Tensor<float>(p.tensor).set_gradient(normal<float>(p.tensor.shape(), 0, 1, generator));
  optimizer.step();
}

unsigned long checksum(const Tensor<float>& t) {
  return crc32_z(0, reinterpret_cast<const Bytef*>(t.data()), t.size() * sizeof(float));
}

bool same_state(const OptimizerState<float>& a, const OptimizerState<float>& b) {
  bool same = a.numbers == b.numbers && a.tensors.size() == b.tensors.size();
  for (std::size_t i = 0; same && i < a.tensors.size(); ++i)
    same = a.tensors[i].name == b.tensors[i].name &&
           test::same_bits(a.tensors[i].tensor, b.tensors[i].tensor);
  return same;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sharded_checkpoint)

// The file of a run that was stopped, and that of one which went on from it, are those of one process
// with the optimizer itself, byte for byte; with other numbers of ranks before and after, and the
// state spread or not.
BOOST_AUTO_TEST_CASE(the_file_is_that_of_one_process) {
  std::string stopped, ended;
  for_groups([&](const Communicator& c) {
    if (c.size() > 1) return;
    const std::string path = test::file(c, "one.ckpt");
    Run(c, path).fit(c, false, 5);
    stopped = content(path);
    Run(c, path).fit(c, false);
    ended = content(path);
    BOOST_TEST(stopped != ended);
  });
  for (const bool spread_first : {true, false}) {
    for_groups([&](const Communicator& c) {
      const std::string path = test::file(c, "stopped.ckpt");
      Run(c, path).fit(c, spread_first, 5);
      if (test::world().rank() == 0) BOOST_TEST((content(path) == stopped));
    });
    for_groups([&](const Communicator& c) {
      const std::string path = test::file(c, "resumed.ckpt");
      if (c.rank() == 0) std::ofstream(path, std::ios::binary) << stopped;
      c.barrier();
      Run(c, path).fit(c, !spread_first);
      if (test::world().rank() == 0) BOOST_TEST((content(path) == ended));
      Run again(c, path);  // which ends at once, with the weights of the file
      again.fit(c, true);
      BOOST_TEST(test::same_everywhere(c, again.net.parameters()[0].tensor));
    });
  }
}

BOOST_AUTO_TEST_CASE(arrays_are_those_of_the_state) {
  for_groups([](const Communicator& c) {
    const auto whole = make_parameters(), spread = make_parameters();
    Adam<float> plain(whole);
    Spread sharded(c, spread);
    BOOST_TEST(sharded.spread_arrays().empty());
    step(plain, whole);
    step(sharded, spread);
    const OptimizerState<float> expected = plain.state_dict();
    BOOST_TEST((sharded.spread_numbers() == expected.numbers));
    const auto arrays = sharded.spread_arrays();
    BOOST_TEST(arrays.size() == expected.tensors.size());
    bool was_called = false;
    sharded.with_spread_arrays([&](const auto& read) {
      was_called = true;
      for (std::size_t i = arrays.size(); i-- > 0;) {
        const auto& [name, t] = expected.tensors[i];
        BOOST_TEST(arrays[i].name == name);
        BOOST_TEST((arrays[i].shape == t.shape()));
        BOOST_TEST(arrays[i].checksum == checksum(t));
        std::vector<float> numbers;
        read(i, [&](auto piece) { numbers.insert(numbers.end(), piece.begin(), piece.end()); });
        BOOST_TEST((numbers == std::vector<float>(t.data(), t.data() + t.size())));
      }
    });
    BOOST_TEST(was_called == (c.rank() == 0));
  });
}

// What fails on rank 0 in the middle leaves no rank waiting, and all as it was.
BOOST_AUTO_TEST_CASE(failures) {
  for_groups([](const Communicator& c) {
    const auto parameters = make_parameters();
    Spread adam(c, parameters);
    step(adam, parameters);
    const bool first = c.rank() == 0;
    const auto write = [&] {
      adam.with_spread_arrays(
          [&](const auto& read) { read(1, [](auto) { throw std::range_error("no space"); }); });
    };
    if (first) {
      BOOST_CHECK_THROW(write(), std::range_error);
    } else {
      write();
    }
    const OptimizerState<float> before = adam.own_state();
    std::size_t reads = 0;
    const auto load = [&] {
      adam.load_spread(before.numbers, [&](const std::string&, std::size_t, auto to) {
        std::fill(to.begin(), to.end(), 7.0F);
        if (++reads == 2) throw std::range_error("no file");
      });
    };
    if (first) {
      BOOST_CHECK_THROW(load(), std::range_error);
    } else {
      check_failure<std::runtime_error>(load, "ShardedOptimizer: rank 0 cannot read its state");
    }
    BOOST_TEST(same_state(adam.own_state(), before));
    detail::StateShapes shapes;
    for (const SpreadArray& a : adam.spread_arrays()) shapes[a.name] = a.shape;
    adam.check_spread(before.numbers, shapes);
    shapes["Adam/v/first_moment"] = {32};
    shapes.erase("Adam/b/second_moment");
    check_failure<std::invalid_argument>([&] { adam.check_spread(before.numbers, shapes); },
                                         "load_state_dict: Adam: missing: b/second_moment; wrong "
                                         "shape: v/first_moment (33) given (32)");
  });
}

// A file that does not fit is an error on all ranks, which keep their state.
BOOST_AUTO_TEST_CASE(a_file_of_another_model) {
  for_groups([](const Communicator& c) {
    const std::string path = test::file(c, "other.ckpt");
    Run(c, path, 17).fit(c, true, 3);
    Run other(c, path);
    BOOST_CHECK_THROW(other.fit(c, true), std::exception);
    if (c.rank() > 0) return;
    std::filesystem::remove(path);
  });
}

// Of a state that is large beside the weights' copy in the checkpoint, rank 0 has its part, and a piece
// of an array at a time.
BOOST_AUTO_TEST_CASE(memory_of_writing_and_reading) {
  constexpr std::size_t kSize = 40000, kCount = 10;
  for_groups([](const Communicator& c) {
    NamedTensors<float> parameters;
    for (std::size_t i = 0; i < kCount; ++i)
      parameters.push_back(
          {std::to_string(i), parameter(Array<float>(Array<float>::shape_type{kSize}, 1.0F))});
    Spread adam(c, parameters);
    step(adam, parameters);
    const std::size_t array = kSize * sizeof(float);
    // With what describes a tensor.
    const std::size_t piece = (array + c.size() - 1) / c.size() + 1000;
    const PeakMemory memory;
    const auto arrays = adam.spread_arrays();
    std::size_t bytes = 0;
    adam.with_spread_arrays([&](const auto& read) {
      for (std::size_t i = 0; i < arrays.size(); ++i)
        read(i, [&](auto numbers) { bytes += numbers.size() * sizeof(float); });
    });
    BOOST_TEST(bytes == (c.rank() == 0 ? 2 * kCount * array : 0));
    BOOST_TEST(memory.bytes() <= piece);
    // Two copies of the rank's own part while it reads (the new one, and what the optimizer makes of
    // it), and a piece that is on its way.
    adam.load_spread(adam.spread_numbers(), [](const std::string&, std::size_t, auto to) {
      std::fill(to.begin(), to.end(), 1.0F);
    });
    BOOST_TEST(memory.bytes() <= (4 * kCount + 1) * piece);
  });
}

BOOST_AUTO_TEST_SUITE_END()
