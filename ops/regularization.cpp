#include "xgrad/ops/regularization.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "xgrad/autograd/trace.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/math.hpp"
#include "xgrad/ops/random.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad {
namespace {

// f(w) for each tensor.
template <class T, class F>
std::vector<Tensor<T>> of_each(const char* operation, const NamedTensors<T>& parameters,
                               const F& f) {
  detail::require(!parameters.empty(), operation, "there are no parameters");
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
  detail::require_in("l1_penalty", "strength", strength, "[0, inf)");
  return penalty("l1_penalty", parameters, strength, [](const Tensor<T>& w) { return abs(w); });
}

template <class T>
Tensor<T> l2_penalty(const NamedTensors<T>& parameters, double strength) {
  detail::require_in("l2_penalty", "strength", strength, "[0, inf)");
  return penalty("l2_penalty", parameters, strength / 2,
                 [](const Tensor<T>& w) { return square(w); });
}

template <class T>
Tensor<T> elastic_net_penalty(const NamedTensors<T>& parameters, double l1, double l2) {
  detail::require_in("elastic_net_penalty", "l1", l1, "[0, inf)");
  detail::require_in("elastic_net_penalty", "l2", l2, "[0, inf)");
  return penalty("elastic_net_penalty", parameters, 1.0,
                 [=](const Tensor<T>& w) { return l1 * abs(w) + l2 / 2 * square(w); });
}

template <class T>
Tensor<T> lp_penalty(const NamedTensors<T>& parameters, double p, double strength) {
  detail::require_in("lp_penalty", "strength", strength, "[0, inf)");
  detail::require_in("lp_penalty", "p", p, "[1, inf]");
  return penalty("lp_penalty", parameters, strength, [=](const Tensor<T>& w) {
    return p == 1 ? abs(w) : p == 2 ? square(w) : pow(abs(w), static_cast<T>(p));
  });
}

template <class T>
Tensor<T> norm_penalty(const NamedTensors<T>& parameters, double p, double strength) {
  detail::require_in("norm_penalty", "strength", strength, "[0, inf)");
  detail::require_in("norm_penalty", "p", p, "[1, inf]");
  const auto norms =
      of_each("norm_penalty", parameters, [&](const Tensor<T>& w) { return norm(w, p); });
  return norm(stack(norms), p) * strength;
}

namespace {
template <class T>
Tensor<T> dropout_mask(const Shape& shape, double p, Generator& generator) {
  Tensor<T> mask = Tensor<T>::uninitialized(shape);
  const T kept = p == 1 ? T(0) : static_cast<T>(1 / (1 - p));
  kernels::fill_bernoulli(mask.mutable_data(), mask.size(), 1 - p, kept, generator.next());
  return detail::source("dropout mask", mask, [=, g = detail::FollowedGenerator(generator)] {
    return dropout_mask<T>(shape, p, g.get());
  });
}
}  // namespace

template <class T>
Tensor<T> dropout(const Tensor<T>& x, double p, Generator& generator) {
  detail::require_in("dropout", "p", p, "[0, 1]");
  if (p == 0) return x;
  return x * dropout_mask<T>(x.shape(), p, generator);
}

template <class T>
Tensor<T> dropout2d(const Tensor<T>& x, double p, Generator& generator) {
  detail::require(x.rank() >= 2, "dropout2d", "x has no axis of channels: x ", x.shape());
  Shape channels = x.shape();
  for (std::size_t a = 2; a < x.rank(); ++a) channels[a] = 1;
  detail::require_in("dropout2d", "p", p, "[0, 1]");
  return p == 0 ? x : x * dropout(Tensor<T>::filled(channels, 1), p, generator);
}

template <class T>
Tensor<T> alpha_dropout(const Tensor<T>& x, double p, Generator& generator) {
  detail::require_in("alpha_dropout", "p", p, "[0, 1]");
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
  template Tensor<T> dropout2d(const Tensor<T>&, double, Generator&);             \
  template Tensor<T> alpha_dropout(const Tensor<T>&, double, Generator&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
