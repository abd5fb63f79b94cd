// Kernels along an axis of (rows, columns): sums, softmax, normalisations.

#include <functional>

#include "rates.hpp"
#include "xgrad/kernels/normalization.hpp"
#include "xgrad/kernels/reduce.hpp"
#include "xgrad/kernels/softmax.hpp"

namespace benchmark_kernels {
namespace {

using namespace xgrad;
using kernels::AxisView;

constexpr std::size_t kShapes[][2] = {{128, 256}, {4096, 512}};

// x, y and gy of (rows, columns), and what a kernel keeps.
struct Arrays {
  std::size_t rows, columns;
  Array<float> x, y, gy, gx, weight, bias, mean, rest, rstd, gweight, gbias;

  Arrays(std::size_t n, std::size_t d)
      : rows(n),
        columns(d),
        x(numbers<float>(n * d)),
        y(numbers<float>(n * d)),
        gy(numbers<float>(n * d)),
        gx(numbers<float>(n * d)),
        weight(numbers<float>(d)),
        bias(numbers<float>(d)),
        mean(numbers<float>(n + d)),
        rest(numbers<float>(n + d)),
        rstd(numbers<float>(n + d)),
        gweight(numbers<float>(d)),
        gbias(numbers<float>(d)) {}
  kernels::NormInputs<float> inputs() {
    return {x.data(), weight.data(), bias.data(), mean.data(), rest.data(), rstd.data(), nullptr};
  }
  kernels::NormGradients<float> gradients() {
    return {gy.data(), gx.data(), false, gweight.data(), gbias.data()};
  }
};

// `passes` arrays of (rows, columns) are read or written.
void add(const std::string& name, double passes, const std::function<void(Arrays&)>& kernel) {
  for (const auto& shape : kShapes) {
    benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
      Arrays a(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)));
      run(state, [&] { kernel(a); });
      report(state, passes * 4 * static_cast<double>(a.rows * a.columns));
    })->Args({static_cast<std::int64_t>(shape[0]), static_cast<std::int64_t>(shape[1])});
  }
}

const bool kAdded = [] {
  using kernels::Reduction;
  add("sum/axis_0", 1, [](Arrays& a) {
    kernels::reduce(Reduction::sum, a.x.data(), a.y.data(), 1, a.rows, a.columns);
  });
  add("sum/axis_1", 1, [](Arrays& a) {
    kernels::reduce(Reduction::sum, a.x.data(), a.y.data(), a.rows, a.columns, 1);
  });
  add("sum/all", 1, [](Arrays& a) {
    kernels::reduce(Reduction::sum, a.x.data(), a.y.data(), 1, a.rows * a.columns, 1);
  });
  add("max/axis_1", 1, [](Arrays& a) {
    kernels::reduce(Reduction::maximum, a.x.data(), a.y.data(), a.rows, a.columns, 1);
  });
  add("spread/axis_0", 1, [](Arrays& a) {
    kernels::spread(a.x.data(), a.y.data(), 1, a.rows, a.columns, 1.0F, false);
  });
  add("spread/axis_1", 1, [](Arrays& a) {
    kernels::spread(a.x.data(), a.y.data(), a.rows, a.columns, 1, 1.0F, false);
  });
  add("log_softmax/forward", 2, [](Arrays& a) {
    kernels::log_softmax(a.x.data(), a.y.data(), AxisView{a.rows, a.columns, 1});
  });
  add("log_softmax/backward", 3, [](Arrays& a) {
    kernels::log_softmax_backward(a.y.data(), a.gy.data(), a.gx.data(),
                                  AxisView{a.rows, a.columns, 1}, false);
  });
  add("layer_norm/forward", 2, [](Arrays& a) {
    kernels::normalize_rows(a.inputs(), a.y.data(), {a.rows, a.columns, 1}, 1e-5F);
  });
  add("layer_norm/backward", 3, [](Arrays& a) {
    kernels::normalize_rows_backward(a.inputs(), a.gradients(), {a.rows, a.columns, 1});
  });
  add("batch_norm/forward", 2, [](Arrays& a) {
    kernels::normalize_channels(a.inputs(), a.y.data(), {a.rows, a.columns, 1, 0}, 1e-5F);
  });
  add("batch_norm/backward", 3, [](Arrays& a) {
    kernels::normalize_channels_backward(a.inputs(), a.gradients(), {a.rows, a.columns, 1, 0});
  });
  return true;
}();

}  // namespace
}  // namespace benchmark_kernels
