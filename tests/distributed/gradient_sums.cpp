// Sums over shards that are made while gradients come, beside those along the tree.

#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>
#include <xgrad/distributed/data_parallel.hpp>
#include <xgrad/distributed/shard_tree.hpp>
#include <xgrad/distributed/shared_memory.hpp>
#include <xgrad/xgrad.hpp>

#include "tests/distributed/groups.hpp"

using namespace xgrad;
using test::for_groups;

namespace {

using Tensors = std::vector<Tensor<float>>;

struct Net : Module<float> {
  Linear<float>& fc = add<Linear<float>>("fc", 6, 4);
  Tensor<float>& scale = add_parameter("scale", Tensor<float>::filled({4}, 0.5F));
  Tensor<float> forward(const Tensor<float>& x) override { return fc(x); }
  // Every third shard uses the scale.
  Tensor<float> loss(const Tensor<float>& x, std::size_t shard) {
    const Tensor<float> y = fc(x);
    return mean(square(uses_scale(shard) ? y * scale : y));
  }
  static bool uses_scale(std::size_t shard) { return shard % 3 == 1; }
};

Tensor<float> along_the_tree(const Tensors& of_shards, detail::ShardRange node) {
  if (node.size() == 1) return of_shards[node.first];
  const std::size_t middle = detail::middle_of(node);
  return along_the_tree(of_shards, {node.first, middle}) +
         along_the_tree(of_shards, {middle, node.last});
}

// Of weight, bias and scale, by the mean loss of two samples per shard or, of several batches, its sums: one process
// for all.
Tensors expected_sums(Net& net, const Tensor<float>& x, std::size_t batches) {
  const std::size_t shards = x.size(0) / 2;
  const float share = batches > 1 ? 2.0F : 2.0F / static_cast<float>(2 * shards);
  std::vector<Tensors> of_shards(3);
  for (std::size_t s = 0; s < shards; ++s) {
    net.zero_grad();
    (net.loss(Part{2 * s, 2 * s + 2}.of(x), s) * share).backward();
    const Tensors once = {
        net.fc.weight.gradient(), net.fc.bias.gradient(),
        Net::uses_scale(s) ? net.scale.gradient() : Tensor<float>::filled({4}, 0)};
    for (std::size_t i = 0; i < 3; ++i)
      of_shards[i].push_back(batches > 1 ? once[i] + once[i] : once[i]);
  }
  Tensors r;
  for (const Tensors& g : of_shards) r.push_back(along_the_tree(g, {0, shards}));
  return r;
}

// One parameter has a hook of somebody else, which is called after the sum has its numbers: it changes what the
// parameter keeps, in no shard what is added.
void check_bits_of_the_tree(bool shared_memory) {
  for (const std::size_t shards : {4UL, 5UL, 8UL, 12UL}) {
    for_groups([&](const Communicator& c) {
      manual_seed(7);
      Net net;
      Generator generator(5);
      const Tensor<float> x = normal<float>({2 * shards, 6}, 0, 1, generator);
      const Tensors expected = expected_sums(net, x, 1), of_two = expected_sums(net, x, 2);
      DataParallel<float> parallel(c, net,
                                   {.shards = shards,
                                    .bucket_bytes = 64,
                                    .shared_memory = shared_memory,
                                    .allow_unused = true});
      net.fc.bias.register_hook([](const Tensor<float>& g) { return g * 2.0F; });
      const detail::ShardRange own = detail::part_of(shards, c.size(), c.rank());
      const Tensor<float> mine = Part{2 * own.first, 2 * own.last}.of(x);
      const auto loss = [&](Part part) {
        return net.loss(part.of(mine), own.first + part.first / 2);
      };
      const auto check = [&](const Tensors& sums, float factor) {
        const Tensor<float>* const found[] = {&net.fc.weight, &net.fc.bias, &net.scale};
        for (std::size_t i = 0; i < 3; ++i)
          BOOST_TEST(test::same_bits(found[i]->gradient(), sums[i] * factor), i);
      };
      BOOST_TEST_CONTEXT(shards << " shards") {
        parallel.gradients(mine.size(0), loss);
        check(expected, 1);
        parallel.accumulate(mine.size(0), loss);
        parallel.gradients(mine.size(0), loss);
        check(of_two, 1.0F / static_cast<float>(4 * shards));
        parallel.gradients(mine.size(0), loss);
        check(expected, 1);
      }
    });
  }
}
}  // namespace

