#include "xgrad/ops/arithmetic.hpp"

#include <cmath>
#include <limits>

#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/formulas/activations.hpp"
#include "xgrad/kernels/formulas/arithmetic.hpp"
#include "xgrad/kernels/formulas/comparisons.hpp"
#include "xgrad/kernels/formulas/elementary.hpp"
#include "xgrad/ops/math.hpp"

namespace xgrad {

using detail::apply;

template <class T>
Tensor<T> add(const Tensor<T>& a, const Tensor<T>& b) {
  return apply(primitives::Add{}, a, b);
}
template <class T>
Tensor<T> subtract(const Tensor<T>& a, const Tensor<T>& b) {
  return apply(primitives::Subtract{}, a, b);
}
template <class T>
Tensor<T> multiply(const Tensor<T>& a, const Tensor<T>& b) {
  return apply(primitives::Multiply{}, a, b);
}
template <class T>
Tensor<T> divide(const Tensor<T>& a, const Tensor<T>& b) {
  return apply(primitives::Divide{}, a, b);
}
template <class T>
Tensor<T> pow(const Tensor<T>& a, const Tensor<T>& b) {
  return apply(primitives::Power{}, a, b);
}
template <class T>
Tensor<T> maximum(const Tensor<T>& a, const Tensor<T>& b) {
  return apply(primitives::Maximum{}, a, b);
}
template <class T>
Tensor<T> minimum(const Tensor<T>& a, const Tensor<T>& b) {
  return apply(primitives::Minimum{}, a, b);
}
template <class T>
Tensor<T> detail::at_least(const Tensor<T>& x, std::type_identity_t<T> low) {
  if (std::isnan(low)) return maximum(x, Tensor<T>(low));
  return apply(primitives::Clamp{low, std::numeric_limits<T>::quiet_NaN()}, x);
}
template <class T>
Tensor<T> detail::at_most(const Tensor<T>& x, std::type_identity_t<T> high) {
  if (std::isnan(high)) return minimum(x, Tensor<T>(high));
  return apply(primitives::Clamp{std::numeric_limits<T>::quiet_NaN(), high}, x);
}
template <class T>
Tensor<T> negative(const Tensor<T>& x) {
  return apply(primitives::Negative{}, x);
}
template <class T>
Tensor<T> where(const Tensor<T>& mask, const std::type_identity_t<Tensor<T>>& a,
                const std::type_identity_t<Tensor<T>>& b) {
  return apply(primitives::Where{}, mask.detach(), a, b);
}
template <class T>
Tensor<T> pow(const Tensor<T>& x, std::type_identity_t<T> p) {
  if (p == T(2)) return square(x);
  if (p == T(0.5)) return sqrt(x);
  if (p == T(-1)) return reciprocal(x);
  return pow(x, Tensor<T>(p));
}

namespace {
// A mask has no gradient.
template <class F, class T, class... More>
Tensor<T> mask(const F& f, const Tensor<T>& a, const More&... more) {
  const NoGrad guard;
  return apply(f, a, more...);
}
}  // namespace

template <class T>
Tensor<T> less(const Tensor<T>& a, const Tensor<T>& b) {
  return mask(primitives::Less{}, a, b);
}
template <class T>
Tensor<T> less_equal(const Tensor<T>& a, const Tensor<T>& b) {
  return mask(primitives::LessEqual{}, a, b);
}
template <class T>
Tensor<T> greater(const Tensor<T>& a, const Tensor<T>& b) {
  return mask(primitives::Greater{}, a, b);
}
template <class T>
Tensor<T> greater_equal(const Tensor<T>& a, const Tensor<T>& b) {
  return mask(primitives::GreaterEqual{}, a, b);
}
template <class T>
Tensor<T> equal(const Tensor<T>& a, const Tensor<T>& b) {
  return mask(primitives::Equal{}, a, b);
}
template <class T>
Tensor<T> not_equal(const Tensor<T>& a, const Tensor<T>& b) {
  return mask(primitives::NotEqual{}, a, b);
}
template <class T>
Tensor<T> logical_and(const Tensor<T>& a, const Tensor<T>& b) {
  return mask(primitives::And{}, a, b);
}
template <class T>
Tensor<T> logical_or(const Tensor<T>& a, const Tensor<T>& b) {
  return mask(primitives::Or{}, a, b);
}
template <class T>
Tensor<T> logical_not(const Tensor<T>& a) {
  return mask(primitives::Not{}, a);
}

template <class T>
Tensor<T> masked_fill(const Tensor<T>& x, const std::type_identity_t<Tensor<T>>& mask,
                      std::type_identity_t<T> value) {
  Shape both;
  detail::require(detail::broadcast(x.shape(), mask.shape(), both), "masked_fill",
                  "shapes do not broadcast: x ", x.shape(), ", mask ", mask.shape());
  return where(mask, Tensor<T>(value), x);
}
template <class T>
Tensor<T> logaddexp(const Tensor<T>& a, const Tensor<T>& b) {
  return apply(primitives::LogAddExp{}, a, b);
}
template <class T>
Tensor<T> xlogy(const Tensor<T>& x, const Tensor<T>& y) {
  return apply(primitives::XLogY{}, x, y);
}
template <class T>
Tensor<T> atan2(const Tensor<T>& y, const Tensor<T>& x) {
  return apply(primitives::Atan2{}, y, x);
}
template <class T>
Tensor<T> isnan(const Tensor<T>& x) {
  return not_equal(x, x);
}
template <class T>
Tensor<T> isinf(const Tensor<T>& x) {
  return equal(abs(x.detach()), Tensor<T>(std::numeric_limits<T>::infinity()));
}
template <class T>
Tensor<T> isfinite(const Tensor<T>& x) {
  return less(abs(x.detach()), Tensor<T>(std::numeric_limits<T>::infinity()));
}

#define XGRAD_INSTANTIATE(T)                                                               \
  template Tensor<T> add(const Tensor<T>&, const Tensor<T>&);                              \
  template Tensor<T> subtract(const Tensor<T>&, const Tensor<T>&);                         \
  template Tensor<T> multiply(const Tensor<T>&, const Tensor<T>&);                         \
  template Tensor<T> divide(const Tensor<T>&, const Tensor<T>&);                           \
  template Tensor<T> pow(const Tensor<T>&, const Tensor<T>&);                              \
  template Tensor<T> maximum(const Tensor<T>&, const Tensor<T>&);                          \
  template Tensor<T> minimum(const Tensor<T>&, const Tensor<T>&);                          \
  template Tensor<T> detail::at_least(const Tensor<T>&, std::type_identity_t<T>);          \
  template Tensor<T> detail::at_most(const Tensor<T>&, std::type_identity_t<T>);           \
  template Tensor<T> less(const Tensor<T>&, const Tensor<T>&);                             \
  template Tensor<T> less_equal(const Tensor<T>&, const Tensor<T>&);                       \
  template Tensor<T> greater(const Tensor<T>&, const Tensor<T>&);                          \
  template Tensor<T> greater_equal(const Tensor<T>&, const Tensor<T>&);                    \
  template Tensor<T> equal(const Tensor<T>&, const Tensor<T>&);                            \
  template Tensor<T> not_equal(const Tensor<T>&, const Tensor<T>&);                        \
  template Tensor<T> logical_and(const Tensor<T>&, const Tensor<T>&);                      \
  template Tensor<T> logical_or(const Tensor<T>&, const Tensor<T>&);                       \
  template Tensor<T> negative(const Tensor<T>&);                                           \
  template Tensor<T> logical_not(const Tensor<T>&);                                        \
  template Tensor<T> pow(const Tensor<T>&, std::type_identity_t<T>);                       \
  template Tensor<T> where(const Tensor<T>&, const std::type_identity_t<Tensor<T>>&,       \
                           const std::type_identity_t<Tensor<T>>&);                        \
  template Tensor<T> masked_fill(const Tensor<T>&, const std::type_identity_t<Tensor<T>>&, \
                                 std::type_identity_t<T>);                                 \
  template Tensor<T> logaddexp(const Tensor<T>&, const Tensor<T>&);                        \
  template Tensor<T> xlogy(const Tensor<T>&, const Tensor<T>&);                            \
  template Tensor<T> atan2(const Tensor<T>&, const Tensor<T>&);                            \
  template Tensor<T> isnan(const Tensor<T>&);                                              \
  template Tensor<T> isinf(const Tensor<T>&);                                              \
  template Tensor<T> isfinite(const Tensor<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
