#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>
#include <xgrad/distributed/sharded_optimizer.hpp>
#include <xgrad/ops/random.hpp>

#include "tests/distributed/groups.hpp"
#include "tests/message.hpp"

using namespace xgrad;
using test::check_failure;
using test::for_groups;

namespace {

// Of these sizes some are no multiple of the number of ranks, and one has fewer elements than ranks.
NamedTensors<float> make_parameters() {
  Generator generator(3);
  const auto tensor = [&](const Shape& s) {
    return parameter(normal<float>(s, 0, 1, generator).value());
  };
  return {{"w", tensor({7, 5})}, {"b", tensor({2})}, {"frozen", tensor({4})}, {"v", tensor({33})}};
}

// Gradients, some of which are missing.
void set_gradients(const NamedTensors<float>& parameters, std::size_t step) {
  Generator generator(step);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Tensor<float> p = parameters[i].tensor;
    p.zero_grad();
    const Tensor<float> g = normal<float>(p.shape(), 0, 1, generator);
    if (i != step % 3) p.set_gradient(g);
  }
}

bool same_bits(const NamedTensors<float>& a, const NamedTensors<float>& b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i)
    same = a[i].name == b[i].name && test::same_bits(a[i].tensor, b[i].tensor);
  return same;
}

template <class Inner>
using Options = std::decay_t<decltype(std::declval<const Inner&>().options())>;

// An optimizer whose first two parameters are a group, and the others one for each of `more`.
template <class O, class Options, class... First>
std::unique_ptr<O> make(const NamedTensors<float>& p, const Options& options,
                        const std::vector<Options>& more, const First&... first) {
  if (more.empty()) return std::make_unique<O>(first..., p, options);
  auto r = std::make_unique<O>(first..., NamedTensors<float>{p[0], p[1]}, options);
  for (std::size_t i = 0; i < more.size(); ++i) r->add_group({p[2 + i]}, more[i]);
  return r;
}

// Weights and state have the bits of the optimizer itself; either goes on with the other's state.
template <class Inner>
void check(const Options<Inner>& options, const std::vector<Options<Inner>>& more = {}) {
  for_groups([&](const Communicator& c) {
    const NamedTensors<float> whole = make_parameters(), sharded = make_parameters();
    const auto plain_of_all = make<Inner>(whole, options, more);
    Inner& plain = *plain_of_all;
    auto of_ranks = make<ShardedOptimizer<Inner>>(sharded, options, more, c);
    const auto run = [&](std::size_t first, std::size_t last) {
      for (std::size_t step = first; step < last; ++step) {
        set_gradients(whole, step);
        set_gradients(sharded, step);
        for (auto* o : std::vector<Optimizer<float>*>{&plain, of_ranks.get()}) {
          for (std::size_t g = 0; g < o->group_count(); ++g)
            o->set_learning_rate(0.1 / double(step + 1 + g), g);
          o->step();
        }
      }
      BOOST_TEST(same_bits(whole, sharded));
    };
    for (const auto& list : {whole, sharded}) Tensor<float>(list[2].tensor).requires_grad_(false);
    run(0, 4);
    for (const auto& list : {whole, sharded}) Tensor<float>(list[2].tensor).requires_grad_(true);
    run(4, 9);
    const OptimizerState<float> expected = plain.state_dict(), found = of_ranks->state_dict();
    BOOST_TEST((found.numbers == expected.numbers));
    BOOST_TEST(same_bits(found.tensors, c.rank() == 0 ? expected.tensors : NamedTensors<float>()));
    std::size_t bytes = 0;
    for (const auto& t : expected.tensors) bytes += t.tensor.size() * sizeof(float);
    std::size_t of_all = 0;
    for (const std::uint64_t n : c.all_gather(std::uint64_t{of_ranks->state_bytes()})) of_all += n;
    BOOST_TEST(of_all == bytes);
    of_ranks = make<ShardedOptimizer<Inner>>(sharded, options, more, c);
    of_ranks->load_state_dict(expected);
    if (c.rank() == 0) plain.load_state_dict(found);
    run(9, 12);
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sharded_optimizer)

BOOST_AUTO_TEST_CASE(adam) { check<Adam<float>>({.learning_rate = 0.1, .amsgrad = true}); }
BOOST_AUTO_TEST_CASE(adamw) {
  check<AdamW<float>>({.weight_decay = 0.1, .decay = {.l1 = 0.01, .only = matrices()}});
}
BOOST_AUTO_TEST_CASE(sgd) {
  check<Sgd<float>>({.learning_rate = 0.1, .momentum = 0.9, .nesterov = true});
  check<Sgd<float>>({.learning_rate = 0.1});
}
BOOST_AUTO_TEST_CASE(several_groups) {
  check<Adam<float>>({.learning_rate = 0.1},
                     {{.beta1 = 0.5, .amsgrad = true}, {.weight_decay = 0.1}});
  check<AdamW<float>>({.weight_decay = 0.1, .decay = {.only = matrices()}},
                      {{.weight_decay = 0.2}, {.beta2 = 0.9, .weight_decay = 0}});
  // Only one of them has a state.
  check<Sgd<float>>({.learning_rate = 0.1}, {{.momentum = 0.9}, {.weight_decay = 0.1}});
}

BOOST_AUTO_TEST_CASE(refusals) {
  for_groups([](const Communicator& c) {
    check_failure<std::invalid_argument>(
        [&] {
          ShardedOptimizer<Sgd<float>>(c, make_parameters(), {.momentum = 0.9, .look_ahead = true});
        },
        "ShardedOptimizer: look_ahead moves whole parameters");
    check_failure<std::invalid_argument>(
        [&] { ShardedOptimizer<Adam<float>>(c, make_parameters(), {.learning_rate = -1}); },
        "Adam: learning_rate is not in [0, inf): -1");
    {
      const auto p = make_parameters();
      ShardedOptimizer<Adam<float>> adam(c, {p[0], p[1]});
      check_failure<std::invalid_argument>(
          [&] {
            adam.add_group({{"again", p[0].tensor}});
          },
          "Adam: parameter \"again\" is in group 0 already, as \"w\"");
      BOOST_CHECK_THROW(adam.add_group({p[2]}, {.learning_rate = -1}), std::invalid_argument);
      BOOST_TEST(adam.group_count() == 1u);
    }
    if (c.size() == 1) return;
    BOOST_CHECK_THROW(ShardedOptimizer<Adam<float>>(
                          c, {{c.rank() == 1 ? "a" : "b", make_parameters()[0].tensor}}),
                      std::invalid_argument);
    BOOST_CHECK_THROW(
        ShardedOptimizer<Adam<float>>(c, make_parameters(), {.amsgrad = c.rank() == 1}),
        std::invalid_argument);
    BOOST_CHECK_THROW(
        ShardedOptimizer<Sgd<float>>(c, make_parameters(), {.momentum = c.rank() == 1 ? 0.9 : 0.8}),
        std::invalid_argument);
    ShardedOptimizer<Adam<float>> adam(c, make_parameters());
    adam.set_checks({.missing = true});
    BOOST_CHECK_THROW(adam.step(), std::logic_error);
  });
}

BOOST_AUTO_TEST_SUITE_END()
