#include "xgrad/gradient_check/analytic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <limits>

#include "xgrad/autograd/observe.hpp"
#include "xgrad/base/text.hpp"
#include "xgrad/gradient_check/noise.hpp"
#include "xgrad/gradient_check/tape.hpp"

namespace xgrad::detail {
namespace {

using Tensors = std::vector<Tensor<double>>;

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kSameGradient = 1e-9, kSameBesideLargest = 64 * kEpsilon;
// What backward is started with, times the usual: powers of 2 change no rounding. The last repeats
// the first pass.
constexpr std::array<double, 4> kFactors = {-1, 0x1p28, -0x1p-12, 1};
constexpr std::size_t kNumbersTried = 4;  // of a whole Jacobian

// The outputs that depend on something, and what backward starts with at each.
struct Start {
  Tensors outputs, seeds;
};

Start start_of(const Probe& probe, const Tensors& outputs, std::size_t number, double factor) {
  Start s;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].requires_grad()) continue;
    s.outputs.push_back(outputs[i]);
    s.seeds.push_back(probe.seed(number, outputs, i, factor));
  }
  return s;
}

Tensors gradients_of(const Probe& probe, const Tensors& outputs, std::size_t number,
                     double factor = 1) {
  const Start s = start_of(probe, outputs, number, factor);
  if (s.outputs.empty()) return Tensors(probe.inputs().size());
  return grad(s.outputs, probe.inputs(), {.retain_graph = true, .allow_unused = true}, s.seeds);
}

double largest_of(const Tensor<double>& g) {
  double most = 0;
  for (std::size_t i = 0; i < g.size(); ++i) most = std::max(most, std::abs(g.data()[i]));
  return most;
}

// Takes over from `other`, a pass that was started with `factor` times the gradient, what is not
// `factor` times `base`; the first such place, or the size. Products that leave the range prove
// nothing.
std::size_t take_deviations(Tensor<double>& g, const Tensor<double>& base,
                            const Tensor<double>& other, double factor) {
  std::size_t first = g.size();
  const double largest = largest_of(base), tiny = std::numeric_limits<double>::min();
  for (std::size_t i = g.size(); i-- > 0;) {
    const double was = base.data()[i], is = other.defined() ? other.data()[i] / factor : 0;
    if (!std::isfinite(was)) continue;
    if (!std::isfinite(is) && !std::isfinite(largest * factor * 0x1p64)) continue;
    const double room = kSameGradient * std::max(std::abs(was), std::abs(is)) +
                        kSameBesideLargest * largest + tiny / std::abs(factor);
    if (std::abs(is - was) <= room) continue;
    if (g.data()[i] == was) g.mutable_data()[i] = is;
    first = i;
  }
  return first;
}

std::string describe(const std::string& name, double factor, double was, double is) {
  if (factor == 1)
    return "a second backward pass gives another gradient of " + name + ": " + text(is) +
           " instead of " + text(was);
  return "backward is not linear in the gradient that it starts with: from " + text(factor) +
         " times that, the gradient of " + name + " is " + text(factor * is) + " instead of " +
         text(factor * was);
}

void try_factors(const Probe& probe, const Tensors& outputs, const std::vector<std::string>& names,
                 std::size_t k, AnalyticGradients& a) {
  Tensors base;
  for (const Tensor<double>& g : a.values[k]) base.push_back(g.clone());
  std::vector<bool> said(base.size(), false);
  for (const double factor : kFactors) {
    Tensors other;
    try {
      other = gradients_of(probe, outputs, k, factor);
    } catch (const std::exception& e) {
      a.not_linear.push_back(std::string("another backward pass throws: ") + e.what());
      return;
    }
    for (std::size_t i = 0; i < other.size(); ++i) {
      const std::size_t at = take_deviations(a.values[k][i], base[i], other[i], factor);
      if (at == base[i].size() || said[i]) continue;
      said[i] = true;
      a.not_linear.push_back(
          describe(names[i], factor, base[i].data()[at], a.values[k][i].data()[at]));
    }
  }
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
  return largest_of(values[number][input]);
}

double AnalyticGradients::norm(std::size_t input) const {
  long double sum = 0;
  for (const Tensors& g : values) {
    for (std::size_t i = 0; i < g[input].size(); ++i)
      sum += static_cast<long double>(g[input].data()[i]) * g[input].data()[i];
  }
  return static_cast<double>(std::sqrt(sum));
}

bool AnalyticGradients::is_zero(std::size_t input, std::size_t position) const {
  return std::all_of(values.begin(), values.end(),
                     [&](const Tensors& g) { return g[input].data()[position] == 0; });
}

AnalyticGradients analytic_gradients(const Probe& probe, const Tensors& outputs,
                                     const std::vector<std::string>& names) {
  const Tensors& inputs = probe.inputs();
  AnalyticGradients a;
  a.reached.assign(inputs.size(), false);
  for (std::size_t k = 0; k < probe.count(); ++k) {
    Tensors g = gradients_of(probe, outputs, k);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (g[i].defined()) a.reached[i] = true;
      g[i] = g[i].defined() ? g[i].clone() : Tensor<double>::filled(inputs[i].shape(), 0);
    }
    a.values.push_back(std::move(g));
    if (k < kNumbersTried) try_factors(probe, outputs, names, k, a);
  }
  return a;
}

std::vector<std::vector<double>> analytic_rounding(const Probe& probe, std::size_t input) {
  Displacement beside(probe.inputs(), probe.generator());
  const std::size_t n = probe.inputs()[input].size();
  const std::vector<double> all = measure_noise([&](double spacing, double multiple) {
    beside.move(spacing, multiple);
    std::vector<double> values(probe.count() * n, 0);
    try {
      const Tensors outputs = probe.outputs();
      for (std::size_t k = 0; k < probe.count(); ++k) {
        const Tensor<double> g = gradients_of(probe, outputs, k)[input];
        if (g.defined()) std::copy_n(g.data(), n, values.data() + k * n);
      }
    } catch (const std::exception&) {
      std::fill(values.begin(), values.end(), std::numeric_limits<double>::quiet_NaN());
    }
    return values;
  });
  std::vector<std::vector<double>> rounding;
  for (auto at = all.begin(); at != all.end(); at += static_cast<std::ptrdiff_t>(n))
    rounding.emplace_back(at, at + static_cast<std::ptrdiff_t>(n));
  return rounding;
}

double rounding_of_function(const Probe& probe, std::size_t k, std::size_t input) {
  const KeepEntryValues values;
  const Start s = start_of(probe, probe.outputs(), k, 1);
  return rounding_on_the_way(probe.inputs()[input], s.outputs, s.seeds);
}

double gradient_here(const Probe& probe, std::size_t k, std::size_t input, std::size_t position,
                     double factor) {
  try {
    const Start s = start_of(probe, probe.outputs(), k, factor);
    if (s.outputs.empty()) return 0;
    const Tensor<double> g =
        grad(s.outputs, {probe.inputs()[input]}, {.allow_unused = true}, s.seeds)[0];
    return g.defined() ? g.data()[position] / factor : 0;
  } catch (const std::exception&) {
    return std::numeric_limits<double>::quiet_NaN();
  }
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
