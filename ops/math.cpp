#include "xgrad/ops/math.hpp"

#include <cmath>

#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/formulas/elementary.hpp"
#include "xgrad/kernels/formulas/special.hpp"
#include "xgrad/kernels/formulas/trigonometry.hpp"
#include "xgrad/ops/arithmetic.hpp"

namespace xgrad {

using detail::apply;

template <class T>
Tensor<T> exp(const Tensor<T>& x) {
  return apply(primitives::Exp{}, x);
}
template <class T>
Tensor<T> expm1(const Tensor<T>& x) {
  return apply(primitives::Expm1{}, x);
}
template <class T>
Tensor<T> log(const Tensor<T>& x) {
  return apply(primitives::Log{}, x);
}
template <class T>
Tensor<T> log1p(const Tensor<T>& x) {
  return apply(primitives::Log1p{}, x);
}
template <class T>
Tensor<T> sqrt(const Tensor<T>& x) {
  return apply(primitives::Sqrt{}, x);
}
template <class T>
Tensor<T> rsqrt(const Tensor<T>& x) {
  return apply(primitives::Rsqrt{}, x);
}
template <class T>
Tensor<T> square(const Tensor<T>& x) {
  return apply(primitives::Square{}, x);
}
template <class T>
Tensor<T> reciprocal(const Tensor<T>& x) {
  return apply(primitives::Reciprocal{}, x);
}
template <class T>
Tensor<T> abs(const Tensor<T>& x) {
  return apply(primitives::Abs{}, x);
}
template <class T>
Tensor<T> sign(const Tensor<T>& x) {
  return apply(primitives::Sign{}, x);
}
template <class T>
Tensor<T> sin(const Tensor<T>& x) {
  return apply(primitives::Sin{}, x);
}
template <class T>
Tensor<T> cos(const Tensor<T>& x) {
  return apply(primitives::Cos{}, x);
}
template <class T>
Tensor<T> tan(const Tensor<T>& x) {
  return apply(primitives::Tan{}, x);
}
template <class T>
Tensor<T> asin(const Tensor<T>& x) {
  return apply(primitives::Asin{}, x);
}
template <class T>
Tensor<T> acos(const Tensor<T>& x) {
  return apply(primitives::Acos{}, x);
}
template <class T>
Tensor<T> atan(const Tensor<T>& x) {
  return apply(primitives::Atan{}, x);
}
template <class T>
Tensor<T> sinh(const Tensor<T>& x) {
  return apply(primitives::Sinh{}, x);
}
template <class T>
Tensor<T> cosh(const Tensor<T>& x) {
  return apply(primitives::Cosh{}, x);
}
template <class T>
Tensor<T> tanh(const Tensor<T>& x) {
  return apply(primitives::Tanh{}, x);
}
template <class T>
Tensor<T> erf(const Tensor<T>& x) {
  return apply(primitives::Erf{}, x);
}
template <class T>
Tensor<T> ndtr(const Tensor<T>& x) {
  return apply(primitives::Ndtr{}, x);
}
template <class T>
Tensor<T> floor(const Tensor<T>& x) {
  return apply(primitives::Floor{}, x);
}
template <class T>
Tensor<T> ceil(const Tensor<T>& x) {
  return -floor(-x);
}
template <class T>
Tensor<T> round(const Tensor<T>& x) {
  return apply(primitives::Round{}, x);
}
template <class T>
Tensor<T> sigmoid(const Tensor<T>& x) {
  return apply(primitives::Sigmoid{}, x);
}
template <class T>
Tensor<T> logistic_density(const Tensor<T>& x) {
  return apply(primitives::LogisticDensity{}, x);
}
template <class T>
Tensor<T> relu(const Tensor<T>& x) {
  return apply(primitives::Relu{}, x);
}
template <class T>
Tensor<T> softplus(const Tensor<T>& x) {
  return apply(primitives::Softplus{}, x);
}
template <class T>
Tensor<T> softplus(const Tensor<T>& x, std::type_identity_t<T> beta) {
  detail::require_in("softplus", "beta", beta, "(0, inf)");
  return beta == 1 ? softplus(x) : softplus(x * beta) / beta;
}

#define XGRAD_INSTANTIATE(T)                             \
  template Tensor<T> exp(const Tensor<T>&);              \
  template Tensor<T> expm1(const Tensor<T>&);            \
  template Tensor<T> log(const Tensor<T>&);              \
  template Tensor<T> log1p(const Tensor<T>&);            \
  template Tensor<T> sqrt(const Tensor<T>&);             \
  template Tensor<T> rsqrt(const Tensor<T>&);            \
  template Tensor<T> square(const Tensor<T>&);           \
  template Tensor<T> reciprocal(const Tensor<T>&);       \
  template Tensor<T> abs(const Tensor<T>&);              \
  template Tensor<T> sign(const Tensor<T>&);             \
  template Tensor<T> sin(const Tensor<T>&);              \
  template Tensor<T> cos(const Tensor<T>&);              \
  template Tensor<T> tan(const Tensor<T>&);              \
  template Tensor<T> asin(const Tensor<T>&);             \
  template Tensor<T> acos(const Tensor<T>&);             \
  template Tensor<T> atan(const Tensor<T>&);             \
  template Tensor<T> sinh(const Tensor<T>&);             \
  template Tensor<T> cosh(const Tensor<T>&);             \
  template Tensor<T> tanh(const Tensor<T>&);             \
  template Tensor<T> erf(const Tensor<T>&);              \
  template Tensor<T> ndtr(const Tensor<T>&);             \
  template Tensor<T> floor(const Tensor<T>&);            \
  template Tensor<T> ceil(const Tensor<T>&);             \
  template Tensor<T> round(const Tensor<T>&);            \
  template Tensor<T> sigmoid(const Tensor<T>&);          \
  template Tensor<T> logistic_density(const Tensor<T>&); \
  template Tensor<T> relu(const Tensor<T>&);             \
  template Tensor<T> softplus(const Tensor<T>&);         \
  template Tensor<T> softplus(const Tensor<T>&, std::type_identity_t<T>);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
