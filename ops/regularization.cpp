#include "xgrad/ops/regularization.hpp"

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad {
namespace {

void require(bool ok, const char* operation, const std::string& what) {
  if (!ok) throw std::invalid_argument(std::string(operation) + ": " + what);
}

void require_strength(const char* operation, const char* name, double value) {
  require(value >= 0 && std::isfinite(value), operation,
          std::string(name) + " is not finite and at least 0: " + std::to_string(value));
}

void require_exponent(const char* operation, double p) {
  require(p >= 1, operation, "p is not at least 1: " + std::to_string(p));
}

void require_probability(const char* operation, double p) {
  if (p >= 0 && p <= 1) return;  // in every step: without a message
  require(false, operation, "p is not in [0, 1]: " + std::to_string(p));
}

// f(w) for each tensor.
template <class T, class F>
std::vector<Tensor<T>> of_each(const char* operation, const NamedTensors<T>& parameters,
                               const F& f) {
  require(!parameters.empty(), operation, "there are no parameters");
  std::vector<Tensor<T>> values;
  for (const NamedTensor<T>& p : parameters) values.push_back(f(p.tensor));
  return values;
}

// factor times the sum of f over all numbers.
template <class T, class F>
Tensor<T> penalty(const char* operation, const NamedTensors<T>& parameters, double factor,
                  const F& f) {
  Tensor<T> total;
  for (const Tensor<T>& y : of_each(operation, parameters, [&](auto& w) { return sum(f(w)); })) {
    total = total.defined() ? total + y : y;
  }
  return total * factor;
}

}  // namespace

template <class T>
Tensor<T> l1_penalty(const NamedTensors<T>& parameters, double strength) {
  require_strength("l1_penalty", "strength", strength);
  return penalty("l1_penalty", parameters, strength, [](const Tensor<T>& w) { return abs(w); });
}

template <class T>
Tensor<T> l2_penalty(const NamedTensors<T>& parameters, double strength) {
  require_strength("l2_penalty", "strength", strength);
  return penalty("l2_penalty", parameters, strength / 2,
                 [](const Tensor<T>& w) { return square(w); });
}

template <class T>
Tensor<T> elastic_net_penalty(const NamedTensors<T>& parameters, double l1, double l2) {
  require_strength("elastic_net_penalty", "l1", l1);
  require_strength("elastic_net_penalty", "l2", l2);
  return penalty("elastic_net_penalty", parameters, 1.0,
                 [=](const Tensor<T>& w) { return l1 * abs(w) + l2 / 2 * square(w); });
}

template <class T>
Tensor<T> lp_penalty(const NamedTensors<T>& parameters, double p, double strength) {
  require_strength("lp_penalty", "strength", strength);
  require_exponent("lp_penalty", p);
  return penalty("lp_penalty", parameters, strength, [=](const Tensor<T>& w) {
    return p == 1 ? abs(w) : p == 2 ? square(w) : pow(abs(w), static_cast<T>(p));
  });
}

template <class T>
Tensor<T> norm_penalty(const NamedTensors<T>& parameters, double p, double strength) {
  require_strength("norm_penalty", "strength", strength);
  require_exponent("norm_penalty", p);
  const auto norms =
      of_each("norm_penalty", parameters, [&](const Tensor<T>& w) { return norm(w, p); });
  return norm(stack(norms), p) * strength;
}

template <class T>
Tensor<T> dropout(const Tensor<T>& x, double p, Generator& generator) {
  require_probability("dropout", p);
  if (p == 0) return x;
  Tensor<T> mask = Tensor<T>::uninitialized(x.shape());
  const T kept = p == 1 ? T(0) : static_cast<T>(1 / (1 - p));
  kernels::fill_bernoulli(mask.mutable_data(), mask.size(), 1 - p, kept, generator.next());
  return x * mask;
}

template <class T>
Tensor<T> alpha_dropout(const Tensor<T>& x, double p, Generator& generator) {
  require_probability("alpha_dropout", p);
  if (p == 0) return x;
  if (p == 1) return x * 0;
  constexpr double kAlpha = -1.0507009873554805 * 1.6732632423543772;
  const double a = 1 / std::sqrt(1 - p + p * (1 - p) * kAlpha * kAlpha);
  const Tensor<T> mask = bernoulli<T>(x.shape(), 1 - p, generator);
  return where(mask, x * a, a * kAlpha) - a * p * kAlpha;
}

#define XGRAD_INSTANTIATE(T)                                                      \
  template Tensor<T> l1_penalty(const NamedTensors<T>&, double);                  \
  template Tensor<T> l2_penalty(const NamedTensors<T>&, double);                  \
  template Tensor<T> elastic_net_penalty(const NamedTensors<T>&, double, double); \
  template Tensor<T> lp_penalty(const NamedTensors<T>&, double, double);          \
  template Tensor<T> norm_penalty(const NamedTensors<T>&, double, double);        \
  template Tensor<T> dropout(const Tensor<T>&, double, Generator&);               \
  template Tensor<T> alpha_dropout(const Tensor<T>&, double, Generator&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
