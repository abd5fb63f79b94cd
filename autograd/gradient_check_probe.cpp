#include "xgrad/autograd/gradient_check_probe.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "xgrad/autograd/grad_mode.hpp"

namespace xgrad::detail {
namespace {

std::vector<Generator*> with_default(std::vector<Generator*> generators) {
  generators.push_back(&default_generator());
  return generators;
}

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
// Beside the point, where a kink or a jump at the point itself is not met.
constexpr double kNoiseDistance = 0x1p-30;
constexpr double kNoiseSpacing = 0x1p-45;

}  // namespace

KeepGenerators::KeepGenerators(std::vector<Generator*> generators) {
  for (Generator* g : generators) states_.emplace_back(g, g->state());
}

void KeepGenerators::rewind() const {
  for (const auto& [generator, state] : states_) generator->set_state(state);
}

KeepValue::~KeepValue() { std::copy(before_.begin(), before_.end(), x_.mutable_data()); }

std::vector<double> random_weights(std::size_t n, Generator& generator) {
  std::vector<double> w(n);
  kernels::fill_uniform(w.data(), n, -1.0, 1.0, generator.next());
  for (double& v : w) v += v < 0 ? -0.5 : 0.5;
  return w;
}

Probe::Probe(const TensorFunction<double>& f, const Tensors& inputs, const GradientCheckOptions& options)
    : f_(f), inputs_(inputs), generators_(with_default(options.generators)), generator_(options.seed),
      jacobian_(options.jacobian) {
  centre_ = values();
  elements_ = centre_.size();
  noise_.assign(elements_, 0);
  forget_changes();
  const std::size_t combinations = elements_ == 1 ? 1 : std::max<std::size_t>(options.combinations, 1);
  if (jacobian_) return;
  for (std::size_t k = 0; k < combinations; ++k) {
    weights_.push_back(elements_ == 1 ? std::vector<double>{1} : random_weights(elements_, generator_));
  }
}

Probe::Tensors Probe::outputs() const {
  ++evaluations_;
  generators_.rewind();
  return f_(inputs_);
}

std::vector<double> Probe::values() const {
  const NoGrad guard;
  std::vector<double> all;
  for (const Tensor<double>& y : outputs()) all.insert(all.end(), y.data(), y.data() + y.size());
  return all;
}

void Probe::combine(std::size_t place, long double change, long double noise, Sample& s) const {
  if (jacobian_) {
    s.changes[place] = change;
    s.noise[place] = noise;
    return;
  }
  for (std::size_t k = 0; k < weights_.size(); ++k) {
    s.changes[k] += weights_[k][place] * change;
    s.noise[k] += std::abs(weights_[k][place]) * noise;
  }
}

Sample Probe::sample() {
  Sample s;
  s.changes.assign(count(), 0);
  s.noise.assign(count(), 0);
  const std::vector<double> y = values();
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (y[i] != centre_[i]) changed_[i] = true;
    if (!changed_[i]) continue;
    const double rounding = kEpsilon * std::max(std::abs(y[i]), std::abs(centre_[i]));
    combine(i, static_cast<long double>(y[i]) - centre_[i], std::max(noise_[i], rounding), s);
  }
  return s;
}

std::vector<double> Probe::magnitudes() const {
  Sample s;
  s.changes.assign(count(), 0);
  s.noise.assign(count(), 0);
  for (std::size_t i = 0; i < centre_.size(); ++i) combine(i, 0, std::abs(centre_[i]), s);
  return {s.noise.begin(), s.noise.end()};
}

std::vector<double> Probe::noise() const {
  Sample s;
  s.changes.assign(count(), 0);
  s.noise.assign(count(), 0);
  for (std::size_t i = 0; i < centre_.size(); ++i) combine(i, 0, noise_[i], s);
  return {s.noise.begin(), s.noise.end()};
}

// Along a random direction, relative to every coordinate, so that all operations round anew.
void Probe::measure_noise_of(std::size_t input) {
  Tensor<double> x = inputs_[input];
  const KeepValue keep(x);
  const std::vector<double>& before = keep.before();
  const std::vector<double> direction = random_weights(before.size(), generator_);
  const auto evaluate = [&](double t) {
    double* p = x.mutable_data();
    for (std::size_t i = 0; i < before.size(); ++i) p[i] = before[i] * (1 + t * direction[i]);
    return values();
  };
  noise_ = measure_noise(evaluate, kNoiseDistance, kNoiseSpacing);
}

Tensor<double> Probe::seed(std::size_t k, const Tensors& outputs, std::size_t i) const {
  std::size_t first = 0;
  for (std::size_t j = 0; j < i; ++j) first += outputs[j].size();
  Tensor<double> u = Tensor<double>::filled(outputs[i].shape(), 0);
  double* p = u.mutable_data();
  if (!jacobian_) {
    std::copy_n(weights_[k].begin() + static_cast<std::ptrdiff_t>(first), u.size(), p);
  } else if (k >= first && k < first + u.size()) {
    p[k - first] = 1;
  }
  return u;
}

}  // namespace xgrad::detail
