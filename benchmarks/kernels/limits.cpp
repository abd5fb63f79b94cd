// What the machine can do: copies, sums of two arrays, products by OpenBLAS, memory that is new.

#include <cblas.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>

#include "rates.hpp"

namespace benchmark_kernels {
namespace {

// Calls a second of `work`: the best of some stretches of 10 ms.
template <class Work>
double best_rate(const Work& work) {
  using Clock = std::chrono::steady_clock;
  double best = 0;
  for (int stretch = 0; stretch < 10; ++stretch) {
    const auto start = Clock::now();
    double calls = 0, seconds = 0;
    do {
      work();
      benchmark::ClobberMemory();
      ++calls;
      seconds = std::chrono::duration<double>(Clock::now() - start).count();
    } while (seconds < 0.01);
    best = std::max(best, calls / seconds);
  }
  return best;
}

void gemm(std::size_t n, const float* a, const float* b, float* c) {
  const auto k = static_cast<blasint>(n);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, k, k, k, 1, a, k, b, k, 0, c, k);
}
void gemm(std::size_t n, const double* a, const double* b, double* c) {
  const auto k = static_cast<blasint>(n);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, k, k, k, 1, a, k, b, k, 0, c, k);
}

template <class T>
double measured_gemm_rate() {
  constexpr std::size_t n = 512;
  const auto a = numbers<T>(n * n), b = numbers<T>(n * n);
  auto c = numbers<T>(n * n);
  return 2.0 * n * n * n * best_rate([&] { gemm(n, a.data(), b.data(), c.data()); });
}

void copy(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto x = numbers<float>(n);
  auto y = numbers<float>(n);
  run(state, [&] { std::memcpy(y.data(), x.data(), n * sizeof(float)); });
  report(state, 8.0 * static_cast<double>(n));
}

void triad(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto x = numbers<float>(n), y = numbers<float>(n);
  auto z = numbers<float>(n);
  const float *a = x.data(), *b = y.data();
  float* c = z.data();
  run(state, [&] {
#ifndef __clang__
#pragma GCC ivdep
#endif
    for (std::size_t i = 0; i < n; ++i) c[i] = a[i] + 3 * b[i];
  });
  report(state, 12.0 * static_cast<double>(n));
}

// What every array would cost without a pool.
void fresh_memory(benchmark::State& state) {
  const auto bytes = static_cast<std::size_t>(state.range(0)) * sizeof(float);
  run(state, [&] {
    void* p = std::malloc(bytes);
    std::memset(p, 1, bytes);
    benchmark::DoNotOptimize(p);
    std::free(p);
  });
  report(state, static_cast<double>(bytes));
}

template <class T>
void openblas(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto a = numbers<T>(n * n), b = numbers<T>(n * n);
  auto c = numbers<T>(n * n);
  run(state, [&] { gemm(n, a.data(), b.data(), c.data()); });
  const double d = static_cast<double>(n);
  report(state, 3 * d * d * sizeof(T), 2 * d * d * d, sizeof(T) == 4);
}

BENCHMARK(copy)->Name("limits/copy")->RangeMultiplier(10)->Range(10000, 10000000);
BENCHMARK(triad)->Name("limits/triad")->RangeMultiplier(10)->Range(10000, 10000000);
BENCHMARK(fresh_memory)->Name("limits/fresh_memory")->Range(1 << 20, 1 << 24);
BENCHMARK_TEMPLATE(openblas, float)->Name("limits/sgemm")->RangeMultiplier(2)->Range(64, 1024);
BENCHMARK_TEMPLATE(openblas, double)->Name("limits/dgemm")->RangeMultiplier(2)->Range(64, 1024);

}  // namespace

double copy_rate(double bytes) {
  static std::map<std::size_t, double> rates;
  std::size_t n = 4096;  // floats in each of the two arrays
  while (8.0 * static_cast<double>(n) < bytes && n < (std::size_t{1} << 24)) n *= 2;
  double& rate = rates[n];
  if (rate == 0) {
    const auto x = numbers<float>(n);
    auto y = numbers<float>(n);
    rate = 8.0 * static_cast<double>(n) *
           best_rate([&] { std::memcpy(y.data(), x.data(), n * sizeof(float)); });
  }
  return rate;
}

double gemm_rate(bool is_float) {
  static const double rates[] = {measured_gemm_rate<double>(), measured_gemm_rate<float>()};
  return rates[is_float ? 1 : 0];
}

}  // namespace benchmark_kernels
