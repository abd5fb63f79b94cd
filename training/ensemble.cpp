#include "xgrad/training/ensemble.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/modules/registry.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/softmax.hpp"
#include "xgrad/training/metrics.hpp"

namespace xgrad {
namespace {

template <class T>
void check(const std::vector<Tensor<T>>& outputs, Combination combination) {
  if (outputs.empty()) detail::fail("combine", "no members");
  const Shape& first = outputs[0].shape();
  for (const auto& o : outputs) {
    if (o.shape() == first) continue;
    detail::fail("combine", "shapes differ: ", first, ", ", o.shape());
  }
  if (combination == Combination::outputs || (first.rank() == 2 && first[1] > 0)) return;
  detail::fail("combine", "scores have shape ", first, ", not (n, classes)");
}

// The mean of f(output) over the members.
template <class T, class F>
Tensor<T> mean_of(const std::vector<Tensor<T>>& outputs, const F& f) {
  Tensor<T> sum = f(outputs[0]);
  for (std::size_t i = 1; i < outputs.size(); ++i) sum = sum + f(outputs[i]);
  return sum * (T(1) / static_cast<T>(outputs.size()));
}

template <class T>
Tensor<T> probabilities(const std::vector<Tensor<T>>& outputs) {
  return mean_of(outputs, [](const Tensor<T>& x) { return softmax(x); });
}

// The largest of the outputs, elementwise, as a constant; 0 where all are -infinity.
template <class T>
Tensor<T> largest(const std::vector<Tensor<T>>& outputs) {
  Tensor<T> r = outputs[0].clone();
  T* const m = r.mutable_data();
  for (const auto& o : outputs) {
    for (std::size_t i = 0; i < r.size(); ++i) m[i] = std::max(m[i], o.data()[i]);
  }
  std::replace(m, m + r.size(), -std::numeric_limits<T>::infinity(), T(0));
  return r;
}

// log of the mean of softmax, where the smallest probabilities keep their logarithm: as
// m + log mean exp(log_softmax - m).
template <class T>
Tensor<T> log_mixture(const std::vector<Tensor<T>>& outputs) {
  std::vector<Tensor<T>> logs;
  for (const auto& o : outputs) logs.push_back(log_softmax(o));
  const Tensor<T> shift = largest(logs);
  return shift + log(mean_of(logs, [&](const Tensor<T>& x) { return exp(x - shift); }));
}

// A vote weighs more than all differences of mean probability, which are below 1.
template <class T>
Tensor<T> votes(const std::vector<Tensor<T>>& outputs) {
  const NoGrad guard;
  const std::size_t n = outputs[0].shape()[0], classes = outputs[0].shape()[1];
  std::vector<double> counts(n * classes);
  for (const auto& o : outputs) {
    const Indices best = predicted_classes(o);
    for (std::size_t i = 0; i < n; ++i) {
      double* const row = counts.data() + i * classes;
      if (best.data()[i] >= 0)
        row[best.data()[i]] += 1;
      else
        std::fill_n(row, classes, std::numeric_limits<double>::quiet_NaN());
    }
  }
  const Tensor<T> mean = probabilities(outputs);
  const auto all = static_cast<double>(outputs.size());
  Tensor<T> r = Tensor<T>::uninitialized({n, classes});
  for (std::size_t i = 0; i < n * classes; ++i) {
    // A tie-break far below one vote, and far above the rounding of the logarithm.
    const double tie = 1e-3 * static_cast<double>(mean.data()[i]) / all;
    r.mutable_data()[i] = counts[i] == 0 ? -std::numeric_limits<T>::infinity()
                                         : static_cast<T>(std::log(counts[i] / all) + tie);
  }
  return r;
}

// In the order of Combination.
constexpr std::array<const char*, 3> kCombinations = {"probabilities", "votes", "outputs"};

Combination combination_of(const std::string& name) {
  const auto it = std::find(kCombinations.begin(), kCombinations.end(), name);
  if (it != kCombinations.end()) return static_cast<Combination>(it - kCombinations.begin());
  detail::fail("Ensemble", "no combination ", detail::quote(name));
}

}  // namespace

template <class T>
Tensor<T> combine(const std::vector<Tensor<T>>& outputs, Combination combination) {
  check(outputs, combination);
  switch (combination) {
    case Combination::probabilities:
      return log_mixture(outputs);
    case Combination::votes:
      return votes(outputs);
    case Combination::outputs:
      break;
  }
  return mean_of(outputs, [](const Tensor<T>& x) { return x; });
}

template <class T>
Ensemble<T>& Ensemble<T>::add(std::unique_ptr<Module<T>> member) {
  if (member == nullptr) detail::fail("Ensemble", "no member");
  member->train(this->is_training());
  this->add_module(detail::text(size()), std::move(member));
  return *this;
}

template <class T>
Ensemble<T>& Ensemble<T>::add_snapshot(const Module<T>& module) {
  return add(clone(module));
}

template <class T>
Tensor<T> Ensemble<T>::forward(const Tensor<T>& x) {
  if (size() == 0) detail::fail<std::logic_error>("Ensemble", "no members");
  std::vector<Tensor<T>> outputs;
  for (const auto& member : this->children()) outputs.push_back((*member)(x));
  return combine(outputs, combination_);
}

template <class T>
ModuleOptions Ensemble<T>::options() const {
  return {{"combination", std::string(kCombinations.at(static_cast<std::size_t>(combination_)))}};
}

template <class T>
std::unique_ptr<Module<T>> Ensemble<T>::structure() const {
  auto copy = std::make_unique<Ensemble>(combination_);
  for (const auto& member : this->children()) {
    std::unique_ptr<Module<T>> other = member->structure();
    if (other == nullptr) return nullptr;
    copy->add(std::move(other));
  }
  return copy;
}

template <class T>
void detail::register_ensemble() {
  if (is_registered<T>("Ensemble")) return;
  register_module<T>("Ensemble", [](const ModuleDescription& d) {
    auto ensemble = std::make_unique<Ensemble<T>>(combination_of(d.options.text("combination")));
    for (const ModuleDescription& c : d.children) ensemble->add(make_module<T>(c));
    return ensemble;
  });
}

template void detail::register_ensemble<float>();
template void detail::register_ensemble<double>();
template Tensor<float> combine(const std::vector<Tensor<float>>&, Combination);
template Tensor<double> combine(const std::vector<Tensor<double>>&, Combination);
template class Ensemble<float>;
template class Ensemble<double>;

}  // namespace xgrad
