// Elementwise formulas, forward and backward: long arrays, and rows and columns that broadcast.

#include "rates.hpp"
#include "xgrad/kernels/dispatch.hpp"
#include "xgrad/kernels/formulas/activations.hpp"
#include "xgrad/kernels/formulas/arithmetic.hpp"
#include "xgrad/kernels/formulas/elementary.hpp"
#include "xgrad/kernels/formulas/special.hpp"
#include "xgrad/kernels/formulas/trigonometry.hpp"

namespace benchmark_kernels {
namespace {

using namespace xgrad;
using kernels::Loop;

constexpr std::size_t kSizes[] = {1000, 100000, 1000000};

template <class F, class T>
const kernels::ElementwiseKernels<T>& kernels_of() {
  static const auto k = kernels::elementwise_kernels_here<F, T>();
  return k;
}

Loop flat(std::size_t n, std::size_t inputs) {
  Loop loop{};
  loop.rank = 1;
  loop.inputs = inputs;
  loop.extent[0] = n;
  for (std::size_t i = 0; i < inputs; ++i) loop.stride[i][0] = 1;
  return loop;
}

template <class F, class T>
void forward(benchmark::State& state, F f) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto x = numbers<T>(n);
  auto y = numbers<T>(n);
  const T* in[] = {x.data()};
  const Loop loop = flat(n, 1);
  run(state, [&] { kernels_of<F, T>().forward(&f, loop, in, y.data()); });
  report(state, 2.0 * sizeof(T) * static_cast<double>(n));
}

template <class F, class T>
void backward(benchmark::State& state, F f) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto x = numbers<T>(n), y = numbers<T>(n), gy = numbers<T>(n);
  auto gx = numbers<T>(n);
  kernels::BackwardArguments<T> a{};
  a.in[0] = x.data();
  a.y = y.data();
  a.gy = gy.data();
  a.gin[0] = gx.data();
  const Loop loop = flat(n, 1);
  run(state, [&] { kernels_of<F, T>().backward[1](&f, loop, a); });
  report(state, 3.0 * sizeof(T) * static_cast<double>(n));
}

// {n, 512} and a row {512} or a column {n, 1}; n such that there are `range` numbers.
template <class F>
void broadcast(benchmark::State& state, F f, bool row, bool back) {
  constexpr std::size_t d = 512;
  const auto n = static_cast<std::size_t>(state.range(0)) / d;
  const auto x = numbers<float>(n * d), b = numbers<float>(row ? d : n), gy = numbers<float>(n * d);
  auto y = numbers<float>(n * d), gx = numbers<float>(n * d), gb = numbers<float>(row ? d : n);
  Loop loop{};
  loop.rank = loop.inputs = 2;
  loop.extent[0] = n;
  loop.extent[1] = d;
  loop.stride[0][0] = d;
  loop.stride[0][1] = 1;
  loop.stride[1][row ? 1 : 0] = 1;
  const float* in[] = {x.data(), b.data()};
  kernels::BackwardArguments<float> a{};
  a.in[0] = x.data();
  a.in[1] = b.data();
  a.gy = gy.data();
  a.gin[0] = gx.data();
  a.gin[1] = gb.data();
  a.accumulate[1] = true;
  run(state, [&] {
    if (back) {
      kernels_of<F, float>().backward[3](&f, loop, a);
    } else {
      kernels_of<F, float>().forward(&f, loop, in, y.data());
    }
  });
  report(state, (back ? 3.0 : 2.0) * sizeof(float) * static_cast<double>(n * d));
}

template <class F, class T>
void add(const std::string& name, F f = {}) {
  const std::string type = sizeof(T) == 4 ? "float" : "double";
  for (const std::size_t n : kSizes) {
    const auto size = static_cast<std::int64_t>(n);
    benchmark::RegisterBenchmark(("forward/" + name + "/" + type).c_str(), forward<F, T>, f)
        ->Arg(size);
    benchmark::RegisterBenchmark(("backward/" + name + "/" + type).c_str(), backward<F, T>, f)
        ->Arg(size);
  }
}

template <class F>
void add_broadcast(const std::string& name) {
  for (const bool row : {true, false}) {
    for (const bool back : {false, true}) {
      const std::string title =
          (back ? "backward/" : "forward/") + name + (row ? "_row" : "_column");
      benchmark::RegisterBenchmark(title.c_str(), broadcast<F>, F{}, row, back)
          ->Arg(1 << 17)
          ->Arg(1 << 21);
    }
  }
}

const bool kAdded = [] {
  add<primitives::Relu, float>("relu");
  add<primitives::Exp, float>("exp");
  add<primitives::Exp, double>("exp");
  add<primitives::Log, float>("log");
  add<primitives::Tanh, float>("tanh");
  add<primitives::Tanh, double>("tanh");
  add<primitives::Sigmoid, float>("sigmoid");
  add<primitives::Erf, float>("erf");
  add<primitives::Sin, float>("sin");
  add<primitives::Softplus, float>("softplus");
  add<primitives::Gelu, float>("gelu");
  add<primitives::GeluTanh, float>("gelu_tanh");
  add<primitives::Silu, float>("silu");
  add_broadcast<primitives::Add>("add");
  add_broadcast<primitives::Multiply>("multiply");
  return true;
}();

}  // namespace
}  // namespace benchmark_kernels
