#pragma once

// DropConnect: a linear layer that drops weights instead of activations.

#include <utility>

#include "xgrad/modules/container.hpp"
#include "xgrad/modules/linear.hpp"

namespace xgrad {

/// What DropConnect does in evaluation.
enum class DropConnectInference {
  mean,      ///< the weights' expectation: y = f(x W^T + b)
  gaussian,  ///< the mean of f(u) over normal u with the moments of x (m W)^T + b
};

struct DropConnectOptions {
  double p = 0.5;    ///< probability of dropping a weight, in [0, 1)
  bool bias = true;  ///< false: none is learned
  DropConnectInference inference = DropConnectInference::mean;  ///< what evaluation mode does
  std::size_t samples = 100;       ///< draws of the Gaussian inference, at least 1
  Generator* generator = nullptr;  ///< of masks and draws; must outlive the module; null: default
};

/// y = f(x (m W)^T + b), m a mask of the shape of W that every training forward draws anew: 1 / (1
/// - p) with probability 1 - p, else 0. f is the activation, the identity unless one is given.
///
/// In evaluation u = x (m W)^T + b has mean x W^T + b and variance p / (1 - p) x^2 (W^2)^T. The
/// Gaussian inference averages f(u) over `samples` draws of a normal u with these moments; where f
/// is the identity it is the mean itself and draws nothing.
/// **Shapes** x (..., in) -> (..., out). Parameters: weight (out, in) and bias (out), initially as
/// in Linear. Child: "activation", when given.
/// **Source** Wan, Zeiler, Zhang, LeCun, Fergus 2013. Unlike there one mask serves the whole batch,
/// biases are not dropped, and weights are scaled in training instead of in evaluation.
template <class T>
class DropConnect : public Module<T> {
 public:
  /// Throws std::invalid_argument for a size or number of samples of 0 and p outside [0, 1).
  DropConnect(std::size_t in, std::size_t out, DropConnectOptions options = {},
              std::unique_ptr<Module<T>> activation = nullptr);
  template <ModuleOf<T> Activation>
  DropConnect(std::size_t in, std::size_t out, DropConnectOptions options, Activation&& activation)
      : DropConnect(in, out, options, detail::owned<T>(std::forward<Activation>(activation))) {}

  Tensor<T> forward(const Tensor<T>& x) override;

  /// Mean and variance of u over masks.
  struct Moments {
    Tensor<T> mean, variance;
  };
  Moments moments(const Tensor<T>& x) const;

  ModuleOptions options() const override;
  std::unique_ptr<Module<T>> structure() const override;
  /// The layer of these options, around `activation`.
  static std::unique_ptr<Module<T>> from(const ModuleOptions& options,
                                         std::unique_ptr<Module<T>> activation);

  Tensor<T>& weight;
  Tensor<T>& bias;  ///< undefined without bias

 private:
  Generator& generator() const;
  Tensor<T> activate(const Tensor<T>& u) const;
  Tensor<T> average(const Tensor<T>& x) const;

  DropConnectOptions options_;
};

}  // namespace xgrad
