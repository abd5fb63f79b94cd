#pragma once

// Rates of kernels beside the limits of the machine, which are measured in the same process:
// bytes/s with `of_copy`, their share of what a copy of arrays of that size reaches, and flop/s
// with `of_gemm`, their share of a large matrix product. One thread.

#include <benchmark/benchmark.h>

#include <cstddef>
#include <vector>

#include "xgrad/autograd/array.hpp"

namespace benchmark_kernels {

/// n numbers in memory of the library's pool, where tensors live: 0.001, 0.002, ... up to 1.
template <class T>
xgrad::Array<T> numbers(std::size_t n) {
  xgrad::Array<T> a(typename xgrad::Array<T>::shape_type{n});
  for (std::size_t i = 0; i < n; ++i) a.data()[i] = static_cast<T>(i % 1000 + 1) / 1000;
  return a;
}

/// Bytes a second of copying, reads and writes counted, when `bytes` are touched in all.
double copy_rate(double bytes);
/// flop a second of a 512 x 512 x 512 product, in float or double.
double gemm_rate(bool is_float);

/// What each iteration of the loop touches, and computes.
inline void report(benchmark::State& state, double bytes, double flop = 0, bool is_float = true) {
  using benchmark::Counter;
  const auto rate = [](double v) { return Counter(v, Counter::kIsIterationInvariantRate); };
  state.counters["bytes/s"] = rate(bytes);
  state.counters["of_copy"] = rate(bytes / copy_rate(bytes));
  if (flop == 0) return;
  state.counters["flop/s"] = rate(flop);
  state.counters["of_gemm"] = rate(flop / gemm_rate(is_float));
}

/// Runs `work` for as long as Google Benchmark wants.
template <class Work>
void run(benchmark::State& state, const Work& work) {
  for (auto _ : state) {
    work();
    benchmark::ClobberMemory();
  }
}

}  // namespace benchmark_kernels
