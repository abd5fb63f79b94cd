#pragma once

// What keeps a model from overfitting: penalties on parameters, and dropout. Weight decay inside an
// optimizer, and the choice of parameters by name or shape, are in xgrad/optimizers/decay.hpp, the
// modules that redraw their masks in xgrad/modules/dropout.hpp.
//
//   auto weights = filter_parameters(net.parameters(), names_like({"*.weight"}));
//   auto loss = cross_entropy(net(x), labels) + l2_penalty(weights, 1e-4);
//
// A penalty is one number over all tensors it is given, composed of elementwise operations and
// sums. Gradients follow docs/conventions.md: 0 for |w| at 0. Throws std::invalid_argument: no
// tensors, a strength that is negative or not finite, p < 1.

#include "xgrad/autograd/parameters.hpp"
#include "xgrad/kernels/random.hpp"

namespace xgrad {

/// strength sum |w|. Gradient: strength sign(w). Drives weights to exactly 0 where they do
/// not help.
template <class T>
Tensor<T> l1_penalty(const NamedTensors<T>& parameters, double strength);

/// strength / 2 sum w^2. Gradient: strength w, the same as coupled weight decay of that strength.
template <class T>
Tensor<T> l2_penalty(const NamedTensors<T>& parameters, double strength);

/// l1 sum |w| + l2 / 2 sum w^2. Zou, Hastie 2005.
template <class T>
Tensor<T> elastic_net_penalty(const NamedTensors<T>& parameters, double l1, double l2);

/// strength sum |w|^p. Gradient: strength p |w|^(p-1) sign(w).
template <class T>
Tensor<T> lp_penalty(const NamedTensors<T>& parameters, double p, double strength);

/// strength (sum |w|^p)^(1/p), the norm of all numbers as one vector; the gradient is 0 where the
/// norm is.
template <class T>
Tensor<T> norm_penalty(const NamedTensors<T>& parameters, double p, double strength);

/// x m with m = 1 / (1 - p) with probability 1 - p, else 0: drops numbers with probability p and
/// keeps the expectation. One draw of the generator and one product. p = 0 gives x itself, p = 1
/// zeros. Gradient: gx = gy m.
/// Throws std::invalid_argument for p outside [0, 1]. Srivastava, Hinton, Krizhevsky, Sutskever,
/// Salakhutdinov 2014, scaled in training instead of in evaluation.
template <class T>
Tensor<T> dropout(const Tensor<T>& x, double p, Generator& generator = default_generator());

/// Dropout of whole channels: x (n, c, ...), with one m for each of the n c channels. Throws also for
/// fewer than two axes. Tompson, Goroshin, Jain, LeCun, Bregler 2015.
template <class T>
Tensor<T> dropout2d(const Tensor<T>& x, double p, Generator& generator = default_generator());

/// Dropout that keeps mean 0 and variance 1, for activations of selu: with alpha = -1.7580993408
/// (selu at minus infinity) and a mask m that is 0 with probability p,
///   y = a (x m + alpha (1 - m)) + b,  a = (1 - p + p (1 - p) alpha^2)^(-1/2),  b = -a p alpha.
/// Gradient: gx = gy a m. Throws as dropout; p = 1 gives zeros.
/// Klambauer, Unterthiner, Mayr, Hochreiter 2017, section 3.
template <class T>
Tensor<T> alpha_dropout(const Tensor<T>& x, double p, Generator& generator = default_generator());

}  // namespace xgrad
