// A user's program: d(x^3)/dx at 2.

#include <cstdio>
#include <xgrad/xgrad.hpp>

int main() {
  const xgrad::Tensor<double> x = xgrad::parameter(xgrad::Tensor<double>(2.0));
  const xgrad::Tensor<double> y = x * x * x;
  y.backward();
  std::printf("%g\n", x.grad()());
  return x.grad()() == 12.0 ? 0 : 1;
}
