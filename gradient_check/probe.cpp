#include "xgrad/gradient_check/probe.hpp"

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
constexpr long double kDeviations = 2;  // of a sum of errors, each within its bound
constexpr double kShortSpacing = 0x1p-45, kLongSpacing = 0x1p-15;

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

std::vector<double> coordinate_scales(const Tensor<double>& x) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x.data()[i] * x.data()[i];
  const double typical = std::sqrt(sum / static_cast<double>(x.size()));
  std::vector<double> scales;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double s = std::max(std::abs(x.data()[i]), typical);
    scales.push_back(s > 0 && std::isfinite(s) ? s : 1);
  }
  return scales;
}

Probe::Probe(const TensorFunction<double>& f, const Tensors& inputs,
             const GradientCheckOptions& options, std::vector<double> least_noise)
    : f_(f),
      inputs_(inputs),
      generators_(with_default(options.generators)),
      generator_(options.seed),
      jacobian_(options.jacobian),
      least_noise_(std::move(least_noise)) {
  centre_ = values();
  elements_ = centre_.size();
  least_noise_.resize(elements_, 0);
  noise_ = least_noise_;
  forget_changes();
  const std::size_t combinations =
      elements_ == 1 ? 1 : std::max<std::size_t>(options.combinations, 1);
  if (jacobian_) return;
  for (std::size_t k = 0; k < combinations; ++k) {
    weights_.push_back(elements_ == 1 ? std::vector<double>{1}
                                      : random_weights(elements_, generator_));
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

Probe::Sums::Sums(std::size_t count) {
  changes.assign(count, 0);
  noise.assign(count, 0);
  squares.assign(count, 0);
}

// The weights of a combination have random signs, so that errors add up in squares whether or not
// they have a common cause; the bounds of the parts are several deviations.
Sample Probe::Sums::with_noise_of_random_signs() const {
  Sample s = *this;
  for (std::size_t k = 0; k < noise.size(); ++k)
    s.noise[k] = std::min(noise[k], kDeviations * std::sqrt(squares[k]));
  return s;
}

void Probe::combine(std::size_t place, long double change, long double noise, Sums& s) const {
  const auto add = [&](std::size_t k, long double weight) {
    s.changes[k] += weight * change;
    s.noise[k] += std::abs(weight) * noise;
    s.squares[k] += weight * weight * noise * noise;
  };
  if (jacobian_) return add(place, 1);
  for (std::size_t k = 0; k < weights_.size(); ++k) add(k, weights_[k][place]);
}

Sample Probe::sample() {
  Sums s(count());
  const std::vector<double> y = values();
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (y[i] != centre_[i]) changed_[i] = true;
    if (!changed_[i]) continue;
    const double rounding = kEpsilon * std::max(std::abs(y[i]), std::abs(centre_[i]));
    combine(i, static_cast<long double>(y[i]) - centre_[i], std::max(noise_[i], rounding), s);
  }
  return s.with_noise_of_random_signs();
}

std::vector<double> Probe::magnitudes() const {
  Sums s(count());
  for (std::size_t i = 0; i < centre_.size(); ++i) combine(i, 0, std::abs(centre_[i]), s);
  return {s.noise.begin(), s.noise.end()};
}

std::vector<double> Probe::noise() const {
  Sums s(count());
  for (std::size_t i = 0; i < centre_.size(); ++i) combine(i, 0, noise_[i], s);
  const Sample sums = s.with_noise_of_random_signs();
  return {sums.noise.begin(), sums.noise.end()};
}

// Along a random direction, relative to every coordinate, so that all operations round anew. Short
// distances show ordinary rounding; longer ones also that of values which stay the same for a
// while, such as 1 - tanh(x) for large x. A kink that is met looks like noise, so the less noisy
// side counts.
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
  noise_ = least_noise_;
  for (const double spacing : {kShortSpacing, kLongSpacing}) {
    const bool far = spacing == kLongSpacing;
    const std::vector<double> right = measure_noise(evaluate, spacing, far),
                              left = measure_noise(evaluate, -spacing, far);
    for (std::size_t k = 0; k < noise_.size(); ++k)
      noise_[k] = std::max(noise_[k], std::min(right[k], left[k]));
  }
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
