#include "xgrad/gradient_check/probe.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <limits>
#include <new>

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/autograd/observe.hpp"
#include "xgrad/gradient_check/noise.hpp"

namespace xgrad::detail {
namespace {

std::vector<Generator*> with_default(std::vector<Generator*> generators) {
  generators.push_back(&default_generator());
  return generators;
}

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr long double kDeviations = 2;  // of a sum of errors, each within its bound

}  // namespace

KeepGenerators::KeepGenerators(std::vector<Generator*> generators) {
  for (Generator* g : generators) states_.emplace_back(g, g->state());
}

void KeepGenerators::rewind() const {
  for (const auto& [generator, state] : states_) generator->set_state(state);
}

bool same_bits(const double* a, const double* b, std::size_t n) {
  return n == 0 || std::memcmp(a, b, n * sizeof(double)) == 0;
}

bool KeepValue::is_changed() const { return !same_bits(before_.data(), x_.data(), before_.size()); }

void KeepValue::put_back() {
  if (x_.defined()) std::copy(before_.begin(), before_.end(), x_.mutable_data());
}

Displacement::Displacement(const std::vector<Tensor<double>>& inputs, Generator& generator)
    : inputs_(inputs) {
  for (const Tensor<double>& x : inputs) {
    keep_.emplace_back(x);
    directions_.push_back(random_weights(x.size(), generator));
  }
}

// So that half the distance is a whole number of units in the last place: what the coordinate's own
// rounding did to a function would not be noise of the function.
double on_the_grid(double distance, double x) {
  int exponent = 0;
  std::frexp(std::abs(x) + 16 * std::abs(distance), &exponent);
  const double grid = std::ldexp(1.0, exponent - 52 + 1);
  return std::round(distance / grid) * grid;
}

void Displacement::move(double spacing, double multiple) {
  const double apart = spacing / kFarSpacing;
  for (std::size_t n = 0; n < inputs_.size(); ++n) {
    const std::vector<double>& before = keep_[n].before();
    double* p = inputs_[n].mutable_data();
    for (std::size_t i = 0; i < before.size(); ++i)
      p[i] = before[i] +
             multiple * on_the_grid(spacing * directions_[n][i] * (std::abs(before[i]) + apart),
                                    before[i]);
  }
}

std::vector<double> random_weights(std::size_t n, Generator& generator) {
  std::vector<double> w(n);
  kernels::fill_uniform(w.data(), n, -1.0, 1.0, generator.next());
  for (double& v : w) v += v < 0 ? -0.5 : 0.5;
  return w;
}

std::vector<double> coordinate_scales(const Tensor<double>& x) {
  long double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    sum += static_cast<long double>(x.data()[i]) * x.data()[i];
  const auto typical = static_cast<double>(std::sqrt(sum / static_cast<long double>(x.size())));
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
  evaluate_centre();
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

// A function that differentiates inside needs the tape, and says so by an exception.
void Probe::evaluate_centre() {
  if (!records_) {
    try {
      centre_ = values();
      return;
    } catch (const std::exception&) {
      records_ = true;
    }
  }
  centre_ = values();
}

void Probe::record_always() {
  records_ = true;
  evaluate_centre();
}

Probe::Tensors Probe::outputs() const {
  ++evaluations_;
  generators_.rewind();
  const std::size_t passes = backward_passes();
  Tensors y = f_(inputs_);
  differentiates_ = differentiates_ || backward_passes() != passes;
  return y;
}

std::vector<double> Probe::values() const {
  const RecordingScope guard(records_);
  std::vector<double> all;
  for (const Tensor<double>& y : outputs()) all.insert(all.end(), y.data(), y.data() + y.size());
  return all;
}

// Beside the point the function may end, and may say so by an exception.
std::vector<double> Probe::values_or_nan() const {
  try {
    std::vector<double> y = values();
    if (y.size() == elements_) return y;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
  }
  return std::vector<double>(elements_, std::numeric_limits<double>::quiet_NaN());
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
  const std::vector<double> y = values_or_nan();
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (y[i] != centre_[i]) changed_[i] = true;
    if (!changed_[i]) continue;
    const double size = std::isfinite(y[i]) ? std::abs(y[i]) : 0;
    const double rounding = kEpsilon * std::max(size, std::abs(centre_[i]));
    combine(i, static_cast<long double>(y[i]) - centre_[i], std::max(noise_[i], rounding), s);
  }
  return s.with_noise_of_random_signs();
}

std::vector<double> Probe::magnitudes() const {
  Sums s(count());
  for (std::size_t i = 0; i < centre_.size(); ++i) combine(i, 0, std::abs(centre_[i]), s);
  return {s.noise.begin(), s.noise.end()};
}

void Probe::measure_noise_here() {
  Displacement beside(inputs_, generator_);
  noise_ = measure_noise([&](double spacing, double multiple) {
    beside.move(spacing, multiple);
    return values_or_nan();
  });
  for (std::size_t k = 0; k < noise_.size(); ++k) noise_[k] = std::max(noise_[k], least_noise_[k]);
}

Tensor<double> Probe::seed(std::size_t k, const Tensors& outputs, std::size_t i,
                           double factor) const {
  std::size_t first = 0;
  for (std::size_t j = 0; j < i; ++j) first += outputs[j].size();
  Tensor<double> u = Tensor<double>::filled(outputs[i].shape(), 0);
  double* p = u.mutable_data();
  if (!jacobian_) {
    for (std::size_t j = 0; j < u.size(); ++j) p[j] = factor * weights_[k][first + j];
  } else if (k >= first && k < first + u.size()) {
    p[k - first] = factor;
  }
  return u;
}

}  // namespace xgrad::detail
