#include "xgrad/ops/creation.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/autograd/operation_log.hpp"
#include "xgrad/base/errors.hpp"

namespace xgrad {

template <class T>
Tensor<T> arange(double start, double stop, double step) {
  const double count = std::ceil((stop - start) / step);
  if (step == 0 || !(std::abs(count) < 0x1p63)) {
    detail::fail("arange", "no number of steps that an array can have: start ", start, ", stop ",
                 stop, ", step ", step);
  }
  const std::size_t n = count > 0 ? static_cast<std::size_t>(count) : 0;
  Tensor<T> y = Tensor<T>::uninitialized({n});
  T* const data = y.node()->data;
  for (std::size_t i = 0; i < n; ++i)
    data[i] = static_cast<T>(start + static_cast<double>(i) * step);
  return detail::constant(y);
}

template <class T>
Tensor<T> linspace(double start, double stop, std::size_t n) {
  Tensor<T> y = Tensor<T>::uninitialized({n});
  T* const data = y.node()->data;
  for (std::size_t i = 0; i < n; ++i) {
    const double way = n > 1 ? static_cast<double>(i) / static_cast<double>(n - 1) : 0;
    data[i] = static_cast<T>(start * (1 - way) + stop * way);
  }
  return detail::constant(y);
}

template <class T>
Tensor<T> eye(std::size_t n, std::size_t m) {
  Tensor<T> y = zeros<T>({n, m});
  for (std::size_t i = 0; i < std::min(n, m); ++i) y.node()->data[i * m + i] = T(1);
  return y;
}

template <class T>
Tensor<T> from_indices(const Indices& index) {
  Tensor<T> y = Tensor<T>::uninitialized(Shape(index.shape()));
  std::transform(index.data(), index.data() + index.size(), y.node()->data,
                 [](std::int64_t i) { return static_cast<T>(i); });
  if (!detail::is_logged<T>()) return y;
  return detail::source("from_indices", y, [followed = detail::FollowedIndices(index)] {
    return from_indices<T>(followed.get());
  });
}

#define XGRAD_INSTANTIATE(T)                                   \
  template Tensor<T> arange<T>(double, double, double);        \
  template Tensor<T> linspace<T>(double, double, std::size_t); \
  template Tensor<T> eye<T>(std::size_t, std::size_t);         \
  template Tensor<T> from_indices<T>(const Indices&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
