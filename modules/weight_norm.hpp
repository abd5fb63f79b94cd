#pragma once

// WeightNorm: a layer whose weight is learned as lengths and directions. Projections of weights
// after a step are in renormalization.hpp.

#include <utility>

#include "xgrad/modules/container.hpp"

namespace xgrad {

/// The module given, with its parameter `weight` replaced by w[o] = g[o] v[o] / |v[o]|: each
/// row (all axes but the first) is a length times a direction. It starts with the same weight
/// as before.
///
///   WeightNorm<float> layer(Linear<float>(784, 256));
///
/// **Shapes** those of the module. Parameters: g (out, 1, ...) and v, of the weight's shape. Child:
/// "inner", whose weight is no parameter any more. Composed. A row v[o] = 0 gives NaN.
/// **Source** Salimans, Kingma 2016.
template <class T>
class WeightNorm : public Module<T> {
 public:
  template <ModuleOf<T> Inner>
  explicit WeightNorm(Inner&& inner) : WeightNorm(detail::owned<T>(std::forward<Inner>(inner))) {}
  /// Throws std::invalid_argument when the module has no parameter `weight` of two axes or more.
  explicit WeightNorm(std::unique_ptr<Module<T>> inner);

  Tensor<T> forward(const Tensor<T>& x) override;
  std::unique_ptr<Module<T>> structure() const override;

  Tensor<T>& g;
  Tensor<T>& v;

 private:
  Tensor<T>& weight_;  // of the inner module
};

}  // namespace xgrad
