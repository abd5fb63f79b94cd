#include "xgrad/ops/gamma.hpp"

#include "xgrad/autograd/elementwise.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/autograd/record.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/gamma.hpp"

namespace xgrad {

using detail::Rule;

namespace {

template <class T>
Tensor<T> derivative_of_digamma(unsigned n, const Tensor<T>& x);

template <class T>
void lgamma_backward(const void*, Backward<T>& b) {
  b.add(0, detail::chain(b.gradient(), derivative_of_digamma<T>(0, b.input(0))));
}
template <class T>
void polygamma_backward(const void* attributes, Backward<T>& b) {
  const unsigned n = *static_cast<const unsigned*>(attributes);
  b.add(0, detail::chain(b.gradient(), derivative_of_digamma<T>(n + 1, b.input(0))));
}

template <class T>
const Rule<T> kLgamma = {"lgamma", &lgamma_backward<T>, nullptr};
template <class T>
const Rule<T> kDigamma = {"digamma", &polygamma_backward<T>, nullptr};
template <class T>
const Rule<T> kPolygamma = {"polygamma", &polygamma_backward<T>, nullptr};

template <class T>
Tensor<T> derivative_of_digamma(unsigned n, const Tensor<T>& x) {
  Tensor<T> y = Tensor<T>::uninitialized(x.shape());
  kernels::polygamma(n, x.data(), y.node()->data, x.size());
  detail::record<T>(y, n == 0 ? kDigamma<T> : kPolygamma<T>, {&x}, {.inputs = 1}, n);
  detail::log_again(y, [n](const auto& o) { return derivative_of_digamma(n, o[0]); });
  return y;
}

}  // namespace

template <class T>
Tensor<T> lgamma(const Tensor<T>& x) {
  Tensor<T> y = Tensor<T>::uninitialized(x.shape());
  kernels::lgamma(x.data(), y.node()->data, x.size());
  detail::record<T>(y, kLgamma<T>, {&x}, {.inputs = 1});
  detail::log_again(y, [](const auto& o) { return lgamma(o[0]); });
  return y;
}

template <class T>
Tensor<T> digamma(const Tensor<T>& x) {
  return derivative_of_digamma(0, x);
}

template <class T>
Tensor<T> polygamma(std::size_t n, const Tensor<T>& x) {
  detail::require(n <= 100, "polygamma", "the order is above 100: ", n);
  return derivative_of_digamma(static_cast<unsigned>(n), x);
}

#define XGRAD_INSTANTIATE(T)                    \
  template Tensor<T> lgamma(const Tensor<T>&);  \
  template Tensor<T> digamma(const Tensor<T>&); \
  template Tensor<T> polygamma(std::size_t, const Tensor<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
