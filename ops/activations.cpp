#include "xgrad/ops/activations.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "xgrad/autograd/broadcast.hpp"
#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/formulas/activations.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/extrema.hpp"

namespace xgrad {

using detail::apply;

template <class T>
Tensor<T> log_sigmoid(const Tensor<T>& x) {
  return apply(primitives::LogSigmoid{}, x);
}

template <class T>
Tensor<T> clamp(const Tensor<T>& x, std::type_identity_t<T> low, std::type_identity_t<T> high) {
  detail::require(low <= high, "clamp", "low is not at most high: low ", low, ", high ", high);
  constexpr T kNone = std::numeric_limits<T>::quiet_NaN(),
              kInfinity = std::numeric_limits<T>::infinity();
  return apply(primitives::Clamp{low == -kInfinity ? kNone : low, high == kInfinity ? kNone : high},
               x);
}

template <class T>
Tensor<T> hardtanh(const Tensor<T>& x, std::type_identity_t<T> low, std::type_identity_t<T> high) {
  return clamp(x, low, high);
}

template <class T>
Tensor<T> relu6(const Tensor<T>& x) {
  return clamp(x, T(0), T(6));
}

template <class T>
Tensor<T> leaky_relu(const Tensor<T>& x, std::type_identity_t<T> slope) {
  return apply(primitives::LeakyRelu{slope}, x);
}

namespace {
// Slopes (c) as (c, 1, ...), so that they belong to axis 1 of x.
template <class T>
Tensor<T> along_channels(const Tensor<T>& x, const Tensor<T>& slope) {
  if (slope.rank() != 1 || slope.size() == 1 || x.rank() < 3) return slope;
  if (x.size(1) != slope.size()) {
    detail::fail("prelu", "axis 1 has not one channel for each slope: x ", x.shape(), ", slopes ",
                 slope.shape());
  }
  Shape shape = slope.shape();
  for (std::size_t i = 2; i < x.rank(); ++i) shape.push_back(1);
  return detail::view(slope, shape);
}
}  // namespace

template <class T>
Tensor<T> prelu(const Tensor<T>& x, const Tensor<T>& slope) {
  return apply(primitives::Prelu{}, x, along_channels(x, slope));
}

template <class T>
Tensor<T> elu(const Tensor<T>& x, std::type_identity_t<T> alpha) {
  detail::require_in("elu", "alpha", alpha, "[0, inf]");
  return apply(primitives::ExponentialLinear{alpha, 1, 1}, x);
}

template <class T>
Tensor<T> celu(const Tensor<T>& x, std::type_identity_t<T> alpha) {
  detail::require_in("celu", "alpha", alpha, "(0, inf]");
  if (std::isinf(alpha)) return apply(primitives::LeakyRelu{1}, x);  // the limit, x
  return apply(primitives::ExponentialLinear{alpha, 1, alpha}, x);
}

template <class T>
Tensor<T> selu(const Tensor<T>& x) {
  return apply(primitives::ExponentialLinear{1.6732632423543772, 1.0507009873554805, 1}, x);
}

template <class T>
Tensor<T> gelu(const Tensor<T>& x, GeluForm form) {
  return form == GeluForm::exact ? apply(primitives::Gelu{}, x) : apply(primitives::GeluTanh{}, x);
}

template <class T>
Tensor<T> silu(const Tensor<T>& x) {
  return apply(primitives::Silu{}, x);
}

template <class T>
Tensor<T> softsign(const Tensor<T>& x) {
  return apply(primitives::Softsign{}, x);
}

template <class T>
Tensor<T> mish(const Tensor<T>& x) {
  return apply(primitives::Mish{}, x);
}

template <class T>
Tensor<T> maxout(const Tensor<T>& x, std::size_t pieces) {
  if (x.rank() == 0 || pieces == 0 || x.shape().back() % pieces != 0) {
    detail::fail("maxout", "the last axis is no multiple of the pieces: x ", x.shape(), ", pieces ",
                 pieces);
  }
  Shape groups = x.shape();
  groups[groups.rank() - 1] /= pieces;
  groups.push_back(pieces);
  return max(detail::view(x, groups), -1);
}

#define XGRAD_INSTANTIATE(T)                                                                       \
  template Tensor<T> log_sigmoid(const Tensor<T>&);                                                \
  template Tensor<T> clamp(const Tensor<T>&, std::type_identity_t<T>, std::type_identity_t<T>);    \
  template Tensor<T> hardtanh(const Tensor<T>&, std::type_identity_t<T>, std::type_identity_t<T>); \
  template Tensor<T> relu6(const Tensor<T>&);                                                      \
  template Tensor<T> leaky_relu(const Tensor<T>&, std::type_identity_t<T>);                        \
  template Tensor<T> prelu(const Tensor<T>&, const Tensor<T>&);                                    \
  template Tensor<T> elu(const Tensor<T>&, std::type_identity_t<T>);                               \
  template Tensor<T> celu(const Tensor<T>&, std::type_identity_t<T>);                              \
  template Tensor<T> selu(const Tensor<T>&);                                                       \
  template Tensor<T> gelu(const Tensor<T>&, GeluForm);                                             \
  template Tensor<T> silu(const Tensor<T>&);                                                       \
  template Tensor<T> softsign(const Tensor<T>&);                                                   \
  template Tensor<T> mish(const Tensor<T>&);                                                       \
  template Tensor<T> maxout(const Tensor<T>&, std::size_t);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
