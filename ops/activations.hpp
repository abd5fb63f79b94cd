#pragma once

// Activation functions: (any shape) -> the same shape, element by element (maxout excepted). relu,
// sigmoid, tanh and softplus are in xgrad/ops/math.hpp. Slopes at kinks: docs/conventions.md.
// Errors of values: docs/precision.md.

#include <type_traits>

#include "xgrad/autograd/tensor.hpp"
#include "xgrad/ops/math.hpp"

namespace xgrad {

/// log(sigmoid(x)), without underflow. Gradient: gx = gy sigmoid(-x). Error: 1.9.
template <class T>
Tensor<T> log_sigmoid(const Tensor<T>& x);

/// x limited to [low, high]. Gradient: gy strictly inside, 0 at and beyond the limits. An infinite
/// limit is none. Throws std::invalid_argument unless low <= high.
template <class T>
Tensor<T> clamp(const Tensor<T>& x, std::type_identity_t<T> low, std::type_identity_t<T> high);

/// The same under NumPy's name.
template <class T>
Tensor<T> clip(const Tensor<T>& x, std::type_identity_t<T> low, std::type_identity_t<T> high) {
  return clamp(x, low, high);
}

/// clamp to [low, high], [-1, 1] by default.
template <class T>
Tensor<T> hardtanh(const Tensor<T>& x, std::type_identity_t<T> low = T(-1),
                   std::type_identity_t<T> high = T(1));

/// clamp to [0, 6].
template <class T>
Tensor<T> relu6(const Tensor<T>& x);

/// x for x > 0, slope x else. The slope at 0 is `slope`.
template <class T>
Tensor<T> leaky_relu(const Tensor<T>& x, std::type_identity_t<T> slope = T(0.01));

/// leaky_relu with a slope that is learned. Slopes (c) belong to axis 1 of x (n, c, ...); slopes of
/// other shapes broadcast against x. Throws std::invalid_argument when axis 1 is not of size c. He,
/// Zhang, Ren, Sun 2015, eq. 1.
template <class T>
Tensor<T> prelu(const Tensor<T>& x, const Tensor<T>& slope);

/// x for x > 0, alpha (e^x - 1) else; alpha >= 0. The slope at 0 is alpha. Clevert, Unterthiner,
/// Hochreiter 2016. Error: 1.5.
template <class T>
Tensor<T> elu(const Tensor<T>& x, std::type_identity_t<T> alpha = T(1));

/// x for x > 0, alpha (e^(x / alpha) - 1) else; alpha > 0. Barron 2017. Error: 1.5.
template <class T>
Tensor<T> celu(const Tensor<T>& x, std::type_identity_t<T> alpha = T(1));

/// 1.0507009873554805 elu(x, 1.6732632423543772). Klambauer, Unterthiner, Mayr, Hochreiter 2017.
/// Error: 3.5.
template <class T>
Tensor<T> selu(const Tensor<T>& x);

enum class GeluForm {
  exact,  ///< x Phi(x), Phi the normal distribution function (ndtr)
  tanh,   ///< 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
};

/// Hendrycks, Gimpel 2016. Error: 4.5; of the form `tanh` without fused products (baseline) 3 |x|^3
/// below -2.
template <class T>
Tensor<T> gelu(const Tensor<T>& x, GeluForm form = GeluForm::exact);

/// x sigmoid(x), also known as swish. Elfwing, Uchibe, Doya 2017. Error: 3.2.
template <class T>
Tensor<T> silu(const Tensor<T>& x);

/// x / (1 + |x|). Error: 1.9.
template <class T>
Tensor<T> softsign(const Tensor<T>& x);

/// x tanh(softplus(x)). Misra 2019. Error: 4.
template <class T>
Tensor<T> mish(const Tensor<T>& x);

/// The largest of `pieces` neighbours on the last axis: y[o] = max over j of x[o pieces + j].
/// Shapes: x (..., out pieces) -> (..., out). Gradient: gy at the largest, shared evenly between
/// equal ones. Throws std::invalid_argument for a scalar, and unless `pieces` divides the last axis
/// and is not 0. Goodfellow, Warde-Farley, Mirza, Courville, Bengio 2013.
template <class T>
Tensor<T> maxout(const Tensor<T>& x, std::size_t pieces);

}  // namespace xgrad
