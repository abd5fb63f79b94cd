#pragma once

// Numbers from distributions whose parameters are tensors, with the gradients of reparameterisation:
// a sample is a function of the parameters and of noise that does not depend on them, so that the
// gradient of a mean over samples is the mean of their gradients.
//
//   Tensor<float> z = sample_normal(mean, exp(0.5 * log_variance));   // a VAE's latent numbers
//   Tensor<double> x = sample_gamma(concentration, rate, {1000});     // 1000 draws of each
//
// Numbers of given parameters, without gradients, are in random.hpp.
//
// Shapes: the parameters broadcast; `draws` gives axes before theirs. Each call is one draw of the
// generator; the numbers do not depend on the number of threads. Twice differentiable.
//
// Throws, before anything is drawn: std::invalid_argument for parameters out of range and shapes
// that do not broadcast.

#include <cstddef>
#include <type_traits>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/kernels/random.hpp"

namespace xgrad {

/// mean + deviation e, e normal. deviation is not negative.
template <class T>
Tensor<T> sample_normal(const Tensor<T>& mean, const std::type_identity_t<Tensor<T>>& deviation,
                        const Shape& draws = {}, Generator& generator = default_generator());

/// low + (high - low) u, u uniform in [0, 1). low is not above high.
template <class T>
Tensor<T> sample_uniform(const Tensor<T>& low, const std::type_identity_t<Tensor<T>>& high,
                         const Shape& draws = {}, Generator& generator = default_generator());

struct GumbelSoftmaxOptions {
  double tau = 1;     ///< the temperature; positive
  bool hard = false;  ///< the sample is 1 for one class; its gradient is that of the soft one
  std::ptrdiff_t axis = -1;  ///< of the classes
};

/// softmax((logits + g) / tau), g from Gumbel's distribution: near 1 for a class drawn with the
/// probabilities softmax(logits), nearer for a smaller tau. Shapes: as logits.
/// Throws std::out_of_range for an axis that is not there.
/// Source: E. Jang, S. Gu, B. Poole, Categorical reparameterization with Gumbel-softmax, 2017.
template <class T>
Tensor<T> gumbel_softmax(const Tensor<T>& logits, GumbelSoftmaxOptions options = {},
                         Generator& generator = default_generator());

/// z / rate, z from the gamma distribution of the given shape parameter; both are positive and
/// finite. The mean is concentration / rate. A number that would be below the smallest normal one of
/// T is that. Gradient: dz/da = -(dF/da) / p with the distribution function F and its derivative p
/// by z, to some 1e-13 in double for any z and a. The second derivative is that of the quantile at a
/// fixed probability; a third one throws std::logic_error: detach() what is a constant. Complexity:
/// the gradient takes of the order of sqrt(concentration) operations up to 1e6, and few above.
/// Beta and Dirichlet numbers are quotients: x / (x + y) and x / sum(x).
/// Source: G. Marsaglia, W. W. Tsang, A simple method for generating gamma variables, 2000; M.
/// Figurnov, S. Mohamed, A. Mnih, Implicit reparameterization gradients, 2018.
template <class T>
Tensor<T> sample_gamma(const Tensor<T>& concentration,
                       const std::type_identity_t<Tensor<T>>& rate = Tensor<T>(1),
                       const Shape& draws = {}, Generator& generator = default_generator());

}  // namespace xgrad
