// A user's program: d(x^3)/dx at 2, by a folder ops/ of its own.

#include <cstdio>
#include <xgrad/xgrad.hpp>

#include "ops/math.hpp"

int main() {
  const xgrad::Tensor<double> x = xgrad::parameter(xgrad::Tensor<double>(2.0));
  const xgrad::Tensor<double> y = own::cube(x);
  y.backward();
  std::printf("%g\n", x.grad()());
  return x.grad()() == 12.0 ? 0 : 1;
}
