// The matrix products of a training step of a linear layer: y = x W^T, gx = gy W, gW = gy^T x.

#include "rates.hpp"
#include "xgrad/kernels/gemm.hpp"

namespace benchmark_kernels {
namespace {

template <class T>
void product(benchmark::State& state, bool ta, bool tb) {
  const auto m = static_cast<std::size_t>(state.range(0)),
             n = static_cast<std::size_t>(state.range(1)),
             k = static_cast<std::size_t>(state.range(2));
  const auto a = numbers<T>(m * k), b = numbers<T>(k * n);
  auto c = numbers<T>(m * n);
  run(state, [&] { xgrad::kernels::gemm(ta, tb, m, n, k, a.data(), b.data(), T(0), c.data()); });
  const auto d = [](std::size_t v) { return static_cast<double>(v); };
  report(state, sizeof(T) * (d(m) * d(k) + d(k) * d(n) + d(m) * d(n)), 2 * d(m) * d(n) * d(k),
         sizeof(T) == 4);
}

const bool kAdded = [] {
  for (const std::int64_t batch : {1, 32, 128, 512}) {
    for (const auto& [in, out] :
         {std::pair<std::int64_t, std::int64_t>{784, 512}, {512, 256}, {256, 256}, {256, 10}}) {
      benchmark::RegisterBenchmark("product/forward", product<float>, false, true)
          ->Args({batch, out, in});
      benchmark::RegisterBenchmark("product/input_gradient", product<float>, false, false)
          ->Args({batch, in, out});
      benchmark::RegisterBenchmark("product/weight_gradient", product<float>, true, false)
          ->Args({out, in, batch});
    }
  }
  benchmark::RegisterBenchmark("product/forward/double", product<double>, false, true)
      ->Args({128, 512, 784});
  return true;
}();

}  // namespace
}  // namespace benchmark_kernels