BOOST_AUTO_TEST_SUITE(gradient_sums)

BOOST_AUTO_TEST_CASE(have_the_bits_of_the_tree) { check_bits_of_the_tree(true); }
BOOST_AUTO_TEST_CASE(have_them_by_messages) { check_bits_of_the_tree(false); }

// What a rank writes the others read; a rank that comes late reads what was meant for it, and nothing is
// overwritten before it did.
BOOST_AUTO_TEST_CASE(ranks_wait_for_each_other) {
  for_groups([](const Communicator& c) {
    Net net;
    const Tensor<float> x = Tensor<float>::filled({2 * c.size(), 6}, 1);
    DataParallel<float> parallel(c, net, {.bucket_bytes = 64, .allow_unused = true});
    for (std::size_t step = 0; step < 12; ++step) {
      const auto loss = [&](Part part) {
        if (step % c.size() == c.rank()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        const auto factor = static_cast<float>((step + 1) * (c.rank() + 1));
        return sum(net.fc.bias) * factor * (static_cast<float>(part.size()) / 2);
      };
      parallel.gradients(2, loss);
      if ((step + 1) % c.size() == c.rank())
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      // Of a mean over the ranks: (step + 1) (1 + 2 + ... + size) / size, exact but for the division.
      const double wanted = double(step + 1) * double(c.size() + 1) / 2;
      for (std::size_t i = 0; i < 4; ++i)
        BOOST_TEST(std::abs(net.fc.bias.gradient().data()[i] - wanted) < 1e-6 * wanted);
    }
  });
}

BOOST_AUTO_TEST_CASE(shared_memory) {
  for_groups([](const Communicator& c) {
    detail::SharedMemory memory(c.handle(), 10000);
    BOOST_REQUIRE(memory.data() != nullptr);
    BOOST_TEST(std::all_of(memory.data(), memory.data() + 10000,
                           [](std::byte b) { return b == std::byte{0}; }));
    c.barrier();
    memory.data()[c.rank()] = std::byte(c.rank() + 1);
    c.barrier();
    for (std::size_t r = 0; r < c.size(); ++r) BOOST_TEST((memory.data()[r] == std::byte(r + 1)));
    // More than there is: on all ranks none.
    BOOST_TEST(detail::SharedMemory(c.handle(), std::size_t{1} << 50).data() == nullptr);
    c.barrier();
    for (const auto& entry : std::filesystem::directory_iterator("/dev/shm"))
      BOOST_TEST(
          !entry.path().filename().string().starts_with("xgrad-" + std::to_string(getpid())));
  });
}

// A hook that is there when a gradient arrives and gone when its shard ends.
BOOST_AUTO_TEST_CASE(a_hook_that_goes) {
  constexpr std::size_t kShards = 4;
  for_groups([&](const Communicator& c) {
    manual_seed(7);
    Net net;
    Generator generator(5);
    const Tensor<float> x = normal<float>({2 * kShards, 6}, 0, 1, generator);
    const Tensors expected = expected_sums(net, x, 1);
    DataParallel<float> parallel(c, net, {.shards = kShards, .allow_unused = true});
    std::size_t hook = 0;
    hook = net.fc.bias.register_hook([&](const Tensor<float>& g) {
      net.fc.bias.remove_hook(hook);
      return g * 2.0F;
    });
    const detail::ShardRange own = detail::part_of(kShards, c.size(), c.rank());
    const Tensor<float> mine = Part{2 * own.first, 2 * own.last}.of(x);
    parallel.gradients(mine.size(0), [&](Part part) {
      return net.loss(part.of(mine), own.first + part.first / 2);
    });
    BOOST_TEST(test::same_bits(net.fc.weight.gradient(), expected[0]));
    BOOST_TEST(test::same_bits(net.fc.bias.gradient(), expected[1]));
  });
}

BOOST_AUTO_TEST_SUITE_END()
