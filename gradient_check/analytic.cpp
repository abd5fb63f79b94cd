#include "xgrad/gradient_check/analytic.hpp"

#include <algorithm>
#include <cmath>

namespace xgrad::detail {
namespace {

using Tensors = std::vector<Tensor<double>>;

Tensors gradients_of(const Probe& probe, const Tensors& outputs, std::size_t number) {
  Tensors differentiable, seeds;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].requires_grad()) continue;
    differentiable.push_back(outputs[i]);
    seeds.push_back(probe.seed(number, outputs, i));
  }
  if (differentiable.empty()) return Tensors(probe.inputs().size());
  return grad(differentiable, probe.inputs(), {.retain_graph = true, .allow_unused = true}, seeds);
}

// One position out of each of `count` equal parts of the list.
void sample_from(const std::vector<std::size_t>& list, std::size_t count, Generator& generator,
                 std::vector<std::size_t>& chosen) {
  std::vector<double> u(count);
  kernels::fill_uniform(u.data(), count, 0.0, 1.0, generator.next());
  for (std::size_t j = 0; j < count; ++j) {
    const std::size_t begin = j * list.size() / count, end = (j + 1) * list.size() / count;
    chosen.push_back(
        list[begin + static_cast<std::size_t>(u[j] * static_cast<double>(end - begin))]);
  }
}

}  // namespace

double AnalyticGradients::largest(std::size_t number, std::size_t input) const {
  const Tensor<double>& g = values[number][input];
  double most = 0;
  for (std::size_t i = 0; i < g.size(); ++i) most = std::max(most, std::abs(g.data()[i]));
  return most;
}

double AnalyticGradients::norm(std::size_t input) const {
  double sum = 0;
  for (const Tensors& g : values) {
    for (std::size_t i = 0; i < g[input].size(); ++i)
      sum += g[input].data()[i] * g[input].data()[i];
  }
  return std::sqrt(sum);
}

bool AnalyticGradients::is_zero(std::size_t input, std::size_t position) const {
  return std::all_of(values.begin(), values.end(),
                     [&](const Tensors& g) { return g[input].data()[position] == 0; });
}

AnalyticGradients analytic_gradients(const Probe& probe, const Tensors& outputs) {
  const Tensors& inputs = probe.inputs();
  AnalyticGradients a;
  a.reached.assign(inputs.size(), false);
  for (std::size_t k = 0; k < probe.count(); ++k) {
    Tensors g = gradients_of(probe, outputs, k);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (g[i].defined()) a.reached[i] = true;
      if (!g[i].defined()) g[i] = Tensor<double>::filled(inputs[i].shape(), 0);
    }
    a.values.push_back(std::move(g));
  }
  return a;
}

std::vector<std::size_t> choose_positions(const AnalyticGradients& gradients, std::size_t input,
                                          std::size_t samples, Generator& generator) {
  std::vector<std::size_t> with, without, chosen;
  const std::size_t all = gradients.values.empty() ? 0 : gradients.values[0][input].size();
  for (std::size_t p = 0; p < all; ++p) (gradients.is_zero(input, p) ? without : with).push_back(p);
  if (samples == 0 || samples > all) samples = all;
  const std::size_t fewest = samples - std::min(samples, with.size());
  const std::size_t zeros = std::max(fewest, std::min(samples / 4, without.size()));
  sample_from(with, samples - zeros, generator, chosen);
  sample_from(without, zeros, generator, chosen);
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace xgrad::detail
