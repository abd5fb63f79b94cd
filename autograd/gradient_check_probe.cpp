#include "xgrad/autograd/gradient_check_probe.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/autograd/grad_mode.hpp"

namespace xgrad::detail {
namespace {

std::vector<Generator*> with_default(std::vector<Generator*> generators) {
  generators.push_back(&default_generator());
  return generators;
}

std::size_t count_elements(const Probe::Tensors& outputs) {
  std::size_t n = 0;
  for (const Tensor<double>& y : outputs) n += y.size();
  return n;
}

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
  elements_ = count_elements(outputs());
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

Sample Probe::sample() const {
  const NoGrad guard;
  return combine(outputs());
}

Sample Probe::combine(const Tensors& outputs) const {
  Sample s;
  s.values.assign(count(), 0);
  s.magnitudes.assign(count(), 0);
  std::size_t place = 0;
  for (const Tensor<double>& y : outputs) {
    for (std::size_t i = 0; i < y.size(); ++i, ++place) {
      const long double v = y.data()[i];
      if (jacobian_) {
        s.values[place] = v;
        s.magnitudes[place] = std::abs(v);
        continue;
      }
      for (std::size_t k = 0; k < weights_.size(); ++k) {
        s.values[k] += weights_[k][place] * v;
        s.magnitudes[k] += std::abs(weights_[k][place] * v);
      }
    }
  }
  return s;
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
