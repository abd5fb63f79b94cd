#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <xgrad/distributed/data_parallel.hpp>
#include <xgrad/distributed/sampler.hpp>
#include <xgrad/distributed/shard_tree.hpp>
#include <xgrad/distributed/sync_batch_norm.hpp>
#include <xgrad/xgrad.hpp>

#include "tests/distributed/groups.hpp"
#include "tests/message.hpp"

using namespace xgrad;
using test::check_failure;
using test::for_groups;

namespace {

template <class T>
struct Net : Module<T> {
  Linear<T>& fc1 = this->template add<Linear<T>>("fc1", 6, 9);
  BatchNorm<T>& bn = this->template add<BatchNorm<T>>("bn", 9);
  Dropout<T>& drop = this->template add<Dropout<T>>("drop", 0.3);
  Linear<T>& fc2 = this->template add<Linear<T>>("fc2", 9, 4);
  Tensor<T> forward(const Tensor<T>& x) override { return fc2(drop(relu(bn(fc1(x))))); }
};

struct Batch {
  Tensor<float> x;
  Indices labels;
};

Batch make_samples(std::size_t n) {
  Generator generator(5);
  return {normal<float>({n, 6}, 0, 1, generator), random_integers({n}, 0, 4, generator)};
}

Tensor<double> as_double(const Tensor<float>& x) {
  return Tensor<double>(Array<double>(xt::cast<double>(x.value())));
}

// This rank's rows of the batch.
Batch own(const Communicator& c, const Batch& all, std::size_t shards) {
  const std::size_t n = all.x.size(0);
  const auto s = detail::part_of(shards, c.size(), c.rank());
  const Part part{n * s.first / shards, n * s.last / shards};
  return {part.of(all.x), part.of(all.labels)};
}

// Steps of Adam with batch normalisation and dropout, on 12 shards.
NamedTensors<float> trained(const Communicator& c, std::size_t steps, std::vector<double>& losses) {
  manual_seed(3 + c.rank());  // rank 0's is taken
  Net<float> net;
  DataParallel<float> parallel(c, net, {.shards = 12, .bucket_bytes = 128});
  Adam<float> adam(net.parameters(), {.learning_rate = 0.01});
  const std::uint64_t before = default_generator().state().draws;
  for (std::size_t i = 0; i < steps; ++i) {
    const Batch batch = own(c, make_samples(40 + i % 3), 12);
    losses.push_back(parallel.gradients(batch.x.size(0), [&](Part part) {
      return cross_entropy(net(part.of(batch.x)), part.of(batch.labels));
    }));
    adam.step();
  }
  const Generator::State after = default_generator().state();
  BOOST_TEST(after.seed == 3U);
  for (const std::uint64_t draws : c.all_gather(after.draws))
    BOOST_TEST(draws == before + steps);  // one mask in each step, whatever the number of shards
  NamedTensors<float> state;
  for (const auto& t : net.state_dict()) state.push_back({t.name, t.tensor.clone()});
  return state;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(data_parallel)

// A rank's nodes cover its shards; summing by the stack leaves just them.
BOOST_AUTO_TEST_CASE(nodes_of_the_tree) {
  using detail::ShardRange;
  for (std::size_t shards = 1; shards <= 17; ++shards) {
    for (std::size_t ranks = 1; ranks <= shards; ++ranks) {
      for (std::size_t r = 0; r < ranks; ++r) {
        const ShardRange range = detail::part_of(shards, ranks, r);
        const auto nodes = detail::nodes_within(shards, range);
        std::vector<ShardRange> stack;
        for (std::size_t i = range.first; i < range.last; ++i) {
          stack.push_back({i, i + 1});
          for (std::size_t k = detail::sums_complete_at(shards, range, i); k > 0; --k) {
            const ShardRange right = stack.back();
            stack.pop_back();
            BOOST_TEST((stack.back().last == right.first));
            const ShardRange both{stack.back().first, right.last};
            BOOST_TEST(detail::middle_of(both) == right.first);
            stack.back() = both;
          }
        }
        BOOST_TEST((stack == nodes));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(any_number_of_ranks_gives_the_same_bits) {
  NamedTensors<float> of_one;
  std::vector<double> losses_of_one;
  for_groups([&](const Communicator& c) {
    std::vector<double> losses;
    const NamedTensors<float> state = trained(c, 20, losses);
    for (const auto& t : state) BOOST_TEST(test::same_everywhere(c, t.tensor), t.name);
    if (c.size() == 1) of_one = state, losses_of_one = losses;
    if (c.rank() != 0) return;
    for (std::size_t i = 0; i < state.size(); ++i)
      BOOST_TEST(test::same_bits(state[i].tensor, of_one[i].tensor), of_one[i].name);
    BOOST_TEST(losses == losses_of_one, boost::test_tools::per_element());
    BOOST_TEST(losses.back() < 0.9 * losses.front());
  });
}

// Without batch normalisation and dropout: the gradient of the whole batch.
BOOST_AUTO_TEST_CASE(the_gradient_is_that_of_the_batch) {
  for (const std::size_t shards : {0UL, 5UL, 7UL}) {
    for_groups([&](const Communicator& c) {
      manual_seed(c.rank());  // rank 0's weights are taken
      Sequential<double> net{Linear<double>(6, 5), Tanh<double>(), Linear<double>(5, 4)};
      DataParallel<double> parallel(c, net, {.shards = shards, .bucket_bytes = 64});
      const Batch all = make_samples(23), mine = own(c, all, parallel.shards());
      const auto loss_of = [&](const Tensor<float>& x, const Indices& labels) {
        return cross_entropy(net(as_double(x)), labels);
      };
      const double loss = parallel.gradients(mine.x.size(0), [&](Part part) {
        return loss_of(part.of(mine.x), part.of(mine.labels));
      });
      std::vector<Tensor<double>> gradients;
      for (const auto& p : net.parameters()) gradients.push_back(p.tensor.gradient().clone());
      net.zero_grad();
      const Tensor<double> whole = loss_of(all.x, all.labels);
      whole.backward();
      BOOST_TEST(std::abs(loss - whole.item()) < 1e-14);
      const auto parameters = net.parameters();
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        const Tensor<double> g = parameters[i].tensor.gradient();
        BOOST_TEST(max(abs(g - gradients[i])).item() < 1e-15, parameters[i].name);
        BOOST_TEST(test::same_everywhere(c, gradients[i]));
      }
    });
  }
}

// A layer that is used twice, computed again in the backward pass: its gradient comes once, whole.
BOOST_AUTO_TEST_CASE(parts_that_are_computed_again) {
  for_groups([](const Communicator& c) {
    manual_seed(2);
    Linear<double> net(6, 6);
    const Batch all = make_samples(12), mine = own(c, all, 4);
    const auto loss_of = [&](const Tensor<float>& x, bool again) {
      const auto layer = [&](const std::vector<Tensor<double>>& in) {
        return std::vector<Tensor<double>>{tanh(net(in[0]))};
      };
      std::vector<Tensor<double>> h{as_double(x)};
      for (int i = 0; i < 2; ++i) h = again ? checkpoint(layer, h) : layer(h);
      return mean(square(h[0]));
    };
    loss_of(all.x, false).backward();
    const Tensor<double> expected = net.weight.gradient().clone();
    DataParallel<double> parallel(c, net, {.shards = 4});
    parallel.gradients(mine.x.size(0), [&](Part part) { return loss_of(part.of(mine.x), true); });
    BOOST_TEST(max(abs(net.weight.gradient() - expected)).item() < 1e-15);
  });
}

BOOST_AUTO_TEST_CASE(parameters_that_are_not_used) {
  for_groups([](const Communicator& c) {
    struct Two : Module<double> {
      Linear<double>& a = add<Linear<double>>("a", 6, 4);
      Linear<double>& b = add<Linear<double>>("b", 6, 4);
      Linear<double>& never = add<Linear<double>>("never", 6, 4);
      Tensor<double> forward(const Tensor<double>& x) override { return a(x); }
    } net;
    const Batch mine = own(c, make_samples(8), c.size());
    const Tensor<double> x = as_double(mine.x);
    const auto loss = [&](Part part) {
      const Tensor<double> y = net(part.of(x));
      return mean(square(c.rank() == 0 ? y + net.b.forward(part.of(x)) : y));
    };
    DataParallel<double> strict(c, net);
    if (c.size() == 1) {
      strict.gradients(x.size(0), loss);
      BOOST_TEST(net.b.weight.has_grad());
      BOOST_TEST(!net.never.weight.has_grad());
      return;
    }
    const std::string n = std::to_string(c.size());
    std::string where = "1 on rank 0";
    for (std::size_t r = 1; r < c.size(); ++r) where += ", 0 on rank " + std::to_string(r);
    check_failure<std::runtime_error>([&] { strict.gradients(x.size(0), loss); },
                                      "DataParallel: b.bias has a gradient in 1 of " + n +
                                          " shards: " + where +
                                          "; allow_unused takes it for zero elsewhere");
    BOOST_TEST(!net.a.weight.has_grad());
    DataParallel<double> lenient(c, net, {.allow_unused = true});
    lenient.gradients(x.size(0), loss);
    BOOST_TEST(net.b.weight.has_grad());
    BOOST_TEST(test::same_everywhere(c, net.b.weight.gradient()));
    BOOST_TEST(!net.never.weight.has_grad());
  });
}

BOOST_AUTO_TEST_CASE(refusals) {
  for_groups([](const Communicator& c) {
    const std::string ranks = std::to_string(c.size());
    Linear<double> net(6, 4);
    if (c.size() > 1) {
      check_failure<std::invalid_argument>(
          [&] { DataParallel<double>(c, net, {.shards = 1}); },
          "DataParallel: there are fewer shards than ranks: 1 shards, " + ranks + " ranks");
      Linear<double> other(c.rank() == 1 ? 5 : 6, 4);
      check_failure<std::invalid_argument>(
          [&] { DataParallel<double>(c, other); },
          "broadcast: ranks differ: rank 0 has weight (4, 6), rank 1 has weight (4, 5)");
    }
    DataParallel<double> parallel(c, net);
    const auto loss = [&](Part part) {
      return mean(net(Tensor<double>::filled({part.size(), 6}, 1)));
    };
    check_failure<std::invalid_argument>([&] { parallel.gradients(0, loss); },
                                         "DataParallel: the batch has no samples");
    if (c.size() == 2) {
      check_failure<std::invalid_argument>(
          [&] { parallel.gradients(c.rank() == 0 ? 1 : 5, loss); },
          "DataParallel: rank 0 has 1 samples of a batch of 6 in 2 shards, where its share is 3");
    }
    BOOST_TEST(std::isfinite(parallel.gradients(c.size() == 1 ? 2 : 1, loss)));
    Linear<double> partly(6, 4);
    partly.bias.requires_grad_(false);
    DataParallel<double> frozen(c, partly);
    const auto loss_of_partly = [&](Part part) {
      return mean(partly(Tensor<double>::filled({part.size(), 6}, 1)));
    };
    frozen.gradients(1, loss_of_partly);
    BOOST_TEST(partly.weight.has_grad());
    BOOST_TEST(!partly.bias.has_grad());
    partly.bias.requires_grad_();
    check_failure<std::logic_error>(
        [&] { frozen.gradients(1, loss_of_partly); },
        "DataParallel: bias was frozen and is not now: make another DataParallel");
  });
}

// Each sample once, batch by batch; ranks have as many batches.
BOOST_AUTO_TEST_CASE(samples_are_visited_once) {
  for (const std::size_t size : {0UL, 1UL, 47UL, 48UL, 100UL}) {
    for (const LastBatch last : {LastBatch::pad, LastBatch::drop}) {
      for_groups([&](const Communicator& c) {
        const DistributedBatches batches{.batch_size = 16, .shards = 8, .last = last};
        const std::vector<std::int64_t> order = distributed_sampler(c, batches)(size, {1, 2}),
                                        all = random_sampler()(size, {1, 2});
        Tensor<double> x = Tensor<double>::filled({order.size()}, 0);
        std::copy(order.begin(), order.end(), x.mutable_data());
        std::map<double, std::size_t> visits;
        for (const auto& part : c.all_gather(x)) {
          for (std::size_t i = 0; i < part.size(); ++i) ++visits[part.data()[i]];
        }
        const std::size_t whole = size / 16 * 16;
        BOOST_TEST(visits.size() == (last == LastBatch::pad ? size : whole));
        std::size_t visited = 0;
        for (const auto& [sample, n] : visits) {
          visited += n;
          BOOST_TEST(n <= (size < 8 ? 8 : 2));
        }
        BOOST_TEST(visited == (last == LastBatch::pad ? (size + 7) / 8 * 8 : whole));
        const std::size_t batch = local_batch_size(c, batches);
        for (const std::uint64_t n :
             c.all_gather(std::uint64_t{(order.size() + batch - 1) / batch}))
          BOOST_TEST(n == (order.size() + batch - 1) / batch);
        if (size >= 16 && c.rank() == 0)
          BOOST_TEST(std::equal(order.begin(), order.begin() + std::ptrdiff_t(batch), all.begin()));
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(a_loader_of_a_rank) {
  const Batch all = make_samples(55);
  const LabeledDataset<float> data(all.x.value(), all.labels);
  for_groups([&](const Communicator& c) {
    const DistributedBatches batches{.batch_size = 16, .shards = 4};
    DataLoader loader(data, {.batch_size = local_batch_size(c, batches),
                             .seed = 4,
                             .sampler = distributed_sampler(c, batches)});
    Net<float> net;
    DataParallel<float> parallel(c, net, {.shards = 4});
    BOOST_TEST(loader.size() == 4);  // before the first epoch, too
    std::size_t steps = 0;
    for (const auto& [x, labels] : loader) {
      parallel.gradients(labels.size(), [&, &x = x, &labels = labels](Part part) {
        return cross_entropy(net(part.of(x)), part.of(labels));
      });
      ++steps;
    }
    BOOST_TEST(steps == 4);
  });
}

// Statistics, output, gradients and running numbers are those of one process with the whole batch.
BOOST_AUTO_TEST_CASE(batch_normalisation_over_all_ranks) {
  const Batch all = make_samples(11);
  const Tensor<double> x = as_double(all.x);
  const Tensor<double> weights = sin(Tensor<double>::filled({11, 6}, 1) * x);
  for_groups([&](const Communicator& c) {
    BatchNorm<double> one(6);
    Tensor<double> whole = parameter(x.value());
    const Tensor<double> y = one(whole);
    sum(y * weights).backward();

    SyncBatchNorm<double> sync(c, 6);
    const Part part{11 * c.rank() / c.size(), 11 * (c.rank() + 1) / c.size()};
    Tensor<double> mine = parameter(part.of(x).value());
    const Tensor<double> z = sync(mine);
    sum(z * part.of(weights)).backward();
    BOOST_TEST(max(abs(z - part.of(y))).item() < 1e-14);
    BOOST_TEST(max(abs(mine.gradient() - part.of(whole.gradient()))).item() < 1e-13);
    BOOST_TEST(max(abs(sync.running_var - one.running_var)).item() < 1e-15);
    BOOST_TEST(max(abs(sync.running_mean - one.running_mean)).item() < 1e-15);
    Tensor<double> g = sync.weight.gradient().clone();
    c.all_reduce(g);
    BOOST_TEST(max(abs(g - one.weight.gradient())).item() < 1e-13);

    const auto copy = sync.structure();
    copy->copy_state(sync);
    copy->eval();
    one.eval();
    BOOST_TEST(max(abs((*copy)(part.of(x)) - part.of(one(x)))).item() < 1e-14);
    sync.train();
    BOOST_CHECK_THROW(sync(Tensor<double>::filled({c.size() > 1 ? 0UL : 1UL, 6}, 1)),
                      std::invalid_argument);
  });
}

// Within DataParallel, also where ranks have other numbers of samples: the gradient is that of one
// process with the whole batch.
BOOST_AUTO_TEST_CASE(batch_normalisation_over_all_ranks_of_a_batch) {
  const Batch all = make_samples(11);
  for_groups([&](const Communicator& c) {
    manual_seed(1);
    Linear<double> below(6, 5), above(5, 4);
    BatchNorm<double> one(5);
    const auto loss_of = [&](auto& bn, const Tensor<float>& x, const Indices& labels) {
      return cross_entropy(above(tanh(bn(below(as_double(x))))), labels);
    };
    loss_of(one, all.x, all.labels).backward();
    const Tensor<double> expected = below.weight.gradient().clone();

    struct Net : Module<double> {
      Net(const Communicator& c, const Linear<double>& a, const Linear<double>& b)
          : below(add<Linear<double>>("below", 6, 5)),
            bn(add<SyncBatchNorm<double>>("bn", c, 5)),
            above(add<Linear<double>>("above", 5, 4)) {
        below.copy_state(a);
        above.copy_state(b);
      }
      Tensor<double> forward(const Tensor<double>& x) override { return above(tanh(bn(below(x)))); }
      Linear<double>& below;
      SyncBatchNorm<double>& bn;
      Linear<double>& above;
    } net(c, below, above);
    DataParallel<double> parallel(c, net);
    const Batch mine = own(c, all, c.size());
    parallel.gradients(mine.x.size(0), [&](Part part) {
      return cross_entropy(net(as_double(part.of(mine.x))), part.of(mine.labels));
    });
    BOOST_TEST(max(abs(net.below.weight.gradient() - expected)).item() < 1e-14);
    BOOST_TEST(max(abs(net.bn.running_var - one.running_var)).item() < 1e-15);
  });
}

// The second derivative goes through the ranks' sums, too.
BOOST_AUTO_TEST_CASE(second_derivative_of_the_sum) {
  for_groups([](const Communicator& c) {
    Tensor<double> x = parameter(Tensor<double>::filled({2}, 1.0 + double(c.rank())).value());
    const auto n = static_cast<double>(c.size()), total = n * (n + 1) / 2;
    const Tensor<double> s = sum_over_ranks(c, x);
    const Tensor<double> g = grad(sum(s * s * s), x, {.create_graph = true});  // n 3 s^2
    BOOST_TEST(g.value()(0) == n * 3 * total * total);
    const Tensor<double> h = grad(sum(g), x);  // n n 6 s
    BOOST_TEST(h.value()(1) == n * n * 6 * total);
  });
}

BOOST_AUTO_TEST_SUITE_END()
