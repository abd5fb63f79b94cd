// Updates of parameters, random numbers, copies on a grid, and the memory pool.

#include "rates.hpp"
#include "xgrad/kernels/copy.hpp"
#include "xgrad/kernels/optimizer.hpp"
#include "xgrad/kernels/pool.hpp"
#include "xgrad/kernels/random.hpp"

namespace benchmark_kernels {
namespace {

using namespace xgrad;

template <class Rule>
void update(benchmark::State& state, Rule rule) {
  using T = typename Rule::value_type;
  const auto n = static_cast<std::size_t>(state.range(0));
  auto w = numbers<T>(n), first = numbers<T>(n), second = numbers<T>(n);
  const auto g = numbers<T>(n);
  kernels::UpdateArguments<T> a{};
  a.w = w.data();
  a.g = g.data();
  a.state[0] = first.data();
  a.state[1] = second.data();
  a.n = n;
  run(state, [&] { kernels::update(rule, a); });
  report(state, (3.0 + 2 * Rule::kStates) * sizeof(T) * static_cast<double>(n));
}

template <class Fill>
void draw(benchmark::State& state, Fill fill) {
  const auto n = static_cast<std::size_t>(state.range(0));
  auto x = numbers<float>(n);
  Generator generator(1);
  run(state, [&] { fill(x.data(), n, generator.next()); });
  report(state, sizeof(float) * static_cast<double>(n));
}

void transpose(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto x = numbers<float>(n * n);
  auto y = numbers<float>(n * n);
  kernels::Lattice lattice;
  lattice.add_axis(n, 1);
  lattice.add_axis(n, static_cast<std::ptrdiff_t>(n));
  run(state, [&] { kernels::read_lattice(x.data(), lattice, y.data(), false); });
  report(state, 2.0 * sizeof(float) * static_cast<double>(n * n));
}

// Gives back a block and takes one of the same size.
void pool(benchmark::State& state) {
  const auto bytes = static_cast<std::size_t>(state.range(0));
  run(state, [&] {
    void* p = xgrad::detail::pool_allocate(bytes);
    benchmark::DoNotOptimize(p);
    xgrad::detail::pool_free(p, bytes);
  });
}

const bool kAdded = [] {
  using benchmark::RegisterBenchmark;
  const kernels::SgdRule<float> sgd{0.01F};
  const kernels::MomentumRule<float> momentum{0.9F, 1, 0.01F, 0};
  const kernels::AdamRule<float, false> adam{{0.9F, 0.1F, 0.999F, 0.001F}, 1e-3F, 1, 1e-8F};
  for (const std::int64_t n : {10000, 400000}) {
    RegisterBenchmark("update/sgd", update<kernels::SgdRule<float>>, sgd)->Arg(n);
    RegisterBenchmark("update/momentum", update<kernels::MomentumRule<float>>, momentum)->Arg(n);
    RegisterBenchmark("update/adam", update<kernels::AdamRule<float, false>>, adam)->Arg(n);
    const auto uniform = [](float* x, std::size_t size, Generator::State s) {
      kernels::fill_uniform(x, size, 0.0F, 1.0F, s);
    };
    const auto normal = [](float* x, std::size_t size, Generator::State s) {
      kernels::fill_normal(x, size, 0.0F, 1.0F, s);
    };
    const auto bernoulli = [](float* x, std::size_t size, Generator::State s) {
      kernels::fill_bernoulli(x, size, 0.5, 2.0F, s);
    };
    RegisterBenchmark("random/uniform", draw<decltype(uniform)>, uniform)->Arg(n);
    RegisterBenchmark("random/normal", draw<decltype(normal)>, normal)->Arg(n);
    RegisterBenchmark("random/bernoulli", draw<decltype(bernoulli)>, bernoulli)->Arg(n);
  }
  RegisterBenchmark("transpose", transpose)->Arg(256)->Arg(1024)->Arg(4096);
  RegisterBenchmark("pool", pool)->Arg(64)->Arg(4096)->Arg(1 << 20);
  return true;
}();

}  // namespace
}  // namespace benchmark_kernels
