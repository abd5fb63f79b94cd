#pragma once

// Gradient checks of modules: every parameter by its path, "encoder.fc2.weight[3, 17]".
//
//   const auto loss = [&](const auto& y) { return cross_entropy(y, labels); };
//   GradientReport report = check_gradients(net, loss, x);
//   if (!report.passed()) std::cerr << report.table();
//
// Checks are made in double; a model in float is converted first (xgrad/modules/convert.hpp).

#include <functional>
#include <utility>

#include "xgrad/gradient_check/check.hpp"
#include "xgrad/modules/module.hpp"

namespace xgrad {

namespace detail {
GradientReport check_module(Module<double>& net, const std::function<Tensor<double>()>& f,
                            const Tensor<double>& x, GradientCheckOptions options);
RegularizedReport check_module_terms(Module<double>& net,
                                     const std::function<Tensor<double>()>& data,
                                     const std::function<Tensor<double>()>& penalty,
                                     const Tensor<double>& x, GradientCheckOptions options);
}  // namespace detail

/// Checks d(loss(net(x)))/d(p) for x, named "input", and every parameter p that is not frozen, in
/// the net's present mode. `loss` may return a tensor of any shape. Buffers, gradients and the
/// default generator are left as they are, and parameters, which are varied meanwhile, get their
/// numbers back. options.names is not used. Throws what net and loss throw.
template <class Loss>
GradientReport check_gradients(Module<double>& net, Loss loss, const Tensor<double>& x,
                               const GradientCheckOptions& options = {}) {
  const Tensor<double> input = parameter(x);
  return detail::check_module(
      net, [&] { return Tensor<double>(loss(net(input))); }, input, options);
}

/// The same for a regularised loss: loss(net(x)), the penalty, and their sum are checked apart, as
/// in check_regularized_gradients without a net. `penalty()` is a number made of the parameters.
template <class Loss, class Penalty>
RegularizedReport check_regularized_gradients(Module<double>& net, Loss loss, Penalty penalty,
                                              const Tensor<double>& x,
                                              const GradientCheckOptions& options = {}) {
  const Tensor<double> input = parameter(x);
  return detail::check_module_terms(
      net, [&] { return Tensor<double>(loss(net(input))); },
      [&] { return Tensor<double>(penalty()); }, input, options);
}

/// check_gradients for a net of other inputs: `f` calls it, and may use other tensors as constants.
inline GradientReport check_gradients(Module<double>& net, const std::function<Tensor<double>()>& f,
                                      const GradientCheckOptions& options = {}) {
  return detail::check_module(net, f, {}, options);
}

}  // namespace xgrad
