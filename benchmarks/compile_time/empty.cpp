// The least program that uses the library: what it costs to start.

#include <cstdio>
#include <xgrad/xgrad.hpp>

int main() {
  const auto x = xgrad::parameter(xgrad::Tensor<float>::filled({2, 2}, 1));
  sum(x * x).backward();
  std::printf("%f\n", static_cast<double>(sum(x.gradient()).item()));
}
