#include "xgrad/ops/positions.hpp"

#include <cmath>

#include "xgrad/autograd/as_one.hpp"
#include "xgrad/base/errors.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"

namespace xgrad {
namespace {

void check(const char* operation, std::size_t width, double base) {
  detail::require(width % 2 == 0, operation, "the width is odd: ", width);
  detail::require_in(operation, "base", base, "(0, inf)");
}

// f(angle of pair k at position first + i): (length, width / 2).
template <class T>
Tensor<T> of_angles(double (*f)(double), std::size_t length, std::size_t width, std::size_t first,
                    double base) {
  const std::size_t pairs = width / 2;
  const Tensor<T> y = Tensor<T>::uninitialized({length, pairs});
  for (std::size_t k = 0; k < pairs; ++k) {
    const double period = std::pow(base, 2 * static_cast<double>(k) / static_cast<double>(width));
    for (std::size_t i = 0; i < length; ++i) {
      y.node()->data[i * pairs + k] = static_cast<T>(f(static_cast<double>(first + i) / period));
    }
  }
  return detail::constant(y);
}

}  // namespace

template <class T>
Tensor<T> sinusoidal_positions(std::size_t length, std::size_t width, std::size_t first,
                               double base) {
  check("sinusoidal_positions", width, base);
  const Tensor<T> sines = of_angles<T>(std::sin, length, width, first, base),
                  cosines = of_angles<T>(std::cos, length, width, first, base);
  return reshape(stack({sines, cosines}, -1), Shape{length, width});
}

template <class T>
Tensor<T> rotary(const Tensor<T>& x, const RotaryOptions& o) {
  const std::size_t rank = x.rank();
  detail::require(rank >= 2, "rotary", "x has no axis of positions: x ", x.shape());
  const std::size_t length = x.shape()[rank - 2], width = x.shape()[rank - 1];
  check("rotary", width, o.base);
  Shape pairs(x.shape().begin(), x.shape().end() - 1);
  pairs.push_back(o.halves ? 2 : width / 2);
  pairs.push_back(o.halves ? width / 2 : 2);
  const std::ptrdiff_t axis = o.halves ? -2 : -1;
  const Tensor<T> p = reshape(x, pairs), a = select(p, axis, 0), b = select(p, axis, 1),
                  c = of_angles<T>(std::cos, length, width, o.first, o.base),
                  s = of_angles<T>(std::sin, length, width, o.first, o.base);
  return reshape(stack({a * c - b * s, a * s + b * c}, axis), x.shape());
}

#define XGRAD_INSTANTIATE(T)                                                              \
  template Tensor<T> sinusoidal_positions(std::size_t, std::size_t, std::size_t, double); \
  template Tensor<T> rotary(const Tensor<T>&, const RotaryOptions&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
