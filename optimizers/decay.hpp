#pragma once

// Weight decay beyond one number: L1, elastic net, Lp, coupled or decoupled, and on which
// parameters. The amount of L2 decay is the field `weight_decay` of every optimizer's options;
// `decay` says the rest:
//
//   AdamW<float> optimizer(net.parameters(),
//                          {.weight_decay = 1e-2, .decay = {.l1 = 1e-5, .only = matrices()}});

#include <functional>
#include <string>
#include <vector>

#include "xgrad/autograd/parameters.hpp"

namespace xgrad {

/// Says yes or no to a parameter by its name and shape. An empty filter says yes to all.
using ParameterFilter = std::function<bool(const std::string& name, const Shape& shape)>;

/// Parameters whose whole name fits one of the patterns: `*` stands for any characters, `?`
/// for one.
ParameterFilter names_like(std::vector<std::string> patterns);
/// All others: `names_unlike({"*.bias", "*norm*"})`.
ParameterFilter names_unlike(std::vector<std::string> patterns);
/// Parameters of at least two axes: weights, but neither biases nor the gains of normalisation.
ParameterFilter matrices();

/// The parameters the filter says yes to, for groups of their own.
template <class T>
NamedTensors<T> filter_parameters(const NamedTensors<T>& parameters, const ParameterFilter& filter);

/// The penalty whose gradient decays the weights is
///   R(w) = weight_decay / 2 |w|_2^2 + l1 |w|_1 + lp / power |w|_power^power
/// with the derivative of |w| taken as 0 at 0.
///
/// Coupled, R is part of the loss: its gradient is added to g before the update rule sees it.
/// Decoupled, each term acts on the weights directly, at the current learning rate a:
///   w = (1 - a weight_decay) w - a lp sign(w) |w|^(power - 1)    before the rule
///   w = sign(w) max(|w| - a l1, 0)                               after the rule
/// The rule has the gradient of the old w. The second is the proximal step of the L1 norm, which
/// makes weights exactly 0.
/// **Source** Loshchilov, Hutter 2019 (decoupled); Duchi, Singer 2009 (proximal step).
struct DecayOptions {
  bool decoupled = false;
  double l1 = 0;              ///< at least 0
  double lp = 0;              ///< at least 0
  double power = 3;           ///< of the lp term; at least 1
  ParameterFilter only = {};  ///< decays these only; by default all of the group, biases too
};

namespace detail {

/// Throws std::invalid_argument, beginning with `operation`, for amounts below 0 or not finite and
/// a power below 1.
void check_decay(const char* operation, double weight_decay, const DecayOptions& decay);

}  // namespace detail
}  // namespace xgrad
